"""What the single analyses hand to the summary: figures with bounds, or reasons."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Bounds:
    """The two ends of an interval, or a reason (``why_not``) why there is none."""

    lo: float | None = None
    hi: float | None = None
    why_not: str | None = None


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
class Reason:
    """Why a metric has no figure: one clear line."""

    task: int | None
    metric: str
    reason: str
    method: str | None = None


@dataclass(slots=True)
class Sheet:
    """Collects the figures and reasons of one task (or of the whole capture, ``task=None``)."""

    task: int | None = None
    figures: list[Estimate] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)

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

    def refuse(self, metric: str, reason: str, *, method: str | None = None) -> None:
        """Say why ``metric`` has no figure."""
        self.reasons.append(Reason(self.task, metric, reason, method))
