"""What a case of a stored run says of each figure: whose bursts, which scale, how wide."""

import math
from dataclasses import replace

import numpy as np
import pytest
import runs

from hil.analysis.comparison_scale import (
    COUNT,
    Evidence,
    on_scale,
    percentile_evidence,
    widened,
)
from hil.history.comparison_inputs import (
    FigureKey,
    case_evidence,
    pair_figures,
    since_change,
    task_stamps,
)
from hil.history.stamp_packing import unpack_values
from hil.history.stored_records import make_history_run
from hil.model.captures import LaterWindow
from hil.model.metrics import METRICS
from tools import synthetic_captures


def case(technique="timer_soft", **more):
    taken = runs.capture(np.random.default_rng(1), technique, **more)
    return make_history_run(runs.results([taken]), [taken]).boards[0].cases[0]


def by_metric(case):
    return {
        (key.task, key.method, key.metric): told for key, told in case_evidence(case, "b").items()
    }


def test_the_key_is_of_the_board_and_the_case():
    keys = list(case_evidence(case(), "b"))
    assert {(key.board, key.technique, key.load) for key in keys} == {("b", "timer_soft", "idle")}
    assert {key.task for key in keys} == {0, 1, None}


def test_counts_are_compared_by_the_bursts_of_their_task():
    measured_case = case()
    missed = [
        replace(m, value=6.0, lo=6.0, hi=6.0) if m.metric == "missed" and m.task == 0 else m
        for m in measured_case.measurements
    ]
    stamps = [
        replace(s, counts={"missed": 3}) if (s.kind, s.task) == ("task", 0) else s
        for s in measured_case.stamps
    ]
    told = by_metric(replace(measured_case, measurements=tuple(missed), stamps=tuple(stamps)))
    burst = told[0, None, "missed"]
    assert (burst.value, burst.cluster, burst.y) == (6.0, 2.0, on_scale(3.0, COUNT))
    of_method = [replace(m, method="x/y") if m.metric == "missed" else m for m in missed]
    told = by_metric(replace(measured_case, measurements=tuple(of_method), stamps=tuple(stamps)))
    assert told[0, "x/y", "missed"].cluster == 1.0


def test_interrupt_latencies_are_those_of_the_stored_stamps_less_their_cost():
    measured_case = case("event_irq", events=1500)
    (packed,) = [s for s in measured_case.stamps if s.kind == "isr"]
    latency = np.maximum(unpack_values(packed.data) - packed.cost_us, 0.0)
    step_us = max(s.step_us for s in measured_case.stamps)
    wanted = percentile_evidence("isr", latency, step_us)["isr_latency_p50_us"]
    told = by_metric(measured_case)[None, "loopback/hard", "isr_latency_p50_us"]
    assert (told.low, told.high, told.c, told.dof) == (
        wanted.low, wanted.high, wanted.c, wanted.dof
    )  # fmt: skip
    figure = [m for m in measured_case.measurements if m.metric == "isr_latency_p50_us"]
    assert told.value == figure[0].value
    assert told.y == on_scale(figure[0].value, told.c)


def test_a_phase_within_a_millisecond_is_chance_where_asyncio_sleeps():
    """Evenly spread over 1 ms: 1000 / sqrt(12) us, and its ends sqrt(12) of that apart."""
    plain, asyncio = by_metric(case("timer_soft")), by_metric(case("asyncio_sleep"))
    key = (0, None, "period_jitter_rms_us")
    assert asyncio[key].high == plain[key].high
    checked = 0
    for key, told in asyncio.items():
        if key[2].startswith("lateness_p") and math.isfinite(told.error) and key in plain:
            alone = plain[key]
            if alone.value != told.value or not math.isfinite(alone.error):
                continue
            wide = widened(alone, 1000.0 / math.sqrt(12.0), math.sqrt(12.0))
            assert (told.low, told.high) == pytest.approx((wide.low, wide.high))
            checked += 1
    assert checked


@pytest.mark.parametrize("n", [400, 200])
def test_a_percentile_over_all_tasks_needs_one_of_each_of_them(n):
    """That a task's figure has no bounds does not keep its stamps from telling."""
    plain = case(n=n)
    p50 = [m for m in plain.measurements if m.metric == "lateness_p50_us"]
    others = [m for m in plain.measurements if m.metric != "lateness_p99_us"]
    why = "too few independent samples for an upper bound"
    p99 = [replace(m, metric="lateness_p99_us", lo=None, hi=None, no_bounds=why) for m in p50]
    told = by_metric(replace(plain, measurements=(*others, *p99)))
    assert math.isfinite(told[None, None, "lateness_p99_us"].error)
    assert math.isfinite(told[None, None, "lateness_p50_us"].error)
    told = by_metric(replace(plain, measurements=(*others, *p99[:1])))
    assert (None, None, "lateness_p99_us") not in told
    why = "no bounds: the lateness drifts"
    p99 = [replace(m, no_bounds=why) for m in p99]
    told = by_metric(replace(plain, measurements=(*others, *p99)))
    assert math.isinf(told[None, None, "lateness_p99_us"].error)
    assert len(told[None, None, "lateness_p99_us"].parts) == 3


