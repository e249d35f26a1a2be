"""Figures of a task of which two assignments to releases fit: the bounds span both."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hil.analysis.metric_sheet import Estimate, MetricSheet

TWO_FIT = (
    "two assignments to releases fit: this one, where releases were lost, and one where the "
    "activations are whole periods later ({value:.6g}); the bounds span both"
)


def span_both(sheet: MetricSheet, other: MetricSheet) -> None:
    """Widen the bounds of each figure of ``sheet`` to those of the same figure in ``other``.

    A figure without bounds gets both values as its ends. Figures on which the two agree stay.
    """
    seconds = {figure.metric: figure for figure in other.figures}
    sheet.figures = [_both(figure, seconds.get(figure.metric)) for figure in sheet.figures]


def _both(figure: Estimate, second: Estimate | None) -> Estimate:
    if second is None or second.value == figure.value:
        return figure
    ends = [figure.value, second.value]
    for bounds in (figure.bounds, second.bounds):
        ends += [end for end in (bounds.lo, bounds.hi) if end is not None]
    bounds = replace(figure.bounds, lo=min(ends), hi=max(ends), why_not=None)
    note = TWO_FIT.format(value=second.value)
    if figure.note:
        note = f"{figure.note}; {note}"
    return replace(figure, bounds=bounds, note=note)
