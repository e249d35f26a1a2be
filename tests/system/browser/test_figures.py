"""Figures answer: the nearest value, zoom by mouse and keyboard, names that hide their lines."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from hil.report.charts.chart import STEPS

WHOLE = "0 0 10000 10000"


@pytest.fixture
def figure(view, report):
    page, _ = view(report.page)
    wide_figure = page.locator("figure.hil-wide").first
    wide_figure.scroll_into_view_if_needed()
    return wide_figure


def viewbox(figure):
    return figure.locator("svg.data").get_attribute("viewBox")


def texts(figure):
    return figure.locator("g.axes text").all_text_contents()


def screen_point(figure, x=0.5, y=0.5):
    """Where a part of the drawing's inner field is on the screen."""
    return figure.locator("svg.hil-chart").evaluate(
        """(svg, [x, y]) => {
          const box = svg.getBoundingClientRect();
          const scale = box.width / svg.viewBox.baseVal.width;
          const data = svg.querySelector("svg.data");
          const [left, top, width, height] = ["x", "y", "width", "height"].map(
            (name) => Number(data.getAttribute(name)));
          return [box.x + (left + x * width) * scale, box.y + (top + y * height) * scale];
        }""",
        [x, y],
    )


def test_the_nearest_value_is_told_where_the_pointer_is(figure):
    page = figure.page
    line = figure.locator("g[data-line]").last
    number = line.get_attribute("data-line")
    name = figure.locator(f'.hil-legend li[data-line="{number}"]').inner_text()
    data = read_chart(figure)["series"][int(number)]
    across, up = np.cumsum(data["x"]), np.cumsum(data["y"])
    highest = int(up.argmax())
    middle = (across[highest] + across[highest + 1]) / 2
    page.mouse.move(*screen_point(figure, middle / STEPS, 1 - up[highest] / STEPS))
    said = figure.locator("output").inner_text()
    assert said.startswith(f"{name}: ")
    assert "s, " in said
    page.mouse.move(2, 2)
    assert figure.locator("output").inner_text() == ""


def test_a_finger_reads_a_value_and_it_stays(view, report):
    page, _ = view(report.page, width=360, has_touch=True)
    figure = page.locator("figure.hil-wide").first
    figure.scroll_into_view_if_needed()
    page.touchscreen.tap(*screen_point(figure, 0.6, 0.5))
    assert ", " in figure.locator("output").inner_text()
    assert viewbox(figure) == WHOLE


def in_colour(figure):
    return [
        button.inner_text()
        for button in figure.locator(".hil-legend button[aria-pressed=true]").all()
    ]


def test_the_best_three_are_in_colour_and_a_name_brings_another(figure):
    page = figure.page
    group = page.locator(".hil-group").first
    quiet = "g[data-line].quiet"
    first = in_colour(figure)
    assert len(first) == 3
    lines = figure.locator("g[data-line]").count()
    assert group.locator(quiet).count() == 2 * (lines - 3) > 0
    grey = figure.locator(quiet).first.evaluate("(node) => getComputedStyle(node).color")
    assert grey == "rgb(180, 188, 196)"
    other = figure.locator(".hil-legend button[aria-pressed=false]").first
    name = other.inner_text()
    other.focus()
    page.keyboard.press("Space")
    assert set(in_colour(figure)) == {*first, name}
    assert group.locator(quiet).count() == 2 * (lines - 4)  # beside it, too
    chosen = figure.locator(".hil-legend button", has_text=name).first
    assert chosen.get_attribute("aria-pressed") == "true"
    chosen.click()
    assert in_colour(figure) == first


def test_all_are_in_colour_or_the_best(figure):
    first = in_colour(figure)
    every = figure.get_by_role("button", name="all, or the best")
    every.click()
    assert figure.locator("g.quiet").count() == 0
    every.click()
    assert in_colour(figure) == first


