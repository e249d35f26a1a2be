"""The page of a figure over time: each run can be read, names that are markup stay text."""

from __future__ import annotations

import pytest

from hil.history.trend_queries import TrendLine, TrendPoint
from hil.report.page.trend_page import trend_page

BAD = "</script><img src=x onerror='window.boom=1'>"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    points = [
        TrendPoint(
            f"{BAD}{day}", f"2026-11-{day:02d}T01:00:00Z", day, day - 0.5, day + 1.0, 99, verdict
        )
        for day, verdict in ((1, "pass"), (2, "none"), (3, "fail"), (9, "pass"))
    ]
    lines = [
        TrendLine(BAD, "k", "1.29", "quick", name, "idle", None, 0, "us", points=points[:count])
        for name, count in (("thread", 4), ("timer_soft", 1))
    ]
    file = tmp_path_factory.mktemp("trend") / "trend.html"
    file.write_text(trend_page("lateness_p99_us", lines), encoding="utf-8")
    return file


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_it_fits_and_can_be_read(view, path, artefacts, in_page, width, scheme):
    page, _ = view(path, width=width, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    seen, poor = page.evaluate(in_page("contrast"))
    assert seen > 10
    assert poor == []
    page.screenshot(path=artefacts / f"trend-{width}-{scheme}.png")


def test_every_run_is_read_by_keyboard_and_what_is_out_of_budget_is_marked(view, path):
    page, _ = view(path)
    figure = page.locator("figure", has_text="thread").first
    figure.locator(".hil-canvas").focus()
    said = []
    for _ in range(4):
        page.keyboard.press("ArrowRight")
        said.append(figure.locator("output").inner_text())
    assert [text.split("T")[0] for text in said] == [f"2026-11-0{day}" for day in (1, 2, 3, 9)]
    assert ["out of budget" in text for text in said] == [False, False, True, False]
    assert "1.00 µs [0.5 µs, 2.00 µs]" in said[0]
    assert figure.locator("path.fail").count() == 1
    dates = figure.locator("g.axes text.m").all_text_contents()
    assert (dates[0], dates[-1]) == ("Nov 1", "Nov 9")


def test_a_hostile_name_is_text(view, path):
    page, seen = view(path)
    assert page.evaluate("window.boom") is None
    assert page.locator("img").count() == 0
    assert BAD in page.locator("h2").inner_text()
    assert seen.requests == [path.as_uri()]
