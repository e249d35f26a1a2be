"""The figures: what is drawn, what is told beside it, and that no extreme is lost."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from hil.records import Capture, Pings
from hil.report.chart import STEPS
from hil.report.long_term import long_term_plots
from hil.report.overlay import overlays
from hil.report.overview import overview_plot
from hil.report.plots import technique_plots
from hil.report.rows import make_rows
from hil.report.scales import Scale
from hil.results import Results


def numbers(text: str) -> list[float]:
    return [float(part) for part in re.findall(r"-?\d+\.?\d*", text)]


def data(svg: object) -> str:
    return str(svg).split('<svg class="data"', 1)[1]


def test_each_figure_has_axes_units_n_and_a_text(captures: list[Capture], page_of) -> None:
    (capture,) = [c for c in captures if c.plan.technique == "event_irq"]
    plots = list(technique_plots(capture, []))
    titles = [plot.title for plot in plots]
    assert titles == [
        *("Lateness", "Intervals", "Time interval error", "The worst 100 ms", "Interrupt latency"),
    ]
    for plot in plots:
        text = page_of(str(plot.svg)).words
        assert re.search(r"\d (us|ms|s)\b|\(s\)", text)
        assert "n = " in plot.caption or plot.title == "The worst 100 ms"
        label = next(label for label in page_of(str(plot.svg)).labels if label)
        assert "event_irq" in label
        assert plot.legend
    # colours follow the page: nothing fixed is left
    assert not re.search(r"#[0-9a-fA-F]{6}", "".join(str(plot.svg) for plot in plots))


def test_the_worst_activation_is_marked_in_tie_and_raster(captures: list[Capture]) -> None:
    capture = captures[0]
    track = capture.tracks[0]
    stamps = track.origin_us + np.arange(400, dtype=np.int64) * 10_000
    stamps[123] += 7_000
    one = replace(capture, tracks=(replace(track, stamps_us=stamps, releases=None),))
    plots = {plot.title: plot for plot in technique_plots(one, [])}
    assert "worst, 6975 us at 1.237 s" in plots["Time interval error"].caption
    assert "task 0 at 1.2370 s, 7000 us late" in plots["The worst 100 ms"].caption
    assert 'class="worst"' in plots["The worst 100 ms"].svg
    line = re.search(r'<path class="line" d="([^"]*)"', data(plots["Time interval error"].svg))
    assert line


def test_long_term_figures_tell_stability_and_phase(captures: list[Capture], page_of) -> None:
    capture = captures[0]
    plots = list(long_term_plots(capture, []))
    assert [plot.title for plot in plots] == ["Allan deviation", "Wander", "Railroad lights"]
    for plot in plots:
        label = next(label for label in page_of(str(plot.svg)).labels if label)
        assert capture.plan.technique in label
    few = replace(
        capture,
        tracks=tuple(replace(t, stamps_us=t.stamps_us[:3], releases=None) for t in capture.tracks),
    )
    assert [plot.title for plot in long_term_plots(few, [])] == ["Railroad lights"]


def test_the_kind_of_noise_is_told_and_no_other_note(captures: list[Capture]) -> None:
    one = replace(make_measurement(captures[0]), metric="adev_100ms")
    for note, told in (
        ("white phase noise (MDEV slope -1.50); too few windows", "Seen: white phase noise (MDEV"),
        ("too few windows", "bounds"),
    ):
        plot = next(iter(long_term_plots(captures[0], [replace(one, note=note)])))
        assert told in plot.caption
        assert "too few" not in plot.caption


def test_the_clock_is_drawn_with_its_line_and_bounds(captures: list[Capture]) -> None:
    n, ppm = 60, 40.0
    host = np.arange(n, dtype=np.int64) * 100_000_000
    board = (host // 1000 * (1 + ppm / 1e6)).astype(np.int64)
    pings = Pings(host, board + 100, board + 110, host + 210_000)
    capture = replace(captures[0], pings=pings)
    skew = replace(
        make_measurement(capture), metric="clock_skew_ppm", unit="ppm", value=ppm, lo=35.0, hi=45.0
    )
    plot = list(long_term_plots(capture, [skew]))[-1]
    assert plot.title == "The board's clock"
    assert "fit: 40.0 ppm [35.0, 45.0]" in [name for _, name, _ in plot.legend]
    fit = plot.svg.split('data-line="2"', 1)[1]
    assert 'class="band"' in fit
    path = re.search(r'class="line" d="M(\d+) (\d+)l(\d+)(-\d+)"', fit)
    assert path, fit  # the board's clock runs ahead: upwards
    bare = replace(skew, lo=None, hi=None)
    plot = list(long_term_plots(capture, [bare]))[-1]
    assert 'class="band"' not in plot.svg.split('data-line="2"', 1)[1]


def make_measurement(capture: Capture):
    from hil.records import Measurement

    plan = capture.plan
    return Measurement(
        *(capture.board.name, plan.technique, plan.load, None, "missed", "count", 0.0),
        *(None, None, 60),
    )


def test_bounds_are_drawn(captures: list[Capture], results: Results) -> None:
    capture = captures[0]
    mine = [m for m in results.measurements if m.technique == capture.plan.technique]
    bare = [replace(m, lo=None, hi=None) for m in mine]
    with_bounds, without = (
        {p.title: str(p.svg) for p in technique_plots(capture, ones)} for ones in (mine, bare)
    )
    assert without["Lateness"].count('class="ends"') == 0
    ends = re.findall(r'class="ends" d="M\d+ (\d+)V(\d+)"', with_bounds["Lateness"])
    assert len(ends) == 2
    assert all(int(lo) > int(hi) for lo, hi in ends)  # downwards is less
    rows, bare_rows = make_rows(results.measurements), make_rows(bare)
    whisker = "stroke-width:2.2"
    full, less = overview_plot(rows[:1], "t", "k"), overview_plot(bare_rows, "t", "k")
    assert full is not None
    assert less is not None
    assert str(full.svg).count(whisker) == str(less.svg).count(whisker) + 2


def test_a_variants_percentiles_are_no_marks_of_the_technique(
    captures: list[Capture], results: Results
) -> None:
    mine = [m for m in results.measurements if m.technique == captures[0].plan.technique]
    variant = replace(mine[0], method="callback/closure", value=123_456.0)
    before, after = (next(technique_plots(captures[0], ones)) for ones in (mine, [*mine, variant]))
    assert before == after


def test_what_lies_outside_the_histogram_is_counted(captures: list[Capture]) -> None:
    track = captures[0].tracks[0]
    n = 1001
    stamps = np.arange(n, dtype=np.int64) * 10_000
    stamps[500:] += 1_000_000
    one = replace(captures[0], tracks=(replace(track, stamps_us=stamps, releases=None),))
    plot = {plot.title: plot for plot in technique_plots(one, [])}["Intervals"]
    assert "1 of 1000 lie outside the axis" in plot.caption


def test_one_late_activation_of_100_000_is_on_every_figure_over_time(
    captures: list[Capture],
) -> None:
    track = captures[0].tracks[0]
    n = 100_000
    stamps = track.origin_us + np.arange(n, dtype=np.int64) * 10_000
    stamps[77_777] += 9_000
    one = replace(captures[0], tracks=(replace(track, stamps_us=stamps, releases=None),))
    plots = {plot.title: plot for plot in technique_plots(one, [], points=60)}
    path = re.search(
        r'class="line" d="M(\d+) (\d+)l([^"]*)"', data(plots["Time interval error"].svg)
    )
    assert path
    steps = numbers(path[3].replace("-", " -"))
    heights = int(path[2]) + np.cumsum(steps[1::2])
    assert len(steps) < 140
    assert heights.min() < 0.1 * STEPS < 0.9 * STEPS < np.median(heights)


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_hardly_any_stamps_draw_without_a_warning(captures: list[Capture], n: int) -> None:
    capture = captures[0]
    tracks = tuple(
        replace(track, stamps_us=track.stamps_us[:n], releases=None) for track in capture.tracks
    )
    few = replace(
        capture, tracks=(tracks[0], replace(tracks[1], stamps_us=tracks[1].stamps_us[:0]))
    )
    constant = np.arange(n, dtype=np.int64) * 10_000
    same = replace(capture, tracks=(replace(tracks[0], stamps_us=constant, origin_us=0),))
    for one in (few, same):
        drawn = [*technique_plots(one, []), *long_term_plots(one, []), *overlays([one], "t")]
        assert bool(drawn) == (n > 0)
        assert not any("nan" in plot.svg for plot in drawn)


def test_the_overlays_hold_every_technique_and_all_their_activations(
    captures: list[Capture],
) -> None:
    distribution, percentiles = overlays(captures, "sim, load idle")
    names = [capture.plan.technique for capture in captures]
    for plot in (distribution, percentiles):
        assert sorted(name for _, name, _ in plot.legend) == sorted(names)
        assert len({slot for _, _, slot in plot.legend}) == len(names)
        assert "n = 1000" in plot.caption
    assert list(overlays([], "nothing")) == []


def read_back(svg: str, line: int) -> tuple[np.ndarray, np.ndarray]:
    """The values of a joined line, from the drawing alone."""

    def axis(name: str) -> Scale:
        found = re.search(rf'data-{name}="([^"]*)"', svg)
        assert found
        kind, lo, hi, unit, bend = found[1].split(",")
        return Scale(kind, float(lo), float(hi), "", unit, float(bend))  # type: ignore[arg-type]

    path = re.search(rf'data-line="{line}">.*?class="line" d="M(\d+) (\d+)l([^"]*)"', svg)
    assert path
    steps = np.array(numbers(path[3].replace("-", " -"))).reshape(-1, 2)
    x, y = np.cumsum([[int(path[1]), int(path[2])], *steps], axis=0).T
    return axis("x").value(x / STEPS), axis("y").value(1 - y / STEPS)


def test_the_drawing_holds_the_values(captures: list[Capture]) -> None:
    capture = next(c for c in captures if c.plan.technique == "timer_hard")
    late = np.concatenate([t.stamps_us - t.origin_us - t.releases * 10_000 for t in capture.tracks])
    distribution, percentiles = (str(plot.svg) for plot in overlays([capture], "t"))
    tail, value = read_back(percentiles, 0)
    for share in (50.0, 90.0, 99.0):
        drawn = np.interp(share, 100 - 100 / tail, value)
        assert drawn == pytest.approx(np.percentile(late, share), rel=0.05)
    assert value[-1] == pytest.approx(late.max(), rel=0.002)
    _, share = read_back(distribution, 0)
    assert share[share > 0.9 / late.size].sum() == pytest.approx(1.0, abs=0.05)


def test_a_technique_keeps_its_colour_when_others_are_absent(captures: list[Capture]) -> None:
    (all_of_them, _), (alone, _) = overlays(captures, "t"), overlays(captures[3:4], "t")
    (_, name, slot) = alone.legend[0]
    assert (name, slot) in [(one, color) for _, one, color in all_of_them.legend]
