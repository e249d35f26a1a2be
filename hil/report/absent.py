"""Figures that a capture could not give: each becomes an entry of ``skipped`` with its reason."""

from __future__ import annotations

from collections.abc import Iterable

from hil.analysis.estimates import Reason
from hil.metrics import find_metric
from hil.records import Capture, Skip


def skips_for_absent(capture: Capture, reasons: Iterable[Reason]) -> list[Skip]:
    """One :class:`Skip` for each metric without a figure: ``METRIC: why``, said once for all tasks.

    ``reasons`` come from :func:`hil.analysis.summary.summarise`.
    """
    plan = capture.plan
    texts = dict.fromkeys(
        f"{one.metric}{f' ({one.method})' if one.method else ''}: {one.reason}" for one in reasons
    )
    return [Skip(capture.board.name, plan.technique, plan.load, text) for text in texts]


def absent_metric(skip: Skip) -> str | None:
    """The metric that this entry speaks of, or ``None`` when the whole case was skipped."""
    name = skip.reason.partition(":")[0].partition(" ")[0]
    return name if find_metric(name) else None
