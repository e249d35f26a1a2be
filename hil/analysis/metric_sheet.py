"""Figures with bounds and reasons for absent ones, of one task or of a whole capture."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.model.captures import BOARD_SOURCE
from hil.model.results import Reason, Skip

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hil.analysis.uncertainty.budget import Part
    from hil.model.captures import Capture


@dataclass(frozen=True, slots=True)
class Bounds:
    """The two ends of an interval, or a reason (``why_not``) why one or both are missing.

    ``parts`` is the uncertainty budget that the ends follow from, in the unit of the figure; see
    :mod:`hil.analysis.uncertainty.budget`.
    """

    lo: float | None = None
    hi: float | None = None
    why_not: str | None = None
    parts: tuple[Part, ...] = ()

    def at_least(self, floor: float) -> Bounds:
        """With no end below ``floor``."""
        lo, hi = (None if end is None else max(end, floor) for end in (self.lo, self.hi))
        return Bounds(lo, hi, self.why_not, self.parts)

    def times(self, factor: float) -> Bounds:
        """Of a figure that is ``factor`` times as large; ``factor`` is positive."""
        return Bounds(
            None if self.lo is None else self.lo * factor,
            None if self.hi is None else self.hi * factor,
            self.why_not,
            tuple(part.times(factor) for part in self.parts),
        )


@dataclass(frozen=True, slots=True)
class Estimate:
    """One figure of one task or event set; the metric's name carries its unit."""

    metric: str
    value: float
    n: int
    bounds: Bounds
    note: str | None = None
    where_us: float | None = None
    method: str | None = None
    n_effective: float | None = None
    """How many independent samples the ``n`` are worth, where that was estimated."""


@dataclass(frozen=True, slots=True)
class SheetNotice:
    """A sentence for the reader; ``metrics`` are beginnings of the names of figures it is about."""

    text: str
    metrics: tuple[str, ...] = ()


@dataclass(slots=True)
class MetricSheet:
    """Collects the figures and reasons of one task (or of the whole capture, ``task=None``).

    ``source`` is where the times come from that they were computed of, see
    :class:`~hil.model.captures.Track`; ``reference`` is what its lateness counts from, where that
    is not the grid that was asked for. ``notices`` are about figures of any sheet of this task.
    """

    task: int | None = None
    figures: list[Estimate] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)
    source: str = BOARD_SOURCE
    reference: str | None = None
    notices: list[SheetNotice] = field(default_factory=list)

    def add(
        self,
        metric: str,
        value: float,
        n: int,
        bounds: Bounds,
        *,
        note: str | None = None,
        where_us: float | None = None,
        method: str | None = None,
        n_effective: float | None = None,
    ) -> None:
        """Add one figure."""
        self.figures.append(
            Estimate(metric, float(value), n, bounds, note, where_us, method, n_effective)
        )

    def mark_unavailable(self, metric: str, reason: str, *, method: str | None = None) -> None:
        """Say why ``metric`` has no figure."""
        self.reasons.append(Reason(self.task, metric, reason, method))


EXACT = "counted, exact for this window"
WANDERS = "wanders like a random walk, so it grows with the window and holds for this one only"


def extreme_bounds(share: float) -> Bounds:
    """No far end for a largest value, but what can be said: a one-sided tolerance statement."""
    percent = math.floor(1e5 * share) / 1e3
    return Bounds(
        why_not="an extreme grows with the window, so one end is open; "
        f"with 95 % confidence it covers {percent:g} % of what this process does"
    )


def skips_for_missing(capture: Capture, reasons: Iterable[Reason]) -> list[Skip]:
    """One :class:`Skip` for each metric without a figure: ``METRIC: why``, said once for all tasks.

    ``reasons`` come from :func:`hil.analysis.summary.summarise`.
    """
    plan = capture.plan
    texts = dict.fromkeys(
        f"{reason.metric}{f' ({reason.method})' if reason.method else ''}: {reason.reason}"
        for reason in reasons
    )
    return [Skip(capture.board.name, plan.technique, plan.load, text) for text in texts]
