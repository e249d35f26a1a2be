"""The table of metrics: name, unit, meaning and sense of every figure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Sense = Literal["lower", "higher", "magnitude", "none"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure's name, unit and meaning.

    ``sense`` says which way is better: ``lower``, ``higher``, ``magnitude`` (nearer to zero, either
    sign) or ``none`` (neither: it can't have a budget).
    """

    name: str
    unit: str
    description: str
    sense: Sense = "lower"


_FIXED = (
    Metric("period_mean_us", "us", "mean of consecutive activation intervals", "none"),
    Metric("period_jitter_rms_us", "us", "period jitter: rms of the intervals about their mean"),
    Metric("period_jitter_pp_us", "us", "period jitter, peak to peak"),
    Metric(
        "c2c_jitter_rms_us", "us", "cycle-to-cycle jitter: rms difference of adjacent intervals"
    ),
    Metric("c2c_jitter_max_us", "us", "cycle-to-cycle jitter, largest"),
    Metric("tie_rms_us", "us", "time interval error against the best-fit grid, rms"),
    Metric("tie_pp_us", "us", "time interval error against the best-fit grid, peak to peak"),
    Metric("lateness_p50_us", "us", "lateness: actual minus intended activation, median"),
    Metric("lateness_p99_us", "us", "lateness, 99th percentile"),
    Metric("lateness_p999_us", "us", "lateness, 99.9th percentile"),
    Metric("lateness_max_us", "us", "lateness, largest seen"),
    Metric(
        "schedule_drift_ppm",
        "ppm",
        "slope of the activations against the grid that was asked for, on the board's clock",
        "magnitude",
    ),
    Metric("clock_skew_ppm", "ppm", "the board's clock against the host's", "magnitude"),
    Metric("missed", "count", "activations that never came"),
    Metric("overruns", "count", "activations that came after the next one was due"),
    Metric("dropped", "count", "stamps that the instrument lost"),
    Metric("isr_latency_min_us", "us", "stimulus to first statement of the handler, smallest"),
    Metric("isr_latency_p50_us", "us", "stimulus to first statement of the handler, median"),
    Metric("isr_latency_p99_us", "us", "stimulus to first statement of the handler, 99th perc."),
    Metric("isr_latency_p999_us", "us", "stimulus to first statement of the handler, 99.9th perc."),
    Metric("isr_latency_max_us", "us", "stimulus to first statement of the handler, largest seen"),
    Metric("isr_jitter_pp_us", "us", "spread of the interrupt latency, peak to peak"),
    Metric("defer_latency_min_us", "us", "handler to deferred code, smallest"),
    Metric("defer_latency_p50_us", "us", "handler to deferred code, median"),
    Metric("defer_latency_p99_us", "us", "handler to deferred code, 99th percentile"),
    Metric("defer_latency_p999_us", "us", "handler to deferred code, 99.9th percentile"),
    Metric("defer_latency_max_us", "us", "handler to deferred code, largest seen"),
    Metric("defer_jitter_pp_us", "us", "spread of the deferral, peak to peak"),
    Metric("phase_error_rms_us", "us", "two alternating tasks: rms error of their phase"),
    Metric("desync_s", "s", "time until two tasks no longer alternate", "higher"),
    Metric("background_share", "1", "share of the CPU left to the main program", "higher"),
    Metric("stop_latency_us", "us", "from the call of stop() to the last callback, largest seen"),
    Metric("restart_phase_us", "us", "first callback after a start, less one period", "magnitude"),
    Metric("callbacks_after_stop", "count", "callbacks that came after the end"),
    Metric("timer_after_stop", "count", "what a stopped timer still delivered, a stop on average"),
    Metric("callback_bytes", "bytes", "heap taken by one call of a callback"),
    Metric("callback_errors", "count", "callbacks that failed for want of memory, and were caught"),
    Metric("jobs_lost", "count", "jobs of a stored plan, or runs of them, that a reset lost"),
    Metric("jobs_run_twice", "count", "runs that came again after a reset"),
    Metric("jobs_late", "count", "runs that came a period late or more, over resets"),
    Metric("wake_error_us", "us", "boot from deep sleep, less when a job was due", "magnitude"),
    Metric("request_latency_p50_us", "us", "HTTP request to its whole answer, median"),
    Metric("request_latency_p99_us", "us", "HTTP request to its whole answer, 99th percentile"),
    Metric("request_latency_p999_us", "us", "HTTP request to its whole answer, 99.9th percentile"),
    Metric("request_latency_max_us", "us", "HTTP request to its whole answer, largest seen"),
    Metric("request_rate_hz", "hz", "HTTP requests answered a second", "none"),
    Metric("request_errors", "count", "HTTP requests that failed or came too late"),
    Metric("stamp_cost_us", "us", "what one stamp costs on this board"),
    Metric(
        "observer_effect_us",
        "us",
        "how much longer an activation takes when every one is stamped, not only first and last",
    ),
)
METRICS: dict[str, Metric] = {metric.name: metric for metric in _FIXED}
"""The metrics with a fixed name, in the order in which they are shown."""
JUDGED_OF_VARIANTS = frozenset({"callbacks_after_stop", "jobs_lost"})
"""What must not happen in a variant either: these figures have their budgets."""
_TAU = r"[0-9]+(?:p[0-9]+)?(?:us|ms|s)"
_PATTERNS = (
    (re.compile(rf"adev_{_TAU}"), "1", "overlapping Allan deviation at this averaging time"),
    (re.compile(rf"mtie_{_TAU}_us"), "us", "maximum time interval error over this time"),
    (re.compile(rf"tdev_{_TAU}_us"), "us", "time deviation at this averaging time"),
)


def find_metric(name: str) -> Metric | None:
    """The metric of this name, or ``None``.

    ``adev_<tau>``, ``mtie_<tau>_us`` and ``tdev_<tau>_us`` exist for every averaging time, written
    as a number with its unit: ``10ms``, ``1s``, ``2p5s``.
    """
    known = METRICS.get(name)
    if known is not None:
        return known
    for pattern, unit, description in _PATTERNS:
        if pattern.fullmatch(name):
            return Metric(name, unit, description)
    return None


def metric_rank(name: str) -> tuple[int, str]:
    """Sort key: the fixed metrics in their order, then the others by name."""
    names = list(METRICS)
    return (names.index(name) if name in METRICS else len(names), name)