def windows_of(late, **more):
    """One case in three windows of the same length, joined; a list of latenesses for each."""
    size = late[0].size
    whole = synthetic_captures.capture(
        [np.concatenate(late)], of=runs.board(), origin_us=1000, **more
    )
    later = tuple(LaterWindow(size * at, size * at) for at in (1, 2))
    ends = tuple(1000 + runs.PERIOD * size * at for at in (1, 2, 3))
    track = replace(whole.tracks[0], later_windows=later, window_ends_us=ends)
    return replace(whole, tracks=(track,))


def test_a_figure_is_known_in_each_window():
    rng = np.random.default_rng(5)
    late = [rng.exponential(level, 200) for level in (100.0, 200.0, 400.0)]
    capture = windows_of(late)
    stored = make_history_run(runs.results([capture]), [capture]).boards[0].cases[0]
    (packed,) = [stamps for stamps in stored.stamps if stamps.kind == "task"]
    stamps = task_stamps(packed)
    assert stamps.later_windows == (200, 400)
    assert not stamps.joined[[199, 399]].any()
    told = by_metric(stored)[0, None, "lateness_p50_us"]
    medians = [
        np.sort(stamps.lateness_us[span])[99]
        for span in (slice(0, 200), slice(200, 400), slice(400, 600))
    ]
    assert told.parts == pytest.approx([on_scale(value, told.c) for value in medians])


def test_figures_of_another_source_are_figures_of_their_own():
    plain = case()
    p50 = next(m for m in plain.measurements if m.metric == "lateness_p50_us" and m.task == 0)
    seen = replace(p50, source="saleae", value=7.0, lo=6.0, hi=8.0)
    told = case_evidence(replace(plain, measurements=(*plain.measurements, seen)), "b")
    pair = {key.source: told[key] for key in told if key[3:6] == (0, None, "lateness_p50_us")}
    assert pair["saleae"].value == 7.0
    assert pair["board"].value == p50.value
    only = [key for key in told if key.source == "saleae"]
    assert not list(pair_figures({only[0]: told[only[0]]}, [case_evidence(plain, "b")]))


def test_what_a_board_stamped_bounds_no_figure_of_an_instrument():
    plain = case()
    seen = [
        replace(m, source="saleae", lo=None, hi=None) for m in plain.measurements if m.task == 0
    ]
    told = case_evidence(replace(plain, measurements=tuple(seen)), "b")
    rates = [evidence for key, evidence in told.items() if key.metric == "lateness_p50_us"]
    assert [evidence.error for evidence in rates] == [math.inf]
    assert rates[0].parts == ()


@pytest.mark.parametrize("metric", METRICS)
def test_a_figure_has_the_sense_of_its_metric(metric):
    key = FigureKey("b", "timer_soft", "idle", 0, None, metric)
    unknown = key._replace(metric="of_a_newer_version_us")
    told = Evidence(5.0, on_scale(5.0, 1.0), 0.1, 0.1, 1.0)
    run = {key: told, unknown: told}
    senses = {key: figure.sense for key, figure in pair_figures(run, [run])}
    assert senses == {key: METRICS[metric].sense, unknown: "lower"}


@pytest.mark.parametrize(("newer", "older"), [(3, 3), (4, 9), (9, 4)])
@pytest.mark.parametrize(("standard_errors", "is_change"), [(5.05, True), (4.95, False)])
def test_a_step_of_five_standard_errors_is_a_change(newer, older, standard_errors, is_change):
    """Two means of runs that are known to 0.1 each, n and k of them: 0.1 sqrt(1/n + 1/k)."""
    step = standard_errors * 0.1 * math.sqrt(1.0 / newer + 1.0 / older)
    now, before = Evidence(1.0, step, 0.1, 0.1, 1.0), Evidence(1.0, 0.0, 0.1, 0.1, 1.0)
    runs_before = [now] * newer + [before] * older
    assert len(since_change(runs_before)) == (newer if is_change else newer + older)