def test_the_worst_activation_is_named_at_its_point(figure):
    mark = next(mark for mark in read_chart(figure)["marks"] if mark["kind"] == "worst")
    label = figure.locator("g.labels text")
    assert label.text_content() == mark["text"]
    assert re.fullmatch(r"worst [\d.]+ (µs|ms|s) \w+ beside idle at activation \d+.*", mark["text"])
    figure.locator(".hil-canvas").focus()
    figure.page.keyboard.press("+")
    figure.page.keyboard.press("Shift+ArrowUp")
    assert label.count() == 0  # out of view
    figure.page.keyboard.press("0")
    assert label.count() == 1


def test_where_none_is_better_a_name_hides_its_line_and_shows_it_again(view, report):
    page, _ = view(report.page)
    page.locator("details.hil-case summary").first.click()
    figure = page.locator("details.hil-case figure").first
    button = figure.locator(".hil-legend button").first
    hidden = figure.locator('g[data-line="0"][style*="none"]')
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert hidden.count() == 1
    button.click()
    assert hidden.count() == 0


def test_keys_zoom_move_and_show_all_again(figure):
    page = figure.page
    before = texts(figure)
    figure.locator(".hil-canvas").focus()
    page.keyboard.press("+")
    near = viewbox(figure)
    assert near == "2500 2500 5000 5000"
    assert texts(figure) != before
    page.keyboard.press("Shift+ArrowRight")
    assert viewbox(figure) == "3500 2500 5000 5000"
    page.keyboard.press("-")
    page.keyboard.press("-")
    assert viewbox(figure) == WHOLE
    page.keyboard.press("+")
    page.keyboard.press("0")
    assert viewbox(figure) == WHOLE
    assert texts(figure) == before


def test_arrow_keys_read_value_after_value(figure):
    page = figure.page
    figure.locator(".hil-canvas").focus()
    said = []
    for _ in range(5):
        page.keyboard.press("ArrowRight")
        said.append(figure.locator("output").inner_text())
    assert all(said)
    page.keyboard.press("ArrowLeft")
    assert figure.locator("output").inner_text() == said[3]


def test_dragging_zooms_to_the_frame_and_a_double_click_back(figure):
    page = figure.page
    before = texts(figure)
    page.mouse.move(*screen_point(figure, 0.2, 0.3))
    page.mouse.down()
    page.mouse.move(*screen_point(figure, 0.5, 0.6))
    page.mouse.move(*screen_point(figure, 0.6, 0.8))
    page.mouse.up()
    x, y, w, h = (float(part) for part in viewbox(figure).split())
    assert (x, y, w, h) == pytest.approx((2000, 3000, 4000, 5000), abs=40)
    assert texts(figure) != before
    page.mouse.dblclick(*screen_point(figure))
    assert viewbox(figure) == WHOLE
    assert texts(figure) == before


def test_buttons_zoom_too(figure):
    figure.locator(".hil-canvas").hover()
    figure.get_by_role("button", name="zoom in").click()
    assert viewbox(figure) != WHOLE
    figure.get_by_role("button", name="show all").click()
    assert viewbox(figure) == WHOLE


def test_ticks_after_a_zoom_stand_where_they_say(view, report):
    """A section's ticks agree with the description's: what both write stands at the same place."""
    page, _ = view(report.page)
    for case in page.locator("details.hil-case").all()[:2]:
        case.locator("summary").first.click()
        for figure in case.locator("figure").all():
            compared = figure.evaluate(
                """(figure) => {
                  const read = () => new Map([...figure.querySelectorAll("g.axes text.m")].map(
                    (node) => [node.textContent, Number(node.getAttribute("x"))]));
                  const before = read();
                  const canvas = figure.querySelector(".hil-canvas");
                  const key = (name, shift = false) => canvas.dispatchEvent(
                    new KeyboardEvent("keydown", { key: name, shiftKey: shift, bubbles: true }));
                  key("+"); key("Escape"); key("+");
                  const data = figure.querySelector("svg.data");
                  const [x0, , w] = data.getAttribute("viewBox").split(" ").map(Number);
                  const left = Number(data.getAttribute("x"));
                  const width = Number(data.getAttribute("width"));
                  const found = [];
                  for (const [text, at] of read()) if (before.has(text))
                    found.push([
                      left + (before.get(text) - left - x0 / 1e4 * width) / (w / 1e4), at]);
                  key("0");
                  return found;
                }"""
            )
            for described, made_here in compared:
                assert described == pytest.approx(made_here, abs=0.5)


