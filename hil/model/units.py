"""Quantities and durations as people read them: a fitting unit, three digits, bounds alike."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.model.printable import escaped_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hil.model.results import Measurement

_STEPS = {
    "us": ((1e6, "s"), (1e4, "ms"), (0.0, "us")),
    "s": ((0.0, "s"),),
    "ppm": ((1e4, "%"), (0.0, "ppm")),
}
UNWRITTEN_UNITS = ("1", "count")
"""Units that are not written."""
_NOTHING = 1e-9
"""A value below this share of its larger bound is shown as zero."""
_FACTOR = {"s": 1e-6, "ms": 1e-3, "%": 1e-4}
"""From microseconds or ppm."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The unit in which several values of one kind are shown, and the factor that leads to it."""

    unit: str
    factor: float
    whole: bool
    """Whether whole numbers stay whole: counts and shares."""
    zero: float = 0.0
    """What is smaller is shown as zero."""

    def number(self, value: float | None, sign: str = "") -> str:
        """Three digits; ``sign`` before what is above zero, ``?`` for what is not known."""
        if value is None or not math.isfinite(value):
            return "?"
        value = 0.0 if abs(value) < self.zero else value
        return (sign if value > 0 else "") + format_digits(value * self.factor, self.whole)

    def quantity(self, value: float | None, sign: str = "") -> str:
        """:meth:`number` with its unit."""
        return f"{self.number(value, sign)} {self.unit}".rstrip()

    def bounds(self, lo: float | None, hi: float | None, sign: str = "") -> str:
        """``[lo, hi]``, ``>= lo`` or ``<= hi`` of one end, an empty string if there are none."""
        if lo is None and hi is None:
            return ""
        if lo is None or hi is None:
            sides = ((">=", lo), ("<=", hi))
            return "".join(
                f"{side} {self.number(end, sign)}" for side, end in sides if end is not None
            )
        return f"[{self.number(lo, sign)}, {self.number(hi, sign)}]"


def pick_scale(values: Iterable[float], unit: str, *, zero: float = 0.0) -> Scale:
    """The scale that suits the largest of ``values``, which are in ``unit``.

    10,000 us and more are milliseconds, 1,000,000 us seconds, 10,000 ppm per cent.
    """
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    if unit in UNWRITTEN_UNITS:
        return Scale("", 1.0, True, zero)
    steps = _STEPS.get(unit, ((0.0, unit),))
    name = next(name for least, name in steps if largest >= least)
    return Scale(name, 1.0 if unit == name else _FACTOR[name], False, zero)


@dataclass(frozen=True, slots=True)
class FormattedMeasurement:
    """A figure as text: ``value`` with its unit, and ``bounds`` or an empty string.

    ``reference`` says what it counts from, where that is not what was asked for.
    """

    value: str
    bounds: str = ""
    reference: str = ""

    @property
    def line(self) -> str:
        """All of it on one line."""
        reference = f"({self.reference})" if self.reference else ""
        return " ".join(filter(None, (self.value, self.bounds, reference)))


def format_measurement(measurement: Measurement) -> FormattedMeasurement:
    """A measurement for people: ``FormattedMeasurement("312 us", "[290, 350]")``.

    The unit follows the value (:func:`pick_scale`) and holds for the bounds too. A value that is
    nothing beside its bounds is shown as zero: what a fit leaves of zero is no figure.
    """
    ends = [abs(end) for end in (measurement.lo, measurement.hi) if end is not None]
    zero = _NOTHING * max(ends, default=0.0)
    scale = pick_scale([measurement.value], measurement.unit, zero=zero)
    exact = measurement.lo == measurement.hi == measurement.value
    bounds = "" if exact else scale.bounds(measurement.lo, measurement.hi)
    reference = f"from its {measurement.reference}" if measurement.reference else ""
    return FormattedMeasurement(scale.quantity(measurement.value), bounds, reference)


def describe_figure(measurement: Measurement, *, by_name: bool = True) -> str:
    """``lateness_p99_us timer_soft/idle task 0 = 132 us [120, 150] (95 %, n=500)``.

    Without ``by_name`` the metric's name is left out.
    """
    m = measurement
    who = [m.metric] if by_name else []
    who += [f"{m.technique}/{m.load}"]
    who += [] if m.task is None else [m.task_label]
    who += [] if m.method is None else [f"({m.method})"]
    who += [] if m.by_board else [f"by {m.source}"]
    share = f"{m.confidence * 100:g} %, " if (m.lo, m.hi) != (None, None) else "no bounds, "
    share = "" if m.lo == m.hi == m.value else share
    return escaped_line(f"{' '.join(who)} = {format_measurement(m).line} ({share}n={m.n})")


_MICROSECONDS = re.compile(r"(?<=\d) us\b")


def with_micro_sign(text: str) -> str:
    """``text`` with ``µs`` for ``us`` behind a number: for pages, which surely have the sign."""
    return _MICROSECONDS.sub(" µs", text) if " us" in text else text


def format_digits(value: float, whole: bool = False) -> str:
    """Three significant digits; no decimals of whole numbers, no exponent from 0.001 to 1e7."""
    if (whole and value == round(value)) or value == 0:
        return f"{value:.0f}"
    size = abs(value)
    if size >= 1e7 or size < 1e-3:
        return f"{value:.2e}"
    if size >= 99.95:
        return f"{value:.0f}"
    if size >= 9.995:
        return f"{value:.1f}"
    return f"{value:.2f}" if size >= 0.9995 else f"{value:.3g}"


def format_list(names: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)


def in_decimal_unit(us: float, size_us: float) -> tuple[float, str]:
    """A time in the largest unit in which ``size_us`` is 1 or more: ``1 ms``, not ``1000 us``."""
    for least, factor, unit in ((999_999.0, 1e-6, "s"), (999.999, 1e-3, "ms")):
        if abs(size_us) >= least:
            return us * factor, unit
    return us, "us"


def format_deadline(us: float) -> str:
    """A time as people write deadlines."""
    value, unit = in_decimal_unit(us, us)
    return f"{float(f'{value:.3g}'):g} {unit}"


def format_elapsed(seconds: float) -> str:
    """A length of time for people: ``12 s``, ``3:05``, ``2:10:00``."""
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


def format_about(seconds: float) -> str:
    """An estimated length of time: ``90 s``, ``12 min``, ``8.3 h``."""
    if round(seconds) < 100:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5970 else f"{seconds / 3600:.1f} h"


def format_period_us(period_us: float) -> str:
    """A period in a fitting unit, all its digits."""
    scale = pick_scale([period_us], "us")
    return f"{period_us * scale.factor:g} {scale.unit}"


def format_time_us(value_us: float) -> str:
    """A time in a fitting unit."""
    return format_value(value_us, "us")


def format_value(value: float, unit: str) -> str:
    """A value with a unit that suits it."""
    return pick_scale([value], unit).quantity(float(value))
