"""Some of a run's figures, to be looked at, held against a limit, or made a table of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import methodcaller
from typing import TYPE_CHECKING, overload

from hil.api.frames import FIGURE_COLUMNS, records_frame
from hil.api.html_tables import figures_html
from hil.model.errors import ConfigurationError
from hil.model.limits import hold
from hil.model.metrics import metric_or_unknown
from hil.model.techniques import is_variant
from hil.model.units import describe_figure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from hil.api.frames import Frame
    from hil.model.limits import Limit, LimitOutcome, Operator
    from hil.model.results import Measurement, UncertaintyPart, Verdict

_MOST_SHOWN = 20
__tracebackhide__ = methodcaller("errisinstance", ConfigurationError)
"""For pytest: a mistake in a comparison is shown in the test that makes it."""


class FigureSet(Sequence["Measurement"]):
    """Figures in the order of ``results.json``, each a :class:`~hil.model.results.Measurement`.

    ``figures < 200 * us`` holds all of them against the limit, by the rule of the budgets; see
    :class:`~hil.model.limits.LimitOutcome`. A set without a figure is never within a limit:
    comparing it raises :class:`~hil.model.errors.ConfigurationError`, which says why there is none.

    A set of one figure has its attributes: ``value``, ``lo``, ``hi``, ``unit``, ``verdict``, ….
    """

    __slots__ = ("_figures", "_magnitude", "_missing", "_observe", "_undecided_fails")

    def __init__(
        self,
        figures: Iterable[Measurement],
        *,
        missing: str = "there is no such figure in this run",
        undecided_fails: bool = False,
        observe: Callable[[LimitOutcome | None], None] | None = None,
    ) -> None:
        """``observe`` is told each outcome, or ``None`` where there is no figure to compare."""
        self._figures = tuple(figures)
        self._missing = missing
        self._undecided_fails = undecided_fails
        self._observe = observe
        self._magnitude = False

    def __len__(self) -> int:
        return len(self._figures)

    def __iter__(self) -> Iterator[Measurement]:
        return iter(self._figures)

    @overload
    def __getitem__(self, at: int) -> Measurement: ...
    @overload
    def __getitem__(self, at: slice) -> FigureSet: ...
    def __getitem__(self, at: int | slice) -> Measurement | FigureSet:
        if isinstance(at, slice):
            return self._with(self._figures[at])
        try:
            return self._figures[at]
        except IndexError:
            raise IndexError(self._missing if not self else f"only {len(self)} figures") from None

    def __hash__(self) -> int:
        return hash(self._figures)

    def where(self, **wanted: Any) -> FigureSet:
        """Those whose fields have these values: ``task=0``, ``method=None``, ``source="board"``.

        Raises :class:`~hil.model.errors.ConfigurationError` for a field that figures don't have.
        """
        for name in wanted:
            if name not in FIGURE_COLUMNS:
                raise ConfigurationError(
                    f"figures have no {name}; known are {', '.join(FIGURE_COLUMNS)}"
                )
        return self._with(
            figure
            for figure in self
            if all(getattr(figure, name) == value for name, value in wanted.items())
        )

    def judged(self) -> FigureSet:
        """Without the variants beside a technique, which no limit is for."""
        return self._with(
            figure
            for figure in self
            if metric_or_unknown(figure.metric, figure.unit).judged_in_variants
            or not is_variant(figure.method)
        )

    def within(self, operator: Operator, limit: Limit) -> LimitOutcome:
        """Hold every figure against ``limit``; what ``<``, ``<=``, ``>``, ``>=`` and ``==`` do."""
        if not self:
            if self._observe is not None:
                self._observe(None)
            raise ConfigurationError(self._missing)
        outcome = hold(
            self,
            operator,
            limit,
            magnitude=self._magnitude,
            undecided_fails=self._undecided_fails,
        )
        if self._observe is not None:
            self._observe(outcome)
        return outcome

    def __abs__(self) -> FigureSet:
        """Held against a limit without their signs: ``abs(figures.drift) < 20 * ppm``."""
        shown = self._with(self._figures)
        shown._magnitude = True
        return shown

    def __lt__(self, limit: Limit) -> LimitOutcome:
        return self.within("<", limit)

    def __le__(self, limit: Limit) -> LimitOutcome:
        return self.within("<=", limit)

    def __gt__(self, limit: Limit) -> LimitOutcome:
        return self.within(">", limit)

    def __ge__(self, limit: Limit) -> LimitOutcome:
        return self.within(">=", limit)

    def __eq__(self, other: object) -> Any:
        if isinstance(other, FigureSet):
            return self._figures == other._figures
        if isinstance(other, int | float) and {figure.unit for figure in self} <= {"count"}:
            return self.within("==", other)
        return NotImplemented

    @property
    def value(self) -> float:
        """The value of the only figure; :class:`~hil.model.errors.ConfigurationError` for several.

        So are the other attributes.
        """
        return self._only.value

    @property
    def lo(self) -> float | None:
        """The lower bound of the only figure."""
        return self._only.lo

    @property
    def hi(self) -> float | None:
        """The upper bound of the only figure."""
        return self._only.hi

    @property
    def confidence(self) -> float:
        """How certain the bounds of the only figure are, 0 to 1."""
        return self._only.confidence

    @property
    def n(self) -> int:
        """How many samples the only figure is of."""
        return self._only.n

    @property
    def unit(self) -> str:
        """The unit of the only figure."""
        return self._only.unit

    @property
    def budget(self) -> float | None:
        """The limit of the only figure, in its unit."""
        return self._only.budget

    @property
    def verdict(self) -> Verdict:
        """The verdict on the only figure by its budget."""
        return self._only.verdict

    @property
    def source(self) -> str:
        """Where the only figure comes from: ``board``, or the instrument."""
        return self._only.source

    @property
    def windows(self) -> tuple[Any, ...]:
        """The only figure in each window of its case."""
        return self._only.windows

    @property
    def uncertainty(self) -> tuple[UncertaintyPart, ...]:
        """The uncertainty budget of the only figure."""
        return self._only.uncertainty

    @property
    def _only(self) -> Measurement:
        if not self:
            raise ConfigurationError(self._missing)
        if len(self) > 1:
            raise ConfigurationError(
                f"{len(self)} figures, not one: choose with [0], .where(task=0) or .where(load=…); "
                f"the first is {self._figures[0]!r}"
            )
        return self._figures[0]

    def to_pandas(self) -> Any:
        """A ``pandas.DataFrame``, a row each; the columns are the fields of ``results.json``.

        Values and bounds are in the unit of the column ``unit``. Raises
        :class:`~hil.model.errors.ConfigurationError` where pandas is not installed.
        """
        return self._frame.to_pandas()

    def to_polars(self) -> Any:
        """A ``polars.DataFrame`` with the columns of :meth:`to_pandas`; errors alike."""
        return self._frame.to_polars()

    def to_arrow(self) -> Any:
        """A ``pyarrow.Table`` with the columns of :meth:`to_pandas`; errors alike."""
        return self._frame.to_arrow()

    @property
    def _frame(self) -> Frame:
        return records_frame(self._figures, FIGURE_COLUMNS)

    def __repr__(self) -> str:
        if not self:
            return f"no figures: {self._missing}"
        shown = [describe_figure(figure) for figure in self._figures[:_MOST_SHOWN]]
        more = len(self) - len(shown)
        return "\n".join([*shown, *([f"and {more} more figures"] if more else [])])

    def _repr_html_(self) -> str:
        return figures_html(self._figures, self._missing)

    def explain_limit(self, operator: Operator, limit: Any) -> list[str]:
        """What a failed assertion shows: see :meth:`~hil.model.limits.LimitOutcome.lines`."""
        quiet = self._with(self._figures)
        quiet._observe = None
        return quiet.within(operator, limit).lines()

    def _with(self, figures: Iterable[Measurement]) -> FigureSet:
        chosen = FigureSet(
            figures,
            missing=self._missing,
            undecided_fails=self._undecided_fails,
            observe=self._observe,
        )
        chosen._magnitude = self._magnitude
        return chosen
