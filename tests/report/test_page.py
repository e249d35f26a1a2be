"""The whole page: every figure on it, in the order of a reader's questions, everything escaped."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from hil.model.budgets import Budget, Budgets, judge_measurement
from hil.model.captures import Capture, CaptureIssue
from hil.model.metrics import find_metric
from hil.model.results import ErrorRecord, Results, Skip
from hil.model.units import format_measurement, with_micro_sign
from hil.report.charts.run_charts import run_charts
from hil.report.page.page import render_page, render_page_parts, script, write_page
from hil.report.page.template_environment import data_block
from hil.report.result_tables import activation_count, technique_rows

HOSTILE = "</script><script>alert('x')</script><!--\"'&{{ 7*7 }}"


def part(page: str, section: str) -> str:
    text = page[page.index(f'id="{section}"') :]
    return text[: text.index("</section>")]


def test_every_figure_of_the_records_is_on_the_page(page: str, results: Results, page_of) -> None:
    text = page_of(page).words
    for measurement in results.measurements:
        assert with_micro_sign(format_measurement(measurement).value) in text
        assert format_measurement(measurement).bounds in text
        assert f'data-value="{measurement.value}"' in page
    figures = text.partition("What the metrics are")[0]
    assert figures.count("lateness_p99_us") == sum(
        measurement.metric == "lateness_p99_us" for measurement in results.measurements
    )


def test_the_page_answers_in_the_order_of_the_questions(page: str) -> None:
    places = [
        page.index(text)
        for text in (
            'id="hil-top"',
            'id="hil-deadline"',
            'id="hil-errors"',
            'id="hil-figures"',
            'id="hil-cases"',
            'id="hil-confidence"',
            'id="hil-boards"',
            'id="hil-read"',
        )
    ]
    assert places == sorted(places)


def test_the_comparison_table_equals_the_rows(page: str, results: Results, page_of) -> None:
    table = part(page, "hil-figures")
    table = table[table.index("<tbody>") : table.index("</tbody>")]
    rows = technique_rows(results.measurements)
    lines = re.findall(r"<tr\b.*?</tr>", table, re.DOTALL)
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        text = page_of(line).words
        assert text.startswith(row.technique)
        assert with_micro_sign(format_measurement(row.cells["lateness_p99_us"]).line) in text
        assert with_micro_sign(format_measurement(row.cells["period_jitter_rms_us"]).line) in text


def test_well_formed_unique_ids_and_nothing_loaded_from_elsewhere(page: str, page_of) -> None:
    seen = page_of(page)
    assert seen.open == []
    assert len(seen.ids) == len(set(seen.ids))
    assert all(link.startswith("#") and link[1:] in seen.ids for link in seen.loads)
    for target in re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', page):
        assert "".join(target) in seen.ids
    assert "@import" not in page
    without_names = re.sub(r'xmlns(:\w+)?="[^"]*"|"http://www.w3.org/2000/svg"', "", page)
    without_comments = re.sub(r"(?m)^ *//.*$", "", without_names)
    assert not re.search(r"(?:https?:)?//\w", without_comments)


def test_tables_have_captions_and_scopes_and_charts_a_text(page: str) -> None:
    for table in re.findall(r"<table.*?</table>", page, re.DOTALL):
        assert "<caption>" in table
        for head in re.findall(r"<th\b[^>]*>", table):
            assert "scope=" in head
    texts = re.findall(r'<p class="hil-alt">([^<]*)</p>', page)
    assert len(texts) == page.count("<figure") > 50
    assert min(map(len, texts)) > 20


def test_the_data_of_the_page_are_those_of_the_charts(
    page: str, captures: list[Capture], results: Results
) -> None:
    blocks = re.findall(r'class="hil-chart-data">(.*?)</script>', page, re.DOTALL)
    charts = list(run_charts(results, captures))
    assert [json.loads(block) for block in blocks] == [chart.as_data() for chart in charts]


def test_everything_from_a_board_is_escaped(
    captures: list[Capture], results: Results, page_of
) -> None:
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
        faults=(CaptureIssue(HOSTILE, HOSTILE),),
        events=tuple(replace(event, method=HOSTILE) for c in captures for event in c.events),
    )
    rules = Budgets((Budget("lateness_p99_us", "absolute", 1),))
    hostile = replace(
        results,
        run=replace(results.run, id=HOSTILE, host=HOSTILE, profile=HOSTILE),
        boards=(board,),
        measurements=tuple(
            judge_measurement(
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
    seen = page_of(page)
    assert seen.open == []
    charts = page.count("<figure")
    assert charts > 5
    assert seen.tags.count("script") == 3 + charts  # all ours: theme, limits, the page's script
    assert page.count("<script>") == 2
    assert "<script>alert" not in page
    assert "<!--" not in page
    assert HOSTILE in "".join(seen.text)
    assert "{{ 7*7 }}" in page


def test_no_text_ends_the_block_of_data_or_is_changed_by_it() -> None:
    data = {"name": f"{HOSTILE}\u2028\u2029", "more": [1, None, "<!--<script>"]}
    text = str(data_block(data))
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == data


def test_the_script_is_strict_and_evaluates_nothing() -> None:
    text = script()
    assert text.startswith('"use strict";')
    for word in ("eval(", "Function(", "innerHTML", "document.write", "</script", "<!--", "fetch("):
        assert word not in text, word


def test_no_handler_stands_in_the_markup(page: str) -> None:
    assert not re.search(r"<[^>]* on\w+=", page)


def test_a_flood_in_the_log_is_cut(captures: list[Capture], results: Results) -> None:
    quiet = render_page(results, captures[:1])
    loud = replace(
        captures[0], log=("x" * 100_000,) * 5_000, faults=(CaptureIssue("damaged", "y"),) * 999
    )
    page = render_page(results, [loud])
    assert len(page) - len(quiet) < 200_000
    assert "and 4940 more lines in the capture" in page
    assert "979 more in the capture" in page


def test_headline_tells_the_worst_news(results: Results) -> None:
    def lead(changed: Results) -> tuple[str, str]:
        text = render_page_parts(changed).headline
        match = re.search(r'class="hil-verdict (\w+)".*?<p class="hil-lead">(.*?)</p>', text, re.S)
        assert match
        return match[1], match[2]

    first, *rest = results.measurements
    tight = judge_measurement(first, Budgets((Budget(first.metric, "absolute", 1),)))
    wide = judge_measurement(first, Budgets((Budget(first.metric, "absolute", 1e9),)))
    state, text = lead(replace(results, measurements=(tight, *rest)))
    assert (state, "1 figure out of budget" in text) == ("fail", True)
    assert lead(results)[0] == "error"
    state, text = lead(replace(results, measurements=(wide, *rest), errors=()))
    techniques = {measurement.technique for measurement in results.measurements}
    unlimited = f"p99 has no limit for {len(techniques)} of {len(techniques)} techniques"
    assert (state, f"1 limit met; {unlimited}" in text) == ("pass", True)
    p99 = next(measurement for measurement in rest if measurement.metric == "lateness_p99_us")
    limited = replace(p99, budget=1e9, verdict="pass")
    others = [limited if measurement is p99 else measurement for measurement in rest]
    text = lead(replace(results, measurements=(wide, *others), errors=()))[1]
    unlimited = f"p99 has no limit for {len(techniques) - 1} of {len(techniques)} techniques"
    assert f"all 2 limits met; {unlimited}" in text
    assert lead(replace(results, errors=()))[0] == "none"
    assert lead(replace(results, errors=(), measurements=()))[1].startswith("Nothing was measured")


def test_figures_without_a_capture_are_listed_too(results: Results) -> None:
    cases = part(render_page(results), "hil-cases")
    assert cases.count("<details class=") == len({m.technique for m in results.measurements})


def test_a_full_matrix_stays_below_five_megabytes(captures: list[Capture], results_of) -> None:
    many = [
        replace(captures[0], plan=replace(captures[0].plan, load=f"load{k}")) for k in range(41)
    ]
    # A real case has some 70 figures, with notes of 80 characters: the sample's are multiplied.
    full = results_of(many)
    noted = tuple(replace(measurement, note="n" * 80) for measurement in full.measurements)
    times = 70 * len(many) // len(noted)
    full = replace(full, measurements=noted * times)
    page = render_page(full, many)
    size = len(page.encode())
    assert "ADEV, task 0" in page
    assert "ADEV, task 1" not in page
    assert size / len(many) * 13 * 7 < 5_000_000


def test_same_input_same_page(results: Results, captures: list[Capture]) -> None:
    assert render_page(results, captures[:1]) == render_page(results, captures[:1])


def test_write_page(tmp_path: Path, results: Results) -> None:
    write_page(tmp_path / "report.html", results)
    assert (tmp_path / "report.html").read_text().startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("source", ["sim", "hardware"])
def test_only_a_simulated_board_demonstrates(results: Results, source: str) -> None:
    board = replace(results.boards[0], source=source)
    changed = replace(results, boards=(board,), run=replace(results.run, source=source))
    page = render_page(changed)
    assert ("only demonstrates" in page) == (source == "sim")
    assert ("What the embedded board can and cannot stand for" in page) == (source == "sim")


@pytest.mark.parametrize(
    ("errors", "skipped", "said"),
    [
        ((ErrorRecord("sim", "-", "-", "there is no such port", ""),), (), "The errors below"),
        ((), (Skip("sim", "thread", "idle", "no thread"),), "for this reason: no thread."),
        ((), (), "asked for no case"),
    ],
)
def test_an_empty_run_says_once_that_nothing_was_measured_and_what_to_do(
    results: Results, page_of, errors, skipped, said
) -> None:
    page = render_page(replace(results, measurements=(), errors=errors, skipped=skipped))
    text = page_of(page).words
    assert text.count("Nothing was measured") + text.count("without a trustworthy") == 1
    assert said in text
    for empty in ("hil-figures", "hil-cases", "hil-deadline", "hil-confidence", "<figure"):
        assert empty not in page.partition("</style>")[2].partition('id="hil-data"')[0]
    assert 'id="hil-boards"' in page


def test_every_metric_of_the_page_has_its_definition_from_the_table(
    page: str, results: Results, page_of
) -> None:
    glossary = page_of(part(page, "hil-metrics")).words
    names = {figure.metric for figure in results.measurements}
    for name in names:
        metric = find_metric(name)
        assert metric
        assert f'id="hil-metric-{name}"' in page
        for text in (metric.description[1:], metric.formula, metric.source):
            assert " ".join(text.split()) in glossary
    linked = set(re.findall(r'href="#hil-metric-([^"]+)"', page))
    assert {"lateness_p99_us", "schedule_drift_ppm", "isr_latency_p99_us"} <= linked


def test_a_metric_that_nobody_knows_is_text(results: Results) -> None:
    odd = replace(results.measurements[0], metric=HOSTILE)
    page = render_page(replace(results, measurements=(*results.measurements, odd)))
    assert "hil-metric-<" not in page
    assert "hil-metric-&" not in page


def test_a_row_counts_the_activations_of_its_lateness(results):
    late = next(m for m in results.measurements if m.metric == "lateness_p50_us")
    skew = replace(late, metric="clock_skew_ppm", task=None, n=late.n + 400)
    assert activation_count([skew, late]) == late.n
    assert activation_count([skew]) == skew.n
    assert activation_count([]) == 0
