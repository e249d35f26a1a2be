"""Figures by the pin, from worlds of which everything is known and from alignments made by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from hil.analysis.clock import Instrument
from hil.analysis.edge_alignment import Alignment, LineMatch
from hil.analysis.edge_figures import NO_OFFSET, measure_edge_tasks, measure_edges
from hil.analysis.edge_latency import measure_edge_latency
from hil.analysis.edge_tracks import AlignedWindow, align_windows, edge_tracks
from hil.analysis.metric_sheet import MetricSheet
from hil.analysis.stamp_costs import Cost, StampCosts
from hil.experiments.evaluation import evaluate, summarise_capture
from hil.model.captures import Capture, EventSet, Gap
from hil.model.edges import EdgeLine, EdgeRecording, LostInterval
from hil.recording.joined_windows import join_windows
from tests.analysis.captures import PERIOD, capture, track
from tools.edges.worlds import build

TOOLS = Instrument(1.0, 3.0, 1.0)


def edge_line(name, times_us, start=1):
    times = np.rint(np.asarray(times_us) * 1000).astype(np.int64)
    return EdgeLine(name, times, (np.arange(times.size) + start) % 2)


def window(stamps, edges, *, offset=(0.0, 0.0), technique="timer_hard", lost=(), **more):
    """A window whose instrument shows the board's time, and every edge has the stamp of its index.

    ``edges`` is in us; ``more`` goes to the track.
    """
    board = capture(track(stamps, **more), technique=technique)
    line = edge_line("task0", edges)
    end = board.tracks[0].end_us * 1000
    recording = EdgeRecording("la", (line,), -PERIOD * 1000, end + PERIOD * 1000, 8.0)
    which = np.searchsorted(edges, stamps)
    stamp_of = np.full(len(edges), -1)
    stamp_of[which] = np.arange(len(stamps))
    match = LineMatch("task0", np.arange(len(edges)), stamp_of)
    alignment = Alignment(
        *("la", "aligned", "", 0.0, *offset, 0.0, -0.1, 0.1),
        matched=len(stamps),
        lines=(match,),
        lost=tuple(LostInterval(int(a * 1000), int(b * 1000), "full") for a, b in lost),
    )
    return board, AlignedWindow(0, board, recording, alignment)


def figures(board, aligned, tools=TOOLS):
    sheets = measure_edges(board, [aligned], tools)
    return {(s.task, f.metric): f for s in sheets for f in s.figures}


@pytest.mark.parametrize("seed", range(12))
def test_what_the_pins_did_is_found_within_the_bounds(seed):
    world = build(seed)
    seen = replace(world.capture, edges=(world.recording,))
    by_pin = {
        (f.task, f.metric): f for f in summarise_capture(seen).measurements if f.source == "witness"
    }
    drawn = world.drawn
    delay = drawn.delay_us + drawn.delay_jitter_us * math.log(2)
    for task in (t.index for t in world.capture.tracks):
        pin = world.pins[f"task{task}"]
        true_us = np.sort(pin.times_us[pin.stamp >= 0])
        figure = by_pin[task, "pin_delay_us"]
        # a median of few delays is not that of all
        slack = 0.2 * drawn.delay_jitter_us
        assert figure.lo - slack <= delay <= figure.hi + slack
        late = true_us - world.capture.tracks[task].origin_us
        late -= np.arange(late.size) * world.capture.tracks[task].period_us
        figure = by_pin[task, "lateness_p50_us"]
        period_us = world.capture.tracks[task].period_us
        if figure.lo is not None and late.max() < period_us:
            assert figure.lo <= np.median(late) <= figure.hi
        spread = float(np.diff(true_us).std())
        step = drawn.resolution_ns / 1000
        assert by_pin[task, "period_jitter_rms_us"].value == pytest.approx(spread, abs=step)
        assert by_pin[task, "missed"].value == by_pin[task, "extra"].value == 0
    skew = by_pin[None, "clock_skew_ppm"]
    assert skew.lo <= 1e6 / (1 + drawn.rate) - 1e6 <= skew.hi


def test_an_edge_is_finer_than_the_clock_of_the_board():
    rng = np.random.default_rng(3)
    true_us = np.arange(2000) * PERIOD + 20.0 + rng.normal(0, 0.05, 2000)
    board, aligned = window(np.floor(true_us - 4.0).astype(int), true_us)
    by_metric = figures(board, aligned)
    jitter = by_metric[0, "period_jitter_rms_us"]
    assert jitter.value == pytest.approx(float(np.diff(true_us).std()), abs=0.003)
    assert jitter.bounds.lo < 0.05 * math.sqrt(2) < jitter.bounds.hi
    assert by_metric[0, "tie_rms_us"].value == pytest.approx(0.05, rel=0.05)
    (edges,) = edge_tracks(board, [aligned])
    assert edges.track.stamps_us.dtype == np.float64


def test_the_offset_widens_what_counts_from_the_grid_and_nothing_else():
    true_us = np.arange(400) * PERIOD + 20.0 + np.random.default_rng(1).normal(0, 2.0, 400)
    stamps = np.floor(true_us - 4.0).astype(int)
    exact, wide = (figures(*window(stamps, true_us, offset=(-o, o))) for o in (0.0, 5.0))
    for metric, by in (("lateness_p50_us", 4.0), ("lateness_p99_us", 4.7), ("pin_delay_us", 5.0)):
        low, high = exact[0, metric].bounds, wide[0, metric].bounds
        assert high.hi - low.hi > by - 1.0, metric
        assert low.lo - high.lo > by - 1.0, metric
        assert any("offset" in part.what for part in high.parts), metric
    for metric in ("period_jitter_rms_us", "tie_rms_us", "period_mean_us", "missed"):
        assert exact[0, metric].bounds == wide[0, metric].bounds, metric


def test_no_cost_of_a_clock_read_is_taken_off_an_edge():
    edges = np.arange(400) * PERIOD + 20.0
    by_metric = figures(*window(np.arange(400) * PERIOD + 7, edges), Instrument(1.0, 30.0, 10.0))
    assert by_metric[0, "lateness_p50_us"].value == 20.0
    assert by_metric[0, "pin_delay_us"].value == 12.5  # a stamp is half a step behind


def test_without_an_offset_only_intervals_are_left():
    edges = np.arange(400) * PERIOD + 20.0
    board, aligned = window(np.arange(400) * PERIOD + 7, edges, offset=(-math.inf, math.inf))
    sheets = measure_edges(board, [aligned], TOOLS)
    metrics = {figure.metric for figure in sheets[0].figures}
    assert {"period_mean_us", "tie_rms_us", "missed"} <= metrics
    assert not any(metric.startswith(("lateness", "pin_delay", "earliness")) for metric in metrics)
    reasons = {reason.metric: reason.reason for reason in sheets[0].reasons}
    assert reasons["lateness_p50_us"] == reasons["pin_delay_us"] == NO_OFFSET


@pytest.mark.parametrize("technique", ["timer_hard", "asyncio_sleep"])
def test_where_the_instrument_lost_edges_is_a_gap_and_no_missed_release(technique):
    true_us = np.arange(400) * PERIOD + 20.0
    remaining = np.delete(true_us, np.arange(100, 120))
    board = capture(track(np.arange(400) * PERIOD + 7), technique=technique)
    lost = [(99.5 * PERIOD, 119.5 * PERIOD)]
    stamp_of = np.delete(np.arange(400), np.arange(100, 120))
    _, aligned = window(np.arange(400) * PERIOD + 7, true_us, lost=lost, technique=technique)
    match = LineMatch("task0", np.arange(remaining.size), stamp_of)
    recording = replace(aligned.recording, lines=(edge_line("task0", remaining),))
    aligned = AlignedWindow(0, board, recording, replace(aligned.alignment, lines=(match,)))
    (edges,) = edge_tracks(board, [aligned])
    assert edges.track.gaps == (Gap(100, 20),)
    by_metric = figures(board, aligned)
    assert by_metric[0, "missed"].value == 0
    assert by_metric[0, "dropped"].value == 20
    assert by_metric[0, "lateness_max_us"].value == pytest.approx(20.0)


@pytest.mark.parametrize(("first", "last"), [(0, 350), (30, 400)])
def test_an_instrument_that_began_late_or_ended_early_missed_nothing(first, last):
    true_us = np.arange(400) * PERIOD + 20.0
    stamps = np.arange(400) * PERIOD + 7
    board, aligned = window(stamps, true_us)
    match = LineMatch("task0", np.arange(last - first), np.arange(first, last))
    recording = replace(
        aligned.recording,
        lines=(edge_line("task0", true_us[first:last]),),
        start_ns=int((first - 0.5) * PERIOD * 1000),
        end_ns=int((last - 0.5) * PERIOD * 1000) if last < 400 else 400 * PERIOD * 1000,
    )
    aligned = AlignedWindow(0, board, recording, replace(aligned.alignment, lines=(match,)))
    by_metric = figures(board, aligned)
    assert by_metric[0, "missed"].value == by_metric[0, "extra"].value == 0
    assert by_metric[0, "dropped"].value == 400 - (last - first)


def test_a_pulse_shorter_than_a_sample_is_counted_and_not_missed():
    stamps = np.arange(400) * PERIOD + 7
    stamps[200] = stamps[201] - 1  # a late one: the pin went up and down within a sample
    board = capture(track(stamps))
    remaining = np.delete(np.arange(400), [200, 201])
    line = edge_line("task0", stamps[remaining] + 4.0)
    recording = EdgeRecording("la", (line,), -PERIOD * 1000, 401 * PERIOD * 1000, 2000.0)
    match = LineMatch("task0", np.arange(remaining.size), remaining, missing=2)
    alignment = Alignment("la", "aligned", "", 0.0, -0.5, 0.5, lines=(match,))
    by_metric = figures(board, AlignedWindow(0, board, recording, alignment))
    assert by_metric[0, "short_pulses"].value == 1
    assert by_metric[0, "missed"].value == 0


def test_a_board_that_stamped_and_did_not_write_its_pin_missed_the_release():
    stamps = np.arange(400) * PERIOD + 7
    board, aligned = window(stamps, stamps + 4.0)
    remaining = np.delete(np.arange(400), 200)
    match = LineMatch("task0", np.arange(399), remaining, missing=1)
    recording = replace(aligned.recording, lines=(edge_line("task0", stamps[remaining] + 4.0),))
    aligned = AlignedWindow(0, board, recording, replace(aligned.alignment, lines=(match,)))
    assert figures(board, aligned)[0, "missed"].value == 1


def test_a_window_that_could_not_be_aligned_gives_no_figure_and_says_why():
    world = build(1)
    seen = replace(world.capture, edges=(replace(world.recording, lines=()),))
    case = evaluate(seen, None)
    assert all(figure.by_board for figure in case.measurements)
    (comparison,) = case.edges
    assert comparison.verdict == "no match"
    assert comparison.windows[0].reason
    assert any("no figures by witness" in notice.text for notice in case.notices)


def windows_of(world, shifts_us):
    """The same window again and again, on a later time of the board and another one of the
    instrument."""
    windows = []
    for number, shift in enumerate(shifts_us):
        moved = replace(
            world.capture,
            plan=replace(world.capture.plan, window=number, windows=len(shifts_us)),
            tracks=tuple(
                replace(
                    t,
                    origin_us=t.origin_us + shift,
                    end_us=t.end_us + shift,
                    stamps_us=t.stamps_us + shift,
                )
                for t in world.capture.tracks
            ),
            sync=replace(
                world.capture.sync,
                before_us=world.capture.sync.before_us + shift,
                after_us=world.capture.sync.after_us + shift,
            ),
        )
        later = number * 10**13
        recording = replace(
            world.recording,
            lines=tuple(
                replace(line, times_ns=line.times_ns + later) for line in world.recording.lines
            ),
            start_ns=world.recording.start_ns + later,
            end_ns=world.recording.end_ns + later,
            own_ns=world.recording.own_ns + later,
            seen_ns=world.recording.seen_ns[:0],
            board_us=world.recording.board_us[:0],
        )
        windows.append(replace(moved, edges=(recording,)))
    return windows


def test_each_window_is_aligned_by_itself_and_stands_on_the_grid_of_the_case():
    world = build(1)
    single = replace(world.capture, edges=(world.recording,))
    joined = join_windows(windows_of(world, (0, 77_000_123, 99_000_777)))
    case = evaluate(joined, None)
    by_pin = {(f.task, f.metric): f for f in case.measurements if not f.by_board}
    (alone,) = align_windows(single).values()
    for _, sheet in measure_edge_tasks(single, alone):
        own = {figure.metric: figure for figure in sheet.figures}
        for metric in ("lateness_max_us", "period_mean_us", "lateness_p50_us"):
            figure = by_pin[sheet.task, metric]
            assert figure.value == pytest.approx(own[metric].value, abs=0.5)
            assert [each["window"] for each in figure.windows] == [1, 2, 3]
        assert by_pin[sheet.task, "missed"].value == by_pin[sheet.task, "extra"].value == 0
    (comparison,) = case.edges
    assert [each.window for each in comparison.windows] == [1, 2, 3]
    assert len({each.offset_us for each in comparison.windows}) == 3


@pytest.mark.parametrize("lacking", [0, 1, 2])
def test_windows_without_an_alignment_are_left_out(lacking):
    world = build(1)
    parts = windows_of(world, (0, 77_000_123, 99_000_777))
    blind = replace(parts[lacking].edges[0], lines=())
    parts[lacking] = replace(parts[lacking], edges=(blind,))
    joined = join_windows(parts)
    (windows,) = align_windows(joined).values()
    whole = {t.index: t for t in joined.tracks}
    for edges in edge_tracks(joined, windows):
        board = whole[edges.track.index]
        assert edges.track.stamps_us.size == 2 * (board.stamps_us.size // 3)
        assert len(edges.track.later_windows) == 1
    by_metric = [f for f in evaluate(joined, None).measurements if not f.by_board]
    assert {f.value for f in by_metric if f.metric in ("missed", "extra")} == {0.0}


COSTS = StampCosts(Cost(3.0, 2.9, 3.1), Cost(2.0, 1.9, 2.1), Cost(4.0, 3.9, 4.1))


def latencies(true_us, *, offset=0.5, response=True):
    """Events at random times whose handler begins ``true_us`` after the edge of the stimulus."""
    rng = np.random.default_rng(5)
    n = true_us.size
    edges = 1000.0 + np.cumsum(rng.uniform(2000, 9000, n))
    begins = edges + true_us
    reading = begins + 1.2  # somewhere in the call of 3 us
    answer = begins + 6.0  # what the handler does up to the edge
    events = EventSet(
        *("isr", "loopback/hard"),
        np.floor(edges - 2.5).astype(np.int64),
        np.floor(reading).astype(np.int64),
    )
    lines = [edge_line("loop", np.sort(np.concatenate((edges, edges + 500.0))))]
    if response:
        lines.append(edge_line("response", answer))
    board = Capture(capture().board, capture().plan, events=(events,))
    recording = EdgeRecording("la", tuple(lines), 0, 10**12, 8.0)
    alignment = Alignment("la", "aligned", "", 0.0, -offset, offset, 0.0, -1.0, 1.0)
    sheet = MetricSheet()
    tools = Instrument(1.0, 6.0, 3.0, COSTS)
    measure_edge_latency([AlignedWindow(0, board, recording, alignment)], tools, sheet)
    return {(figure.metric, figure.method): figure for figure in sheet.figures}


def test_true_latency_from_the_edge_to_the_stamp_and_to_the_answer():
    true_us = 12.0 + np.random.default_rng(2).exponential(1.0, 500)
    by_metric = latencies(true_us)
    median = float(np.median(true_us))
    for method, more_us, close_us in (
        ("loopback/hard", 0.0, 0.6),
        ("loopback/hard/response", 6.0, 0.01),
    ):
        figure = by_metric["isr_latency_p50_us", method]
        assert figure.bounds.lo <= median + more_us <= figure.bounds.hi, method
        assert figure.value == pytest.approx(median + more_us, abs=close_us), method
    stamped, answered = (
        by_metric["isr_latency_p50_us", method].bounds
        for method in ("loopback/hard", "loopback/hard/response")
    )
    assert any("offset" in part.what for part in stamped.parts)
    assert not any("offset" in part.what for part in answered.parts)
    assert by_metric["missed", "loopback/hard/response"].value == 0
    spread = by_metric["isr_jitter_pp_us", "loopback/hard/response"].value
    assert spread == pytest.approx(float(np.ptp(true_us)), abs=0.02)


def test_an_answer_that_never_came_is_counted():
    true_us = np.full(50, 12.0)
    true_us[20] = 2e5  # beyond the next stimulus
    by_metric = latencies(np.delete(true_us, 20))
    assert by_metric["missed", "loopback/hard/response"].value == 0
    assert ("isr_latency_p50_us", "loopback/hard") in by_metric
    assert ("isr_latency_p50_us", "loopback/hard/response") not in latencies(
        np.full(50, 12.0), response=False
    )


def test_without_an_offset_the_answer_alone_tells_the_latency():
    by_metric = latencies(np.full(50, 12.0), offset=math.inf)
    assert {method for _, method in by_metric} == {"loopback/hard/response"}
