"""Charts in files: valid pictures of the same series, the same bytes each time."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from matplotlib.image import imread

from hil.model.units import with_micro_sign
from hil.report.charts.chart import Axis, Chart, Mark, ReferenceLine, Series, category_axis
from hil.report.charts.matplotlib_drawing import draw, write_pages, write_picture
from hil.report.charts.run_charts import run_charts

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "$x^{ </text><script>\x1b[31m\u202e_\U0001f9ea"


@pytest.fixture(scope="module")
def charts(captures, results_of):
    chosen = [c for c in captures if c.plan.technique in ("event_irq", "timer_hard")]
    return list(run_charts(results_of(chosen), chosen))


@pytest.mark.parametrize("form", ["png", "svg", "pdf"])
def test_charts_are_valid_pictures(charts, tmp_path, form):
    for chart in charts[:2] if form == "pdf" else charts:  # all pages of a PDF: below
        path = tmp_path / f"chart.{form}"
        write_picture(path, chart)
        raw = path.read_bytes()
        if form == "png":
            height, width, _ = imread(path).shape
            assert width > height > 300
        elif form == "svg":
            root = ElementTree.fromstring(raw)
            texts = ["".join(node.itertext()) for node in root.iter(f"{SVG}text")]
            words = " ".join(texts)
            assert chart.title.split(": ")[-1] in words
            for _, text in chart.x.ticks():
                assert with_micro_sign(text) in texts
            for series in chart.series:
                assert series.name in words
        else:
            assert raw.startswith(b"%PDF")
            assert raw.rstrip().endswith(b"%%EOF")


@pytest.mark.parametrize("form", ["png", "svg", "pdf"])
def test_same_chart_same_bytes(charts, tmp_path, form):
    paths = [tmp_path / f"{name}.{form}" for name in ("one", "other")]
    for path in paths:
        write_picture(path, charts[0])
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_the_axes_hold_the_series_of_the_description(charts):
    for chart in charts:
        (axes,) = draw(chart).axes
        assert axes.get_xlim() == pytest.approx((chart.x.lo, chart.x.hi))
        assert axes.get_ylim() == pytest.approx((chart.y.lo, chart.y.hi))
        assert list(axes.get_xticks()) == pytest.approx([value for value, _ in chart.x.ticks()])
        drawn = {line.get_label(): line.get_xydata() for line in axes.lines}
        steps = {patch.get_label(): patch.get_data() for patch in axes.patches if patch.get_label()}
        for series in chart.series:
            if not series.name:
                continue
            if series.style == "steps":
                data = steps[series.name]
                assert data.values == pytest.approx(series.y)
                assert data.edges == pytest.approx(series.x)
            else:
                assert drawn[series.name] == pytest.approx(np.column_stack([series.x, series.y]))


def made(**changes) -> Chart:
    parts = {
        "title": "T",
        "caption": "C",
        "alt": "A",
        "x": Axis("asinh", -10.0, 1e4, "x", "us", bend=10.0),
        "y": category_axis(["a", "b"], downward=True),
        "series": [],
    }
    return Chart(**(parts | changes))


def test_bounds_marks_and_references_are_drawn_where_they_are():
    x, y = np.array([5.0, 50.0]), np.array([0.0, 1.0])
    series = Series("p", x, y, lo=np.array([1.0, np.nan]), hi=x * 2, style="points", bounds="x")
    chart = made(
        series=[series],
        marks=[Mark(100.0, 1.0, "worst", "worst", (0.5, 1.5))],
        references=[ReferenceLine("x", 7.0, kind="limit"), ReferenceLine("y", 0.2, 0.4)],
    )
    (axes,) = draw(chart).axes
    lines = [line.get_xydata().tolist() for line in axes.lines]
    assert [[1.0, 0.0], [10.0, 0.0]] in lines  # the whisker with both ends, and no other
    assert not any(np.isnan(line).any() for line in lines)
    assert [[100.0, 0.5], [100.0, 1.5]] in lines
    assert [[100.0, 1.0]] in lines
    assert [[7.0, 0.0], [7.0, 1.0]] in lines
    (band,) = [patch for patch in axes.patches if hasattr(patch, "get_xy")]
    assert {round(corner, 3) for corner in np.asarray(band.get_extents())[:, 1]} != set()
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first category is on top


@pytest.mark.parametrize("form", ["png", "svg", "pdf"])
def test_a_name_is_no_formula_and_no_markup(tmp_path, form):
    chart = made(
        title=HOSTILE,
        caption=HOSTILE,
        y=category_axis([HOSTILE, "b"]),
        series=[Series(f"_{HOSTILE}", np.array([1.0, 2.0]), np.array([0.0, 1.0]))],
    )
    path = tmp_path / f"chart.{form}"
    write_picture(path, chart)
    if form == "svg":
        root = ElementTree.fromstring(path.read_bytes())
        assert not [node for node in root.iter() if node.tag.endswith("script")]
        text = " ".join("".join(node.itertext()) for node in root.iter(f"{SVG}text"))
        assert "$x^{ </text><script>\\x1b[31m" in text
        assert text.count("script") == 4  # title, caption, category, and legend


def test_all_charts_of_a_run_are_pages_of_one_file(charts, tmp_path):
    path = tmp_path / "charts.pdf"
    assert write_pages(path, charts) == len(charts) > 10
    assert len(re.findall(rb"/Type /Page\b", path.read_bytes())) == len(charts)


def test_an_unknown_ending_is_refused(charts, tmp_path):
    with pytest.raises(ValueError, match="one of svg, pdf, png"):
        write_picture(tmp_path / "chart.bmp", charts[0])
    assert not list(tmp_path.iterdir())
