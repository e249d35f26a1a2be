"""The table of metrics.

:data:`METRICS` is the only place that names a metric for display, for budgets and for comparisons;
a new metric is a row here and the analysis that computes it. In the formulas ``t_i`` is the time
of activation ``i`` on the board's clock, ``k_i`` the release that it answers, ``P`` the period,
``T_i = t_(i+1) - t_i``, and ``L_i = t_i - k_i P``, counted from the origin of the grid; of a missed
release ``L_i`` is the time to the next activation, at least ``P``.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from hil.model.metric import (
    EXTREME,
    IN_PERIODS,
    IN_SHARES,
    ORDER_STATISTIC,
    Column,
    Metric,
    Percentile,
    SeriesName,
    Table,
    peak_to_peak,
    percentiles,
    smallest,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_COUNTED = "definition: counted"
_JEDEC = "JEDEC JESD65B"
_LATENESS = "lateness: actual minus intended activation"
_HANDLER = "stimulus to first statement of the handler"
_PROPORTION = "definition; bounds: Clopper and Pearson 1934"
_DEPENDENT = "definition; bounds: Korn and Graubard 1998"
_TIE = "definition as in ITU-T G.810; grid: that of schedule_drift_ppm"

_LATENCY_COLUMNS = {
    "p50": (Column("latencies", "p50", 20, keep=2),),
    "p99": (Column("latencies", "p99", 30, keep=0),),
    "p999": (Column("latencies", "p99.9", 40, brief=False),),
    "max": (Column("latencies", "max", 50, keep=3),),
}
_ISR_COLUMNS = {
    **_LATENCY_COLUMNS,
    "p50": (*_LATENCY_COLUMNS["p50"], Column("edges", "interrupt latency p50", 100, brief=False)),
    "p99": (*_LATENCY_COLUMNS["p99"], Column("edges", "interrupt latency p99", 110, brief=False)),
}
_LATENESS_COLUMNS = {
    "p50": (
        Column("techniques", "lateness p50", 10, "late p50", keep=4),
        Column("variants", "lateness p50", 10),
        Column("requests", "task lateness p50", 60),
        Column("edges", "lateness p50", 30, brief=False),
    ),
    "p99": (
        Column("techniques", "lateness p99", 20, "late p99", keep=0, keep_bounds=6),
        Column("variants", "lateness p99", 20),
        Column("requests", "task lateness p99", 70),
        Column("edges", "lateness p99", 40, "late p99", keep=0),
    ),
    "max": (
        Column("techniques", "lateness max", 30, brief=False),
        Column("variants", "lateness max", 30),
        Column("requests", "task lateness max", 80),
        Column("edges", "lateness max", 50, brief=False),
    ),
}
_REQUEST_COLUMNS = {
    "p50": (Column("requests", "request p50", 20),),
    "p99": (Column("requests", "request p99", 30),),
    "max": (Column("requests", "request max", 40),),
}

_ROWS = (
    Metric(
        *("period_mean_us", "us", "mean of consecutive activation intervals", "mean(T_i)"),
        "definition; bounds: docs/decisions/0004-statistics.md",
        sense="none",
        budget=frozenset(),
        shown=(Column("edges", "period mean", 10, brief=False),),
        in_series=True,
        combined=True,
    ),
    Metric(
        "period_jitter_rms_us",
        "us",
        "period jitter: rms of the intervals about their mean",
        "sqrt(mean((T_i - mean(T_i))^2))",
        _JEDEC,
        budget=IN_PERIODS,
        shown=(
            Column("techniques", "jitter rms", 40, "jitter", keep=3),
            Column("variants", "jitter rms", 40),
            Column("requests", "task jitter rms", 90),
            Column("edges", "jitter rms", 20, keep=6),
        ),
        in_series=True,
    ),
    Metric(
        *("period_jitter_pp_us", "us", "period jitter, peak to peak", "max T_i - min T_i", _JEDEC),
        bounds="tolerance",
        budget=IN_PERIODS,
    ),
    Metric(
        "c2c_jitter_rms_us",
        "us",
        "cycle-to-cycle jitter: rms difference of adjacent intervals",
        "sqrt(mean((T_(i+1) - T_i)^2))",
        _JEDEC,
        budget=IN_PERIODS,
    ),
    Metric(
        "c2c_jitter_max_us",
        "us",
        "cycle-to-cycle jitter, largest",
        "max |T_(i+1) - T_i|",
        _JEDEC,
        bounds="tolerance",
        budget=IN_PERIODS,
    ),
    Metric(
        "tie_rms_us",
        "us",
        "time interval error against the best-fit grid, rms",
        "sqrt(mean(e_i^2)), e_i = L_i - a_w - b k_i; b is the slope of drift, a_w a window's level",
        _TIE,
        budget=IN_PERIODS,
    ),
    Metric(
        "tie_pp_us",
        "us",
        "time interval error against the best-fit grid, peak to peak",
        "max e_i - min e_i, e_i as for tie_rms_us",
        _TIE,
        bounds="tolerance",
        budget=IN_PERIODS,
    ),
    *percentiles(
        *("lateness", "lateness", _LATENESS, "L_i"),
        _LATENESS_COLUMNS,
        leading=("p50", "p99"),
        in_series=("p50", "p99", "max"),
    ),
    Metric(
        "schedule_drift_ppm",
        "ppm",
        "slope of the activations against the grid that was asked for, on the board's clock",
        "1e6 / P * b; b is the slope of L_i over k_i, one for all windows",
        "weighted fits of cosine coefficients; docs/decisions/0004-statistics.md",
        sense="magnitude",
        shown=(Column("techniques", "drift", 50, keep=5), Column("variants", "drift", 50)),
        in_series=True,
        combined=True,
    ),
    Metric(
        "clock_skew_ppm",
        "ppm",
        "the board's clock against the host's",
        "slope of the board's clock over the host's, less 1, times 1e6",
        "weighted fits of window minima; docs/decisions/0005-clock-model.md",
        sense="magnitude",
        shown=(Column("edges", "clock skew", 90, brief=False),),
        combined=True,
    ),
    Metric(
        *("missed", "count", "activations that never came"),
        *("releases in the window that no activation answers", _COUNTED),
        bounds="exact",
        budget=IN_SHARES,
        shown=(
            Column("techniques", "missed", 60, "miss", keep=2),
            Column("variants", "missed", 60),
            Column("requests", "missed", 100),
            Column("latencies", "lost", 60),
            Column("edges", "missed", 60, brief=False),
        ),
        in_series=True,
        outside_n=True,
    ),
    Metric(
        *("extra", "count", "activations that answer no release"),
        *("activations beyond those that the releases account for", _COUNTED),
        bounds="exact",
        budget=IN_SHARES,
        shown=(
            Column("techniques", "extra", 65, brief=False),
            Column("edges", "extra", 70, brief=False),
        ),
        in_series=True,
    ),
    Metric(
        *("overruns", "count", "activations that came after the next one was due"),
        *("number of L_i >= P", _COUNTED),
        bounds="exact",
        budget=IN_SHARES,
        shown=(Column("techniques", "overruns", 70, brief=False),),
        in_truncated=False,
    ),
    # the two shares and the earliness are not compared: their counts and the lateness are
    Metric(
        *("miss_ratio", "1", "share of the releases that were missed or came too late"),
        "(missed + number of L_i >= P) / (releases answered + missed)",
        _DEPENDENT,
        compared="no",
    ),
    Metric(
        *("misses_per_hour", "count", "releases that were missed or came too late, per hour"),
        *("miss_ratio * 3600 s / P", _DEPENDENT),
        compared="no",
    ),
    Metric(
        *("earliness_p99_us", "us", "how early releases are answered, 99th percentile"),
        "smallest x >= 0 with a share of at least 0.99 of the -L_i <= x",
        ORDER_STATISTIC,
        budget=IN_PERIODS,
        compared="no",
    ),
    Metric(
        *("dropped", "count", "stamps that the instrument lost"),
        *("stamps without room on the board, and stamps lost on the way", _COUNTED),
        bounds="exact",
        budget=IN_SHARES,
        shown=(Column("techniques", "dropped", 80, "drop", keep=7),),
        in_series=True,
        in_truncated=False,
        outside_n=True,
        integrity=True,
    ),
    Metric(
        *("pin_delay_us", "us", "stamp to pin: how long after its stamp a task's pin changes"),
        *("median of D_i, from stamp i to the edge of the pin that belongs to it", ORDER_STATISTIC),
        budget=IN_PERIODS,
        shown=(Column("edges", "pin delay", 24, keep=4),),
    ),
    Metric(
        *("pin_delay_min_us", "us", "stamp to pin, smallest", "min D_i, D_i as for pin_delay_us"),
        EXTREME,
        bounds="tolerance",
        budget=IN_PERIODS,
    ),
    Metric(
        *("pin_delay_max_us", "us", "stamp to pin, largest", "max D_i, D_i as for pin_delay_us"),
        EXTREME,
        bounds="tolerance",
        budget=IN_PERIODS,
        shown=(Column("edges", "pin delay max", 26, brief=False),),
    ),
    Metric(
        *("short_pulses", "count", "pulses shorter than the instrument's sample period"),
        *("pairs of stamps closer together than that, without an edge", _COUNTED),
        bounds="exact",
        budget=IN_SHARES,
        integrity=True,
    ),
    smallest("isr_latency", _HANDLER, "D_i"),
    *percentiles("isr", "isr_latency", _HANDLER, "latencies D_i", _ISR_COLUMNS),
    peak_to_peak("isr_jitter_pp_us", "spread of the interrupt latency, peak to peak", "D_i"),
    smallest("defer_latency", "call that defers to deferred code", "D_i"),
    *percentiles(
        "defer",
        "defer_latency",
        "call that defers to deferred code",
        "latencies D_i",
        _LATENCY_COLUMNS,
    ),
    peak_to_peak("defer_jitter_pp_us", "spread of the deferral, peak to peak", "D_i"),
    Metric(
        "phase_error_rms_us",
        "us",
        "two alternating tasks: rms error of their phase",
        "sqrt(mean(p_i^2)), p_i the time between the tasks' activations less the one asked for",
        "definition; docs/decisions/0004-statistics.md",
        budget=IN_PERIODS,
    ),
    # not compared: seen in one run and extrapolated in the next, it moves by orders of magnitude
    # where nothing changed; what it follows from, phase error and drift, is compared
    Metric(
        *("desync_s", "s", "time until two tasks no longer alternate"),
        "first time with |p_i| > P / 4, seen or extrapolated",
        "drift: bounds of the slope; random walk: first-passage times",
        sense="higher",
        compared="no",
        combined=True,
    ),
    Metric(
        *("background_share", "1", "share of the CPU left to the main program"),
        "median over pairs of windows of (turns per second with the tasks) / (without)",
        "order statistic; bounds: sign test",
        sense="higher",
        combined=True,
    ),
    Metric(
        *("stop_latency_us", "us", "from the call of stop() to the last callback, largest seen"),
        *("max over the stops", EXTREME),
        bounds="tolerance",
        budget=IN_PERIODS,
    ),
    Metric(
        *("restart_phase_us", "us", "first callback after a start, less one period"),
        *("median over the starts", ORDER_STATISTIC),
        sense="magnitude",
        budget=IN_PERIODS,
        combined=True,
    ),
    Metric(
        *("callbacks_after_stop", "count", "callbacks that came after the end"),
        *("number of callbacks", _COUNTED),
        bounds="exact",
        shown=(Column("variants", "after its end", 90),),
        judged_in_variants=True,
        integrity=True,
    ),
    Metric(
        *("timer_after_stop", "count", "what a stopped timer still delivered, a stop on average"),
        *("callbacks / stops", _COUNTED),
        bounds="exact",
    ),
    Metric(
        *("callback_bytes", "bytes", "heap taken by one call of a callback"),
        *("bytes allocated / calls", _COUNTED),
        bounds="exact",
        shown=(Column("variants", "heap a call", 70),),
        judged_in_variants=True,
    ),
    Metric(
        "callback_errors",
        "count",
        "callbacks that failed for want of memory, and were caught",
        *("number of MemoryErrors", _COUNTED),
        bounds="exact",
        shown=(Column("variants", "no memory", 80),),
        judged_in_variants=True,
    ),
    Metric(
        *("jobs_lost", "count", "jobs of a stored plan, or runs of them, that a reset lost"),
        *("number over all resets", _PROPORTION),
        shown=(Column("variants", "jobs lost", 100),),
        judged_in_variants=True,
    ),
    Metric(
        *("jobs_run_twice", "count", "runs that came again after a reset"),
        *("number over all resets", _PROPORTION),
        shown=(Column("variants", "run twice", 110),),
        judged_in_variants=True,
    ),
    Metric(
        *("jobs_late", "count", "runs that came a period late or more, over resets"),
        *("number over all resets", _PROPORTION),
        shown=(Column("variants", "run late", 120),),
        judged_in_variants=True,
    ),
    Metric(
        *("wake_error_us", "us", "boot from deep sleep, less when a job was due"),
        *("median over the sleeps", "order statistic; bounds: sign test"),
        sense="magnitude",
        budget=IN_PERIODS,
        shown=(Column("variants", "wake error", 130),),
        judged_in_variants=True,
        combined=True,
    ),
    *percentiles(
        "request",
        "request_latency",
        "HTTP request to its whole answer",
        "times of the requests, each from when it was due",
        _REQUEST_COLUMNS,
    ),
    Metric(
        *("request_rate_hz", "hz", "HTTP requests answered a second"),
        *("answers / duration", "definition"),
        sense="none",
        bounds="none",
        budget=frozenset(),
        shown=(Column("requests", "answered", 10),),
    ),
    Metric(
        *("request_errors", "count", "HTTP requests that failed or came too late"),
        *("number of requests", _COUNTED),
        bounds="exact",
        shown=(Column("requests", "errors", 50),),
    ),
    Metric(
        *("stamp_cost_us", "us", "what one stamp costs on this board"),
        *("median over batches of (time of a batch / stamps in it)", ORDER_STATISTIC),
        budget=IN_PERIODS,
        combined=True,
    ),
    Metric(
        "observer_effect_us",
        "us",
        "how much longer an activation takes when every one is stamped, not only first and last",
        *("median over pairs of loops, stamped less not stamped, an activation", ORDER_STATISTIC),
        budget=IN_PERIODS,
        combined=True,
    ),
)
METRICS: dict[str, Metric] = {metric.name: metric for metric in _ROWS}
"""The metrics with a fixed name, in the order in which they are shown."""
_RANKS = {name: rank for rank, name in enumerate(METRICS)}
_TAU = r"[0-9]+(?:p[0-9]+)?(?:us|ms|s)"
_FAMILIES = (
    (
        re.compile(rf"adev_{_TAU}"),
        Metric(
            *("adev_TAU", "1", "overlapping Allan deviation at this averaging time"),
            *("overlapping Allan deviation of t_i", "IEEE 1139; NIST SP 1065"),
        ),
    ),
    (
        re.compile(rf"mtie_{_TAU}_us"),
        Metric(
            *("mtie_TAU_us", "us", "maximum time interval error over this time"),
            *("largest peak-to-peak time error in any window of TAU", "ITU-T G.810, II.5"),
            bounds="tolerance",
            budget=IN_PERIODS,
        ),
    ),
    (
        re.compile(rf"tdev_{_TAU}_us"),
        Metric(
            *("tdev_TAU_us", "us", "time deviation at this averaging time"),
            *("TAU / sqrt(3) * modified Allan deviation", "ITU-T G.810, II.3; NIST SP 1065"),
            budget=IN_PERIODS,
        ),
    ),
)


@lru_cache(maxsize=1024)
def find_metric(name: str) -> Metric | None:
    """The metric of this name, or ``None``.

    ``adev_<tau>``, ``mtie_<tau>_us`` and ``tdev_<tau>_us`` exist for every averaging time, written
    as a number with its unit: ``10ms``, ``1s``, ``2p5s``.
    """
    known = METRICS.get(name)
    if known is not None:
        return known
    for pattern, metric in _FAMILIES:
        if pattern.fullmatch(name):
            return replace(metric, name=name)
    return None


def metric_or_unknown(name: str, unit: str = "1") -> Metric:
    """The metric of this name; one that this version does not know is better when lower."""
    return find_metric(name) or Metric(name, unit, "", "", "")


def metric_rank(name: str) -> tuple[int, str]:
    """Sort key: the fixed metrics in their order, then the others by name."""
    return (_RANKS.get(name, len(_RANKS)), name)


def table_columns(table: Table, *, brief: bool = False) -> tuple[tuple[Metric, Column], ...]:
    """The columns of a table in their order, each with its metric; ``brief``: of its short form."""
    pairs = [
        (metric, column)
        for metric in METRICS.values()
        for column in metric.shown
        if column.table == table and (column.brief or not brief)
    ]
    return tuple(sorted(pairs, key=lambda pair: pair[1].position))


@cache
def percentile_metrics(series: SeriesName) -> Mapping[str, Percentile]:
    """Metric name -> percentile, of all that are percentiles of this series."""
    return {
        metric.name: metric.percentile
        for metric in METRICS.values()
        if metric.percentile is not None and metric.percentile.of == series
    }
