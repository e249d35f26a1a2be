"""Limits with a unit, and figures held against them by the rule of the budgets.

``figure < 200 * us`` has the verdict that a budget of 200 us gives (:mod:`hil.model.verdicts`), in
the direction that the operator says.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from operator import methodcaller
from typing import TYPE_CHECKING, Literal

from hil.model.errors import ConfigurationError
from hil.model.results import Measurement
from hil.model.units import describe_figure
from hil.model.verdicts import decide_by

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Final

    from hil.model.metric import Sense
    from hil.model.results import Verdict

Kind = Literal["time", "ratio", "frequency"]
Operator = Literal["<", "<=", ">", ">=", "=="]
_UNITS: Final[dict[str, tuple[Kind, float]]] = {
    "ns": ("time", 1e-3),
    "us": ("time", 1.0),
    "ms": ("time", 1e3),
    "s": ("time", 1e6),
    "ppm": ("ratio", 1.0),
    "%": ("ratio", 1e4),
    "1": ("ratio", 1e6),
    "hz": ("frequency", 1.0),
}
"""What a unit measures, and one of it in microseconds, ppm or hertz."""
_EXAMPLE: Final[dict[Kind, str]] = {
    "time": "200 * us",
    "ratio": "20 * ppm",
    "frequency": "50 * Hz",
}
_MIRRORED: Final[dict[Operator, Operator]] = {
    "<": ">",
    "<=": ">=",
    ">": "<",
    ">=": "<=",
    "==": "==",
}
_PLAIN = ("count", "bytes", "1")
"""Units of figures that are held against plain numbers."""
_MOST_SHOWN = 3
__tracebackhide__ = methodcaller("errisinstance", ConfigurationError)
"""For pytest: a limit that can't be compared is the test's mistake, and shown there."""


@dataclass(frozen=True, slots=True, eq=False)
class Quantity:
    """An amount with its unit: ``200 * us``. ``hil.units`` has one of each unit.

    Raises :class:`~hil.model.errors.ConfigurationError` where it is compared with what has no unit
    or measures something else.
    """

    amount: float
    unit: str

    @property
    def base(self) -> float:
        """In microseconds, ppm or hertz."""
        return self.amount * _UNITS[self.unit][1]

    @property
    def kind(self) -> Kind:
        """What its unit measures."""
        return _UNITS[self.unit][0]

    def __mul__(self, factor: float) -> Quantity:
        return Quantity(self.amount * factor, self.unit)

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> Quantity:
        return Quantity(self.amount / divisor, self.unit)

    def __neg__(self) -> Quantity:
        return Quantity(-self.amount, self.unit)

    def __abs__(self) -> Quantity:
        return Quantity(abs(self.amount), self.unit)

    def __add__(self, other: Quantity) -> Quantity:
        return Quantity((self.base + _same_kind(self, other)) / _UNITS[self.unit][1], self.unit)

    def __sub__(self, other: Quantity) -> Quantity:
        return self + -other

    def __hash__(self) -> int:
        return hash((self.kind, self.base))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Quantity):
            return NotImplemented
        return (self.kind, self.base) == (other.kind, other.base)

    def __lt__(self, other: Quantity | Measurement) -> bool | LimitOutcome:
        return self._compared("<", other, lambda a, b: a < b)

    def __le__(self, other: Quantity | Measurement) -> bool | LimitOutcome:
        return self._compared("<=", other, lambda a, b: a <= b)

    def __gt__(self, other: Quantity | Measurement) -> bool | LimitOutcome:
        return self._compared(">", other, lambda a, b: a > b)

    def __ge__(self, other: Quantity | Measurement) -> bool | LimitOutcome:
        return self._compared(">=", other, lambda a, b: a >= b)

    def __repr__(self) -> str:
        return f"{self.amount:g} {'Hz' if self.unit == 'hz' else self.unit}"

    def _compared(
        self, operator: Operator, other: object, holds: Callable[[float, float], bool]
    ) -> bool | LimitOutcome:
        """Two quantities by their amounts; of a figure, whether it keeps this limit."""
        if isinstance(other, Measurement):
            return hold((other,), _MIRRORED[operator], self)
        if not isinstance(other, Quantity | int | float):
            refused: bool = NotImplemented
            return refused
        return holds(self.base, _same_kind(self, other))


def _same_kind(this: Quantity, other: object) -> float:
    """What ``other`` has in the base unit of ``this``."""
    if not isinstance(other, Quantity):
        raise ConfigurationError(f"{this!r} and {other!r:.40}: a plain number has no unit")
    if this.kind != other.kind:
        raise ConfigurationError(f"{this!r} and {other!r}: one is a {this.kind}, the other is not")
    return other.base


Limit = Quantity | float | int


@dataclass(frozen=True, slots=True)
class Held:
    """One figure and its verdict by a limit; ``remark`` is what to keep in mind of it."""

    figure: Measurement
    verdict: Verdict
    remark: str | None = None


@dataclass(frozen=True, slots=True)
class LimitOutcome:
    """Figures held against one limit: true unless one of them fails.

    An undecided one, whose bounds lie on both sides of the limit, counts as a failure only where
    ``undecided_fails``; :attr:`verdict` tells in any case.
    """

    held: tuple[Held, ...]
    operator: Operator
    limit: str
    undecided_fails: bool = False

    @property
    def verdict(self) -> Verdict:
        """The worst of the figures' verdicts: ``fail``, else ``undecided``, else ``pass``."""
        words = {held.verdict for held in self.held}
        return next((word for word in _WORST_FIRST if word in words), "none")

    @property
    def failed(self) -> tuple[Measurement, ...]:
        """The figures because of which it does not hold."""
        return tuple(held.figure for held in self._bad())

    def __bool__(self) -> bool:
        return not self.failed

    def __repr__(self) -> str:
        return f"{self.verdict}: " + "; ".join(self.lines())

    def lines(self) -> list[str]:
        """What was asked and what came of it: a line, and one for each figure, three at most.

        Where it does not hold, the figures that fail.
        """
        names = " ".join(dict.fromkeys(held.figure.metric for held in self.held))
        shown = self._bad() or list(self.held)
        what = f"{names} {self.operator} {self.limit}"
        if not self:
            word = "fails" if self.verdict == "fail" else "is undecided"
            what += f" {word} for {len(shown)} of {len(self.held)}"
        more = len(shown) - _MOST_SHOWN
        lines = [what, *map(_line, shown[:_MOST_SHOWN])]
        return lines + ([f"and {more} more"] if more > 0 else [])

    def _bad(self) -> list[Held]:
        words = ("fail", "undecided") if self.undecided_fails else ("fail",)
        return [held for word in words for held in self.held if held.verdict == word]


