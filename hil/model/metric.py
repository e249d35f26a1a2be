"""What a metric is: its unit, its source, how it is judged and compared, and where it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Sense = Literal["lower", "higher", "magnitude", "none"]
BoundsKind = Literal["two-sided", "tolerance", "exact", "none"]
BudgetForm = Literal["absolute", "period", "share"]
Table = Literal["techniques", "variants", "requests", "latencies", "edges"]
SeriesName = Literal["lateness", "isr", "defer", "request"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its ``heading``, and ``narrow`` for it where there is little room.

    Columns stand in the order of ``position``, equal ones in the order of the metrics. ``brief``:
    also in the short form of the table (terminal, CI summary). Where a terminal is too narrow, the
    column with the largest ``keep`` is left out first, one with 0 never; ``keep_bounds`` is the
    same for its bounds, which without it are left out before any column. In the table ``edges``,
    board and pin side by side, each is a row.
    """

    table: Table
    heading: str
    position: int = 1000
    narrow: str = ""
    brief: bool = True
    keep: int = 5
    keep_bounds: int | None = None


@dataclass(frozen=True, slots=True)
class Percentile:
    """Which percentile of which series a metric is: ``("lateness", "p99", 0.99)``."""

    of: SeriesName
    label: str
    share: float


@dataclass(frozen=True, slots=True)
class Metric:
    """One kind of figure.

    ``formula`` says how it is computed and ``source`` where that comes from (a standard, a paper,
    or a derivation). ``sense`` says which way is better: ``lower``, ``higher``, ``magnitude``
    (nearer to zero, either sign) or ``none``. ``bounds`` are ``two-sided`` at 95 %, ``exact``
    (counted: both equal the value), ``none``, or ``tolerance``: none, but a statement on how much
    of the process the extreme covers. ``budget`` holds the forms in which a limit can be written;
    empty: it can't have one. ``shown`` are its columns. ``compared`` says whether a run is held
    against its past by it: ``leading`` figures come first, over all tasks. ``judged_in_variants``:
    it has a budget in variants of a technique too.

    ``in_series``: given of a short series too. ``in_truncated``: holds for a capture without its
    end. ``outside_n``: what it counts is not among the ``n`` of its figure. ``integrity``: it tells
    whether the measurement is whole, so that a limit met says nothing of the technique.
    ``combined``: the parts of its uncertainty add up as the root of the sum of squares (a mean, a
    median, a slope, a delay); else each systematic part widens both ends of its bounds.
    """

    name: str
    unit: str
    description: str
    formula: str
    source: str
    sense: Sense = "lower"
    bounds: BoundsKind = "two-sided"
    budget: frozenset[BudgetForm] = frozenset({"absolute"})
    shown: tuple[Column, ...] = ()
    compared: Literal["yes", "leading", "no"] = "yes"
    judged_in_variants: bool = False
    percentile: Percentile | None = None
    in_series: bool = False
    in_truncated: bool = True
    outside_n: bool = False
    integrity: bool = False
    combined: bool = False

    def is_percentile_of(self, series: SeriesName) -> bool:
        """Whether it is a percentile of this series."""
        return self.percentile is not None and self.percentile.of == series


IN_PERIODS: frozenset[BudgetForm] = frozenset({"absolute", "period"})
"""Budget forms of a time."""
IN_SHARES: frozenset[BudgetForm] = frozenset({"absolute", "share"})
"""Budget forms of a count of what was due."""
ORDER_STATISTIC = "order statistic; bounds: Hutson 1999"
EXTREME = "definition; tolerance statement: Wilks 1941"


def percentiles(
    of: SeriesName,
    stem: str,
    what: str,
    symbol: str,
    columns: Mapping[str, tuple[Column, ...]],
    leading: tuple[str, ...] = (),
    in_series: tuple[str, ...] = (),
) -> tuple[Metric, ...]:
    """Median, 99th and 99.9th percentile and maximum of a series of times."""
    parts = (("p50", 0.5, "median"), ("p99", 0.99, "99th percentile"))
    rows = [
        Metric(
            f"{stem}_{label}_us",
            "us",
            f"{what}, {words}",
            f"smallest x with a share of at least {share:g} of the {symbol} <= x",
            ORDER_STATISTIC,
            budget=IN_PERIODS,
            shown=columns.get(label, ()),
            compared="leading" if label in leading else "yes",
            percentile=Percentile(of, label, share),
            combined=label == "p50",
            in_series=label in in_series,
        )
        for label, share, words in (*parts, ("p999", 0.999, "99.9th percentile"))
    ]
    worst = Metric(
        f"{stem}_max_us",
        "us",
        f"{what}, largest seen",
        f"max {symbol}",
        EXTREME,
        bounds="tolerance",
        budget=IN_PERIODS,
        shown=columns.get("max", ()),
        in_series="max" in in_series,
    )
    return (*rows, worst)


def smallest(stem: str, what: str, symbol: str) -> Metric:
    """The smallest of a series of latencies."""
    return Metric(
        f"{stem}_min_us",
        "us",
        f"{what}, smallest",
        f"min {symbol}",
        EXTREME,
        bounds="tolerance",
        budget=IN_PERIODS,
        shown=(Column("latencies", "min", 10, brief=False),),
    )


def peak_to_peak(name: str, what: str, symbol: str) -> Metric:
    """Largest less smallest of a series of times."""
    formula = f"max {symbol} - min {symbol}"
    return Metric(name, "us", what, formula, EXTREME, bounds="tolerance", budget=IN_PERIODS)
