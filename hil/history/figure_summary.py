"""A figure of many runs in few numbers: how it was spread, its extremes, and its outermost bounds.

Up to :data:`MOST_VALUES` runs every value is there, so quantiles are exact. Of more, neighbouring
values are joined to their mean, each of at most two per cent of the runs; the extremes stay exact.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.history.column_values import (
    number,
    number_or_none,
    text,
    text_or_none,
    whole,
    whole_or_none,
)
from hil.history.number_packing import pack_json, unpack_json

if TYPE_CHECKING:
    from typing import Any

    from hil.history.figure_packing import StoredFigure

MOST_VALUES = 200
_JOINED = 100
_MOST_FIGURES = 200_000

Name = tuple[str, str, str, int | None, str | None, str, str]
"""Technique, load, how it was measured, task, method, source, unit."""


@dataclass(frozen=True, slots=True)
class MonthSummary:
    """A figure in the ``runs`` of a month that were removed; ``failed`` were out of their budget.

    ``lo`` and ``hi`` are the outermost bounds of these runs, where they had any.
    """

    month: str
    runs: int
    median: float
    p05: float
    p95: float
    smallest: float
    largest: float
    lo: float | None
    hi: float | None
    failed: int


@dataclass(slots=True)
class FigureSummary:
    """The values of one figure, in order, and of how many runs each is."""

    values: list[float] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    smallest: float = float("inf")
    largest: float = float("-inf")
    lo: float | None = None
    hi: float | None = None
    failed: int = 0

    def add(self, figure: StoredFigure) -> None:
        """One more run."""
        self.values.append(figure.value)
        self.counts.append(1)
        self.smallest = min(self.smallest, figure.value)
        self.largest = max(self.largest, figure.value)
        lows = [low for low in (self.lo, figure.lo) if low is not None]
        highs = [high for high in (self.hi, figure.hi) if high is not None]
        self.lo, self.hi = min(lows, default=None), max(highs, default=None)
        self.failed += figure.verdict == "fail"
        if len(self.values) > MOST_VALUES:
            self._join()

    def _join(self) -> None:
        most = sum(self.counts) / _JOINED
        values: list[float] = []
        counts: list[int] = []
        for value, count in self._ordered():
            if counts and counts[-1] + count <= most:
                total = counts[-1] + count
                values[-1] += (value - values[-1]) * count / total
                counts[-1] = total
            else:
                values.append(value)
                counts.append(count)
        self.values, self.counts = values, counts

    def _ordered(self) -> list[tuple[float, int]]:
        return sorted(zip(self.values, self.counts, strict=True))

    def of_month(self, month: str) -> MonthSummary:
        """What is shown of it."""
        ordered = self._ordered()
        middle, low, high = (self._quantile(ordered, share) for share in (0.5, 0.05, 0.95))
        return MonthSummary(
            *(month, sum(self.counts), middle, low, high),
            *(self.smallest, self.largest, self.lo, self.hi, self.failed),
        )

    def _quantile(self, ordered: list[tuple[float, int]], share: float) -> float:
        """Between neighbours in proportion (Hyndman and Fan 1996, type 7)."""
        position = share * (sum(count for _, count in ordered) - 1)
        before, end_before = self.smallest, 0.0
        begin = 0
        for value, count in ordered:
            first, last = begin, begin + count - 1
            if position <= last:
                if position >= first or begin == 0:
                    return value
                return before + (value - before) * (position - end_before) / (first - end_before)
            before, end_before = value, float(last)
            begin += count
        return self.largest


def pack_summaries(summaries: dict[Name, FigureSummary]) -> bytes:
    """The figures of a month in bytes."""
    rows: list[list[Any]] = []
    for name, summary in summaries.items():
        ordered = summary._ordered()
        counts = [count for _, count in ordered]
        rows.append(
            [
                *(list(name), [value for value, _ in ordered]),
                counts if max(counts) > 1 else None,
                *(summary.smallest, summary.largest, summary.lo, summary.hi, summary.failed),
            ]
        )
    return pack_json(rows)


def unpack_summaries(data: bytes) -> dict[Name, FigureSummary]:
    """What :func:`pack_summaries` was given.

    Raises :class:`~hil.model.errors.CaptureError` or ``ValueError`` for what no version writes.
    """
    rows = unpack_json(data)
    if not isinstance(rows, list) or len(rows) > _MOST_FIGURES:
        raise ValueError("no summaries of figures")
    summaries: dict[Name, FigureSummary] = {}
    for name, values, counts, smallest, largest, lo, hi, failed in rows:
        values = [number(value) for value in values]
        counts = [1] * len(values) if counts is None else [whole(count) for count in counts]
        if not 0 < len(values) == len(counts) <= MOST_VALUES or min(counts) < 1:
            raise ValueError("a summary of no value or of too many")
        summaries[_name(*name)] = FigureSummary(
            *(values, counts, number(smallest), number(largest)),
            *(number_or_none(lo), number_or_none(hi), whole(failed)),
        )
    return summaries


def _name(
    technique: Any, load: Any, plan: Any, task: Any, method: Any, source: Any, unit: Any
) -> Name:
    return (
        *(text(technique), text(load), text(plan), whole_or_none(task)),
        *(text_or_none(method), text(source), text(unit)),
    )