_WORST_FIRST: tuple[Verdict, ...] = ("fail", "undecided", "pass")


def _line(held: Held) -> str:
    figure = held.figure
    where = ""
    if figure.where_us is not None:
        where = f"; the worst is {figure.where_us / 1e6:.6f} s into the window"
    why = f"; {_WHY[held.verdict]}" if held.verdict in _WHY else ""
    return f"{describe_figure(figure, by_name=False)} on {figure.board}{why}{where}"


_WHY = {"undecided": "undecided: measure longer with --hil-duration-s"}


def explain_comparison(operator: str, left: object, right: object) -> list[str] | None:
    """What a failed ``left operator right`` with figures shows, ``None`` for other comparisons."""
    known = next((known for known in _MIRRORED if known == operator), None)
    if known is None:
        return None
    if isinstance(left, Quantity):
        left, right, known = right, left, _MIRRORED[known]
    if isinstance(left, Measurement) and isinstance(right, Quantity):
        return hold((left,), known, right).lines()
    explain = getattr(left, "explain_limit", None)
    numbers = isinstance(right, Quantity | int | float)
    return explain(known, right) if callable(explain) and numbers else None


def hold(
    figures: Iterable[Measurement],
    operator: Operator,
    limit: Limit,
    *,
    magnitude: bool = False,
    undecided_fails: bool = False,
) -> LimitOutcome:
    """Hold every one of ``figures`` against ``limit``; ``magnitude``: without their signs.

    Raises :class:`~hil.model.errors.ConfigurationError` where the limit is in another unit than a
    figure.
    """
    held = tuple(_held(figure, operator, limit, magnitude) for figure in figures)
    shown = repr(limit) if isinstance(limit, Quantity) else f"{limit:g}"
    return LimitOutcome(held, operator, shown, undecided_fails)


def _held(figure: Measurement, operator: Operator, limit: Limit, magnitude: bool) -> Held:
    amount = _in_unit_of(figure, limit)
    senses: list[tuple[Sense, float]] = []
    if operator in ("<", "<=", "=="):
        senses.append(("lower", _strict(figure, operator, amount)))
    if operator in (">", ">=", "=="):
        senses.append(("higher", _strict(figure, operator, amount)))
    shown = _without_sign(figure) if magnitude else figure
    verdicts = [decide_by(shown, end, sense) for sense, end in senses]
    word, remark = min(verdicts, key=lambda pair: _WORST_FIRST.index(pair[0]))
    return Held(figure, word, remark)


def _strict(figure: Measurement, operator: Operator, amount: float) -> float:
    """The largest or smallest value that ``operator`` allows."""
    if operator not in ("<", ">"):
        return amount
    step = 1.0 if operator == ">" else -1.0
    if figure.unit == "count":
        return (math.floor(amount) if operator == ">" else math.ceil(amount)) + step
    return math.nextafter(amount, step * math.inf)


def _without_sign(figure: Measurement) -> Measurement:
    ends = [abs(end) for end in (figure.lo, figure.hi) if end is not None]
    crosses = len(ends) == 2 and (figure.lo or 0.0) < 0 < (figure.hi or 0.0)
    low = None if len(ends) < 2 else 0.0 if crosses else min(ends)
    return replace(figure, value=abs(figure.value), lo=low, hi=max(ends, default=None))


def _in_unit_of(figure: Measurement, limit: Limit) -> float:
    name, unit = figure.metric, figure.unit
    if isinstance(limit, Quantity):
        kind, factor = _UNITS.get(unit, (None, 1.0))
        if kind == limit.kind:
            return limit.base / factor
        advice = f"write a plain number, not {limit!r}" if unit in _PLAIN else _advice(unit)
        raise ConfigurationError(f"{name} is in {unit}, {limit!r} is not: {advice}")
    if not isinstance(limit, int | float) or isinstance(limit, bool):
        raise ConfigurationError(f"{name}: a limit is a number with a unit: {_advice(unit)}")
    if unit not in _PLAIN:
        raise ConfigurationError(f"{name} is in {unit}, {limit:g} has no unit: {_advice(unit)}")
    return float(limit)


def _advice(unit: str) -> str:
    kind = _UNITS.get(unit, ("time", 1.0))[0]
    example = "3" if unit in _PLAIN else _EXAMPLE[kind]
    return f"write for example {example} (from hil.units)"
