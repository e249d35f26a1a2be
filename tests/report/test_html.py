from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from hil.budgets import Budget, Budgets, judge
from hil.records import Capture, Fault, Skip
from hil.report.html import (
    escape_cells,
    render_page,
    render_page_parts,
    style,
    write_page,
)
from hil.report.long_term import long_term_plots
from hil.report.numbers import show
from hil.report.plots import overview_plot, technique_plots
from hil.report.rows import make_rows
from hil.results import Results

HOSTILE = "<script>alert('x')</script>\"'&{{ 7*7 }}"


class Page(HTMLParser):
    """What a browser would see: text, ids, references, elements."""

    VOID = frozenset({"meta", "br", "hr", "img", "input", "link", "path", "use", "rect"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text, self.ids, self.loads, self.tags, self.open = [], [], [], [], []
        self.labels: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        values = dict(attrs)
        if "id" in values:
            self.ids.append(values["id"])
        for name in ("src", "srcset", "data", "poster", "action"):
            if values.get(name):
                self.loads.append(values[name])
        if tag == "use" and "href" in values:
            self.loads.append(values["href"])
        if tag == "link":
            self.loads.append(values.get("href", ""))
        self.labels.append(values.get("aria-label") or "")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def page(captures: list[Capture], results_of) -> str:
    return render_page(results_of(captures), captures)


def words(page: str) -> str:
    return " ".join(" ".join(Page(page).text).split())


def test_every_figure_of_the_records_is_on_the_page(page: str, results: Results) -> None:
    text = words(page)
    for one in results.measurements:
        assert show(one).value in text
        assert show(one).bounds in text
        assert f'title="{one.value} {one.unit}"' in page
    assert text.count("lateness_p99_us") == sum(
        one.metric == "lateness_p99_us" for one in results.measurements
    )


def test_the_comparison_table_equals_the_rows(page: str, results: Results) -> None:
    table = page[page.index("<tbody>") : page.index("</tbody>")]
    rows = make_rows(results.measurements)
    lines = re.findall(r"<tr>.*?</tr>", table, re.DOTALL)
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        text = words(line)
        assert text.startswith(row.technique)
        assert show(row.cells["lateness_p99_us"]).line in text
        assert show(row.cells["period_jitter_rms_us"]).line in text


def test_well_formed_unique_ids_and_nothing_loaded_from_elsewhere(page: str) -> None:
    seen = Page(page)
    assert seen.open == []
    assert len(seen.ids) == len(set(seen.ids))
    assert all(one.startswith("#") and one[1:] in seen.ids for one in seen.loads)
    for target in re.findall(r"url\(#([^)]+)\)", page):
        assert target in seen.ids
    assert "@import" not in page
    without_names = re.sub(r'xmlns(:\w+)?="[^"]*"', "", page)
    assert not re.search(r"(?:https?:)?//\w", without_names)


def test_each_figure_has_axes_units_n_and_a_text(captures: list[Capture]) -> None:
    (capture,) = [c for c in captures if c.plan.technique == "event_irq"]
    plots = list(technique_plots(capture, [], "k"))
    titles = [plot.title for plot in plots]
    assert titles == ["Intervals", "Time interval error", "Lateness", "Interrupt latency"]
    for plot in plots:
        text = words(str(plot.svg))
        assert re.search(r"\((us|ms|s|us, ms; log scale)\)", text)
        assert "n = " in text
        assert "n = " in plot.caption
        labels = [label for label in Page(str(plot.svg)).labels if label]
        assert labels
        assert "event_irq" in labels[0]
    # colours follow the page: nothing fixed is left
    assert not re.search(r"#[0-9a-fA-F]{6}", "".join(str(plot.svg) for plot in plots))


def test_long_term_figures_tell_stability_and_phase(captures: list[Capture], results_of) -> None:
    capture = captures[0]
    plots = list(long_term_plots(capture, [], "k"))
    assert [plot.title for plot in plots] == ["Allan deviation", "Wander", "Railroad lights"]
    for plot in plots:
        label = next(label for label in Page(str(plot.svg)).labels if label)
        assert capture.plan.technique in label
    few = replace(
        capture,
        tracks=tuple(replace(t, stamps_us=t.stamps_us[:3], releases=None) for t in capture.tracks),
    )
    assert [plot.title for plot in long_term_plots(few, [], "k")] == ["Railroad lights"]
    assert "left out here" not in render_page(results_of([capture]), [capture])
    assert "left out here" in render_page(results_of([]), [few] * 41)


def test_bounds_are_drawn(captures: list[Capture], results: Results) -> None:
    capture = captures[0]
    mine = [m for m in results.measurements if m.technique == capture.plan.technique]
    bare = [replace(m, lo=None, hi=None) for m in mine]
    with_bounds, without = (
        {p.title: str(p.svg) for p in technique_plots(capture, ones, "k")} for ones in (mine, bare)
    )
    whisker = "stroke-width:2.2"
    assert with_bounds["Lateness"].count(whisker) == without["Lateness"].count(whisker) + 2
    lines = re.findall(
        r'd="M([\d.]+) [\d.]+L([\d.]+) [^"]*"[^>]*stroke-width:2.2', with_bounds["Lateness"]
    )
    assert len(lines) == 2
    assert all(float(start) < float(end) for start, end in lines)
    rows, bare_rows = make_rows(results.measurements), make_rows(bare)
    full = overview_plot(rows[:1], "t", "k")
    less = overview_plot(bare_rows, "t", "k")
    assert full is not None
    assert less is not None
    assert str(full.svg).count(whisker) == str(less.svg).count(whisker) + 2


def test_what_lies_outside_the_histogram_is_counted(captures: list[Capture]) -> None:
    track = captures[0].tracks[0]
    n = 1001
    stamps = np.arange(n, dtype=np.int64) * 10_000
    stamps[500:] += 1_000_000
    one = replace(captures[0], tracks=(replace(track, stamps_us=stamps, releases=None),))
    plot = next(iter(technique_plots(one, [], "k")))
    assert "1 of 1000 lie outside the axis" in plot.caption


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_hardly_any_stamps_draw_without_a_warning(captures: list[Capture], n: int) -> None:
    capture = captures[0]
    tracks = tuple(
        replace(track, stamps_us=track.stamps_us[:n], releases=None) for track in capture.tracks
    )
    few = replace(
        capture, tracks=(tracks[0], replace(tracks[1], stamps_us=tracks[1].stamps_us[:0]))
    )
    list(technique_plots(few, [], "k"))
    constant = np.arange(n, dtype=np.int64) * 10_000
    same = replace(capture, tracks=(replace(tracks[0], stamps_us=constant, origin_us=0),))
    list(technique_plots(same, [], "k"))


def test_everything_from_a_board_is_escaped(captures: list[Capture], results: Results) -> None:
    board = replace(
        results.boards[0],
        name=HOSTILE,
        port=HOSTILE,
        machine=HOSTILE,
        platform=HOSTILE,
        micropython=HOSTILE,
        unique_id=HOSTILE,
        capabilities=(HOSTILE,),
    )
    plan = replace(captures[0].plan, technique=HOSTILE, load=HOSTILE)
    capture = replace(
        captures[0],
        board=board,
        plan=plan,
        log=(HOSTILE,),
        faults=(Fault(HOSTILE, HOSTILE),),
        events=tuple(replace(event, method=HOSTILE) for c in captures for event in c.events),
    )
    rules = Budgets((Budget("lateness_p99_us", "absolute", 1),))
    hostile = replace(
        results,
        run=replace(results.run, id=HOSTILE, host=HOSTILE, profile=HOSTILE),
        boards=(board,),
        measurements=tuple(
            judge(
                replace(
                    m,
                    board=HOSTILE,
                    technique=HOSTILE,
                    load=HOSTILE,
                    note=HOSTILE,
                    method=HOSTILE if m.method else None,
                ),
                rules,
            )
            for m in results.measurements
        ),
        skipped=(Skip(HOSTILE, HOSTILE, HOSTILE, HOSTILE),),
        errors=(replace(results.errors[0], board=HOSTILE, error=HOSTILE, detail=HOSTILE),),
    )
    page = render_page(hostile, [capture])
    seen = Page(page)
    assert seen.tags.count("script") == 1  # ours, which sets the language
    assert "alert(" not in "".join(re.findall(r"<script>.*?</script>", page, re.DOTALL))
    assert "<script>alert" not in page
    assert HOSTILE in "".join(seen.text)
    assert "{{ 7*7 }}" in page


def test_a_flood_in_the_log_is_cut(captures: list[Capture], results: Results) -> None:
    quiet = render_page(results, captures[:1])
    loud = replace(captures[0], log=("x" * 100_000,) * 5_000, faults=(Fault("damaged", "y"),) * 999)
    page = render_page(results, [loud])
    assert len(page) - len(quiet) < 200_000
    assert "and 4800 more lines in the capture" in page
    assert "979 more in the capture" in page


def test_headline_tells_the_worst_news(results: Results) -> None:
    def lead(changed: Results) -> tuple[str, str]:
        text = render_page_parts(changed).headline
        found = re.search(r'class="hil-verdict (\w+)".*?<p class="hil-lead">(.*?)</p>', text, re.S)
        assert found
        return found[1], found[2]

    first, *rest = results.measurements
    tight = judge(first, Budgets((Budget(first.metric, "absolute", 1),)))
    wide = judge(first, Budgets((Budget(first.metric, "absolute", 1e9),)))
    state, text = lead(replace(results, measurements=(tight, *rest)))
    assert (state, "1 figure out of budget" in text) == ("fail", True)
    assert lead(results)[0] == "error"
    state, text = lead(replace(results, measurements=(wide, *rest), errors=()))
    assert (state, "within it (1 judged)" in text) == ("pass", True)
    assert lead(replace(results, errors=()))[0] == "none"
    assert lead(replace(results, errors=(), measurements=()))[1].startswith("Nothing was measured")


def test_style_serves_phone_print_and_dark() -> None:
    text = style()
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text
    assert "@media (max-width" in text
    assert re.search(r"\.hil-scroll \{[^}]*overflow-x: auto", text)


def contrast(one: str, other: str) -> float:
    """WCAG 2.1 contrast ratio of two #rrggbb colours."""

    def light(color: str) -> float:
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_colours_stand_out(scheme: int) -> None:
    blocks = re.findall(r":root \{([^}]*)\}", style())
    colors = dict(re.findall(r"--hil-(\w+): (#\w{6})", blocks[scheme]))
    for ground in ("page", "panel"):
        for name in ("ink", "soft", "first", "second", "bad", "good", "warn", "link"):
            assert contrast(colors[name], colors[ground]) >= 4.5, (name, ground)


def test_a_full_matrix_stays_below_five_megabytes(
    captures: list[Capture], results_of, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = ("idle", "cpu", "gc", "print", "flash", "irq", "web")
    one = replace(captures[0], plan=replace(captures[0].plan, technique="asyncio_deadline"))
    few = [replace(one, plan=replace(one.plan, load=load)) for load in loads[:2]]
    monkeypatch.setattr("hil.report.html.MAX_WITH_LONG_TERM", 0)  # as for a page of 91 cases
    sizes = [len(render_page(results_of(few[:k]), few[:k]).encode()) for k in (1, 2)]
    figures = len(results_of([one]).measurements)
    # A real capture has some 40 figures, the sample fewer: count the rest at 400 bytes a line.
    per_case = sizes[1] - sizes[0] + (40 - figures) * 400
    assert sizes[0] + 13 * 7 * per_case < 5_000_000


def test_same_input_same_page(results: Results, captures: list[Capture]) -> None:
    assert render_page(results, captures[:1]) == render_page(results, captures[:1])


def test_write_page(tmp_path: Path, results: Results) -> None:
    write_page(tmp_path / "report.html", results)
    assert (tmp_path / "report.html").read_text().startswith("<!DOCTYPE html>")


def test_test_ids_are_escaped_for_pytest_html() -> None:
    cells = ['<td class="col-testId">t.py::test[<b>]</td>', "<td>1</td>"]
    escape_cells(cells, "t.py::test[<b>]")
    assert cells == ['<td class="col-testId">t.py::test[&lt;b&gt;]</td>', "<td>1</td>"]


CONFTEST = """
import sys
sys.path.insert(0, {samples!r})
import importlib.util
spec = importlib.util.spec_from_file_location("samples", {samples!r} + "/conftest.py")
samples = importlib.util.module_from_spec(spec)
spec.loader.exec_module(samples)
from hil.report.html import add_to_summary, escape_cells, render_page_parts, style_path
import pytest

captures = samples.make_captures(["timer_hard", "thread"])
parts = render_page_parts(samples.make_results(captures), captures)

@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    config.option.htmlpath = "report.html"
    config.option.self_contained_html = True
    config.option.css = [str(style_path()), *config.option.css]

def pytest_html_report_title(report):
    report.title = parts.title

def pytest_html_results_summary(prefix, summary, postfix, session):
    add_to_summary(prefix, summary, parts)

def pytest_html_results_table_row(report, cells):
    escape_cells(cells, report.nodeid)
"""


def test_through_pytest_html(tmp_path: Path) -> None:
    here = Path(__file__).resolve()
    (tmp_path / "conftest.py").write_text(CONFTEST.format(samples=str(here.parent)))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text(
        "import pytest\n@pytest.mark.parametrize('name', ['<img src=x onerror=boom>'])\n"
        "def test_one(name):\n    pass\n"
    )
    env = {**os.environ, "PYTHONPATH": str(here.parents[2]), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    plugins = ("-p", "pytest_metadata.plugin", "-p", "pytest_html.plugin", "-p", "no:cacheprovider")
    command = [sys.executable, "-m", "pytest", "-q", *plugins, str(tmp_path)]
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    text = (tmp_path / "report.html").read_text()
    assert (
        text.index('id="hil-top"')
        < text.index("All techniques")
        < text.index('<table id="results-table"')
    )
    assert '<h1 id="title">hil: timing of sim</h1>' in text
    assert "--hil-first" in text
    assert "jsonblob" in text
    assert "onerror=boom>" not in text.replace("&amp;gt;", "")
