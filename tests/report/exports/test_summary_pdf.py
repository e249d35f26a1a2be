"""The summary on one page: the answer and every technique in it, whatever the run is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from hil.model.results import ErrorRecord
from hil.report.charts.run_charts import group_charts
from hil.report.charts.summary_sheet import summary_sheet
from hil.report.deadline_advice import advise
from hil.report.exports import summary_pdf
from hil.report.exports.summary_pdf import write_summary_pdf
from hil.report.result_tables import group_rows, technique_rows
from tests.report.conftest import make_board, make_capture, make_captures, make_results


@dataclass
class Run:
    results: object
    captures: list


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


def test_one_page_says_the_answer_and_names_every_technique(tmp_path, monkeypatch):
    captures = make_captures()
    results = make_results(captures)
    path = tmp_path / "summary.pdf"
    drawn = []
    monkeypatch.setattr(
        "hil.report.charts.summary_sheet.summary_sheet",
        lambda *parts: drawn.append(summary_sheet(*parts)) or drawn[-1],
    )
    rows = technique_rows(results.measurements, ["sim"])
    assert write_summary_pdf(path, Run(results, captures)) == 1
    assert path.read_bytes().count(b"/Type /Page ") == 1
    said = texts(drawn[0])
    whole = " ".join(said)
    (advice,) = advise(rows)
    assert advice.soft.replace(" us", " µs")[:60] in whole
    for words in (
        "MicroPython 1.29.0",
        "period: 10",
        "load: idle",
        "periodic_operator (load idle)",
    ):
        assert words in whole
    assert "sim only demonstrates" in whole
    for row in rows:
        assert f"{row.technique}, idle" in said
    assert len(drawn[0].axes) == 2


@pytest.mark.parametrize("loads", [20, 300])
def test_what_has_no_room_is_counted_on_the_one_page(loads):
    captures = [make_capture("timer_soft", f"load{k}", n=20) for k in range(loads)]
    results = make_results(captures)
    rows = technique_rows(results.measurements)
    charts = group_charts(group_rows(rows)[0], captures[:1])
    sheet = summary_sheet("a" * 500, [("b " * 900, True)] * 30, rows, charts)
    said = texts(sheet)
    assert any(text.endswith("more lines in report.html") for text in said)
    shown = sum(text.startswith("timer_soft, load") for text in said)
    more = [text for text in said if text.endswith("more cases in report.html")]
    counted = sum(int(text.split()[1]) for text in more)
    assert shown + counted == loads
    assert all(0.0 < text.get_position()[1] < 1.0 for text in sheet.texts)


def test_an_empty_run_has_its_page_too(tmp_path):
    errors = (ErrorRecord("sim", "-", "-", "there is no such port", ""),)
    empty = replace(make_results([]), boards=(make_board(),), errors=errors)
    path = tmp_path / "summary.pdf"
    assert write_summary_pdf(path, Run(empty, [])) == 1
    assert path.read_bytes().count(b"/Type /Page ") == 1
    lines = list(summary_pdf._lines(empty, [], []))
    assert any("hil doctor" in text for text, _ in lines)