def read_chart(figure) -> dict:
    return json.loads(figure.locator("script.hil-chart-data").text_content())


def test_what_is_drawn_is_the_description(view, report):
    """Every series of a case, point by point, and every tick."""
    page, _ = view(report.page)
    case = page.locator("details.hil-case").first
    case.locator("summary").first.click()
    case.locator("svg.hil-chart").last.wait_for()
    for figure in case.locator("figure").all():
        data = read_chart(figure)
        written = [text for axis in (data["x"], data["y"]) for _, text in axis["ticks"]]
        assert texts(figure) == written
        groups = figure.locator("g[data-line]").all()
        assert len(groups) == len(data["series"])
        for group, series in zip(groups, data["series"], strict=True):
            path = group.locator("path.line, path.dot").first.get_attribute("d")
            x, y = np.cumsum(series["x"]), STEPS - np.cumsum(series["y"])
            if series["style"] == "steps":
                edges = {int(part) for part in re.findall(r"[MH](-?\d+)", path)}
                assert edges <= set(x.tolist())
                assert min(map(int, re.findall(r"V(-?\d+)", path))) == y.min()
            else:
                drawn = [(int(a), int(b)) for a, b in re.findall(r"[ML](-?\d+) (-?\d+)", path)]
                assert drawn == list(zip(x.tolist(), y.tolist(), strict=True))
        assert figure.locator("path.worst").count() == sum(
            mark["kind"] == "worst" for mark in data["marks"]
        )


def test_a_technique_is_read_with_its_bounds(view, report):
    page, _ = view(report.page)
    figure = page.locator("figure", has_text="Median and 99th percentile").first
    figure.locator(".hil-canvas").focus()
    said = []
    for _ in range(10):
        page.keyboard.press("ArrowRight")
        said.append(figure.locator("output").inner_text())
    data = read_chart(figure)
    names = data["y"]["categories"]
    assert len(set(said)) == 2 * len(names)
    with_bounds = 0
    for text in said:
        match = re.fullmatch(r"(p50|p99): ([^,\[]+)( \[.+, .+\])?, (\w+)", text)
        assert match, text
        assert match[4] in names
        with_bounds += match[3] is not None
    ends = [list(zip(series["lo"], series["hi"], strict=True)) for series in data["series"]]
    assert with_bounds == sum(None not in pair for pairs in ends for pair in pairs) > 5
    before = texts(figure)
    page.keyboard.press("+")
    assert viewbox(figure).split()[1::2] == ["0", "10000"]  # every technique stays in view
    assert texts(figure)[-len(names) :] == before[-len(names) :]


def test_a_chart_is_drawn_once_its_case_is_opened_or_the_page_is_printed(view, report):
    page, _ = view(report.page)
    closed = page.locator("details.hil-case svg.hil-chart")
    assert (
        page.locator(".hil-group svg.hil-chart").count()
        == page.locator(".hil-group figure").count()
    )
    assert closed.count() == 0
    case = page.locator("details.hil-case").nth(1)
    case.locator("summary").first.click()
    case.locator("svg.hil-chart").first.wait_for()
    assert closed.count() == case.locator("figure").count()
    page.evaluate('document.documentElement.dataset.print = "all"')
    page.evaluate('dispatchEvent(new Event("beforeprint"))')
    assert page.locator("svg.hil-chart").count() == page.locator("figure").count()


def test_without_the_script_every_chart_has_its_text(view, report):
    page, _ = view(report.page, java_script_enabled=False)
    shown = page.locator(".hil-group .hil-alt")
    assert shown.count() == page.locator(".hil-group figure").count() > 0
    for text in shown.all():
        assert text.is_visible()
        assert "lateness" in text.inner_text()
    assert page.locator("svg").count() == 0
