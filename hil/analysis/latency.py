"""Stimulus to response: interrupts and deferred code."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from hil.analysis.late_samples import ArraySamples
from hil.analysis.metric_sheet import Bounds, MetricSheet
from hil.analysis.stamp_costs import reading_error_us, taken_off
from hil.analysis.uncertainty.budget import evenly, widened
from hil.analysis.uncertainty.correlated import FEW
from hil.analysis.uncertainty.effective_number import Stretches
from hil.analysis.uncertainty.extremes import extreme_number, extreme_of
from hil.analysis.uncertainty.percentiles import add_percentiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.analysis.metric_sheet import Estimate
    from hil.analysis.stamp_costs import StampCosts
    from hil.analysis.uncertainty.budget import Part
    from hil.analysis.uncertainty.extremes import Extreme
    from hil.model.captures import EventSet, FloatArray

_STAGE = {"isr": "isr_latency", "defer": "defer_latency"}
_EXACT_STEP_US = 1e-6  # a percentile of differences as they are: the clock is a part of its own
_COUNTER_STEP_US = 1.0
NEGATIVE = (
    "less than what was taken off for reading the clock and writing the pin: "
    "the latency is smaller than these are known"
)


def measure_events(
    events: EventSet, tick_us: float, costs: StampCosts, stamp_cost_us: float, sheet: MetricSheet
) -> None:
    """Add the latency figures of one event set to ``sheet``, under the set's method.

    What lies between the two stamps beside the latency is taken off every difference, see
    :mod:`hil.analysis.stamp_costs`. How far that may be wrong, and how far two readings of a clock
    that steps by ``tick_us``, moves each end of the bounds: both are the same for all events, or
    may be, so that no number of events makes them smaller. A difference below what is taken off
    stays negative, and the upper end of its bounds is at least 0.
    """
    prefix = _STAGE[events.stage]
    between = taken_off(events, costs, stamp_cost_us)
    latency = (events.handler_us - events.stimulus_us).astype(np.float64) - between.us
    n = int(latency.size)
    total = n + events.lost
    lost = f"{events.lost} of {total} events had no answer" if events.lost else None
    note = "; ".join(filter(None, (lost, between.note))) or None
    sheet.add(
        "missed",
        events.lost,
        total,
        Bounds(float(events.lost), float(events.lost)),
        note=f"{events.stage} events without an answer; counted, exact for this window",
        method=events.method,
    )
    if n == 0:
        for part in ("min", "p50", "p99", "p999", "max"):
            sheet.mark_unavailable(
                f"{prefix}_{part}_us", "no event was answered", method=events.method
            )
        return
    worst = int(np.argmax(latency))
    step_us = _COUNTER_STEP_US if events.between == "counter" else tick_us
    reading_us = reading_error_us(step_us)
    add_latencies(
        sheet,
        Latencies(
            stage=events.stage,
            method=events.method,
            latency_us=latency,
            parts=(*between.parts, evenly("clock's step, two readings", reading_us)),
            reading_us=reading_us,
            step_us=step_us,
            where_us=float(events.handler_us[worst] - events.stimulus_us[0]),
            note=note,
        ),
    )


@dataclass(frozen=True, slots=True)
class Latencies:
    """Latencies of one method in the order of the events, (n,) us, n > 0.

    What lies between beside them is taken off; ``parts`` say how far that may be wrong, the same in
    all events. ``reading_us`` is how far each of the two times may be off by its clock's step,
    ``where_us`` when the largest was. ``step_us``: the latencies are whole steps apart, 0 where
    they are not.
    """

    stage: Literal["isr", "defer"]
    method: str
    latency_us: FloatArray
    parts: tuple[Part, ...]
    reading_us: float
    step_us: float = 0.0
    where_us: float | None = None
    note: str | None = None


def add_latencies(sheet: MetricSheet, events: Latencies) -> None:
    """Add percentiles, extremes and spread of ``events`` to ``sheet``, with their bounds."""
    prefix, latency, note = _STAGE[events.stage], events.latency_us, events.note
    n = int(latency.size)
    samples = ArraySamples(latency)
    look = Stretches.of_samples(samples)
    own = MetricSheet()
    add_percentiles(
        own,
        prefix,
        samples,
        step_us=_EXACT_STEP_US,
        common=False,
        note=note,
        method=events.method,
    )
    low, high = float(latency.min()), float(latency.max())
    figures: tuple[tuple[str, float, Extreme, float | None], ...] = (
        (f"{prefix}_min_us", low, "smallest", None),
        (f"{prefix}_max_us", high, "largest", events.where_us),
    )
    for metric, value, which, at in figures:
        worth = extreme_number(look, n, which)
        own.add(
            metric,
            value,
            n,
            extreme_of(value, worth, 0.0, which),
            note=note,
            where_us=at,
            method=events.method,
            n_effective=worth,
        )
    for figure in own.figures:
        finer = grouped_median(latency, events.step_us)
        if figure.metric == f"{prefix}_p50_us" and finer is not None:
            figure = replace(figure, value=finer)
        sheet.figures.append(_never_negative(moved_by(figure, events.parts)))
    sheet.reasons += own.reasons
    if n > 1:
        worth = extreme_number(look, n, "range")
        sheet.add(
            f"{events.stage}_jitter_pp_us",
            high - low,
            n,
            extreme_of(high - low, worth, 2.0 * events.reading_us, "range"),
            note=note,
            method=events.method,
            n_effective=worth,
        )


def grouped_median(values: FloatArray, step_us: float) -> float | None:
    """The median of values that are whole steps apart, each spread evenly over its step (grouped
    data).

    Two readings of a clock at any phase differ by the latency's whole steps or one more, in the
    mean by the latency. Where few steps hold all values, their median is one of them and off by up
    to half a step; this is off by a tenth. ``None`` for values that are not whole steps apart.
    """
    middle = float(np.sort(values)[math.ceil(values.size / 2) - 1])
    apart = (values - middle) / step_us if step_us > 0.0 else np.full(1, np.nan)
    if not np.allclose(apart, np.rint(apart), rtol=0.0, atol=1e-3) or values.size < FEW:
        return None
    equal = np.abs(values - middle) < step_us / 4.0
    below = int(np.count_nonzero(values < middle - step_us / 4.0))
    part = (values.size / 2.0 - below) / int(np.count_nonzero(equal))
    return middle + step_us * (part - 0.5)


def moved_by(figure: Estimate, parts: Sequence[Part]) -> Estimate:
    """The figure with each end of its bounds moved by all that the parts can amount to.

    The whole of it, not 95 %: what a call costs before its edge is the same in every event of a
    board, so that a truth at the end of a part is there in all of its figures.
    """
    by = sum(part.limit or 0.0 for part in parts)
    interval = figure.bounds
    if interval.lo is None and interval.hi is None:
        return figure
    statistical = widened(figure.value, interval).parts
    lo = None if interval.lo is None else interval.lo - by
    hi = None if interval.hi is None else interval.hi + by
    return replace(figure, bounds=replace(interval, lo=lo, hi=hi, parts=(*statistical, *parts)))


def _never_negative(figure: Estimate) -> Estimate:
    """No latency is below 0: the upper end is at least that, and a note says what was seen."""
    interval, note = figure.bounds, figure.note
    if interval.hi is not None and interval.hi < 0.0:
        interval = replace(interval, hi=0.0)
    if figure.value < 0.0:
        note = f"{note}; {NEGATIVE}" if note else NEGATIVE
    return replace(figure, bounds=interval, note=note)
