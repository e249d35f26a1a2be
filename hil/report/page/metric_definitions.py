"""The definitions of the metrics on a page, from the table of metrics, for who asks what one is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.model.metrics import find_metric, metric_rank

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hil.model.metric import BoundsKind, Sense

_SENSES: dict[Sense, str] = {
    "lower": "Smaller is better.",
    "higher": "Larger is better.",
    "magnitude": "Nearer to zero is better.",
    "none": "",
}
_BOUNDS: dict[BoundsKind, str] = {
    "two-sided": "Its bounds hold the true value with 95 % confidence.",
    "tolerance": "It is the extreme that was seen: a longer run finds a larger one.",
    "exact": "It is counted, so it has no bounds.",
    "none": "It has no bounds.",
}


@dataclass(frozen=True, slots=True)
class MetricDefinition:
    """One metric for people; ``rest`` says how it is read."""

    name: str
    description: str
    formula: str
    source: str
    rest: str


def metric_definitions(names: Iterable[str]) -> dict[str, MetricDefinition]:
    """The definition of each known metric among ``names``, in the order of the table."""
    result = {}
    for name in sorted(set(names), key=metric_rank):
        metric = find_metric(name)
        if metric is not None and metric.description:
            rest = " ".join(filter(None, (_SENSES[metric.sense], _BOUNDS[metric.bounds])))
            description = f"{metric.description[0].upper()}{metric.description[1:]}."
            result[name] = MetricDefinition(name, description, metric.formula, metric.source, rest)
    return result
