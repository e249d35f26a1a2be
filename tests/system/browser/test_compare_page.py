"""The page of two runs side by side: widths, themes, both distributions, names that are markup."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hil.history.comparison import compare_runs
from hil.history.stored_records import make_history_run
from hil.model.units import with_micro_sign
from hil.report.page.history_pages import render_comparison
from hil.report.side_by_side import side_by_side

from .conftest import analysed

OPEN = 'document.querySelectorAll("details").forEach((one) => { one.open = true; })'
BAD = "</style><img src=x onerror='window.boom=1'>\"{{7*7}}"


@pytest.fixture(scope="module")
def page_of(samples, tmp_path_factory):
    """Writes the page of two runs of the same board, the second one 2 ms later all the time."""

    def make(board: str = "sim"):
        identity = samples.make_board(board)
        runs = []
        for name, shift_us in (("before", 0), ("after", 2_000)):
            captures = [samples.make_capture(t, "idle", identity) for t in ("timer_soft", "thread")]
            captures = [
                replace(
                    capture,
                    tracks=tuple(
                        replace(t, stamps_us=t.stamps_us + shift_us) for t in capture.tracks
                    ),
                )
                for capture in captures
            ]
            results = analysed(samples, captures)
            info = replace(results.run, id=f"{name} {board}")
            runs.append(make_history_run(replace(results, run=info), captures))
        view = side_by_side(compare_runs(*runs, 0.95), *runs)
        path = tmp_path_factory.mktemp("compare") / "compare.html"
        path.write_text(render_comparison(view), encoding="utf-8")
        return path, view

    return make


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_it_fits_and_can_be_read(view, page_of, artefacts, in_page, width, scheme):
    path, _ = page_of()
    page, _ = view(path, width=width, scheme=scheme)
    page.screenshot(path=artefacts / f"compare-{width}-{scheme}.png")
    page.evaluate(OPEN)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    seen, poor = page.evaluate(in_page("contrast"))
    assert seen > 100
    assert poor == []


def test_every_case_has_its_figures_and_both_distributions(view, page_of):
    path, made = page_of()
    page, _ = view(path)
    page.evaluate(OPEN)
    assert page.locator("section[id^=case-]").count() == len(made.cases) == 2
    for number, case in enumerate(made.cases):
        section = page.locator(f"#case-{number}")
        assert section.locator("svg.hil-chart").is_visible()
        assert section.locator(".hil-legend li").count() == 2
        shown = section.locator("tr[data-metric]").evaluate_all(
            "all => all.map((row) => [...row.cells].map((cell) => cell.textContent.trim()))"
        )
        wanted = {
            figure.name: (figure.before, figure.after, figure.trend) for figure in case.figures
        }
        assert len(shown) == len(wanted)
        for name, before, after, _, _, trend, _ in shown:
            value, other, verdict = wanted[name]
            assert before.startswith(with_micro_sign(value))
            assert after.startswith(with_micro_sign(other))
            assert trend == (verdict or "not judged")
    soft = page.locator("#case-0 tr[data-metric=lateness_p50_us][data-task='0'] td").all()
    assert soft[4].inner_text() == "worse"


def test_a_hostile_name_is_text(view, page_of):
    path, _ = page_of(BAD)
    page, seen = view(path)
    page.evaluate(OPEN)
    assert page.evaluate("window.boom") is None
    assert page.locator("img").count() == 0
    assert BAD in page.locator("h1").inner_text()
    assert BAD in page.locator(".hil-legend").first.inner_text()
    assert seen.requests == [path.as_uri()]


def test_it_begins_with_what_changed_the_rest_is_folded_and_missing_parts_are_named(
    view, samples, tmp_path
):
    identity = samples.make_board("sim")
    runs = []
    for name, techniques, shift_us in (
        ("before", ("timer_soft", "timer_oneshot", "thread"), 0),
        ("after", ("timer_soft", "timer_oneshot"), 2_000),
    ):
        captures = []
        for technique in techniques:
            capture = samples.make_capture(technique, "idle", identity)
            late_us = shift_us if technique == "timer_oneshot" else 0
            tracks = tuple(
                replace(track, stamps_us=track.stamps_us + late_us) for track in capture.tracks
            )
            captures.append(replace(capture, tracks=tracks))
        results = analysed(samples, captures)
        runs.append(make_history_run(replace(results, run=replace(results.run, id=name)), captures))
    comparison = compare_runs(*runs, 0.95)
    path = tmp_path / "compare.html"
    path.write_text(render_comparison(side_by_side(comparison, *runs)), encoding="utf-8")
    page, _ = view(path, width=320)
    top = page.locator("#hil-top").inner_text()
    assert top.startswith("B is worse in ")
    assert "timer_oneshot, idle, sim" in top
    assert "How small a change could be seen" in top
    assert "thread, idle, sim: not in this run" in top
    titles = page.locator("section[id^=case-] h3").all_inner_texts()
    assert titles[0] == "timer_oneshot, load idle, sim: worse"
    same = page.locator("details.hil-same section")
    assert same.count() == 1
    assert not same.first.is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.locator(".compare-worses tbody a").first.click()
    assert page.locator("#hil-explanation").is_visible()
