"""The page of a run: fragments that pytest-html takes in, or a page of its own.

Everything that came from a board or from a file goes through autoescaping templates; the only
markup that is passed through is its own style and script. What the script reads are blocks of JSON
in which no character can end them: the limits of the deadlines, and each chart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import jinja2
from markupsafe import Markup

from hil.model.board import SOURCES
from hil.model.metrics import table_columns
from hil.model.printable import unicode_text
from hil.model.results import missing_metric
from hil.model.techniques import TECHNIQUES, load_rank
from hil.model.units import (
    format_elapsed,
    format_list,
    format_measurement,
    format_value,
)
from hil.model.verdicts import verdict_word
from hil.recording.atomic_file import write_text_atomically
from hil.report.change_section import NO_HISTORY, make_change_section
from hil.report.charts.run_charts import group_charts, page_order
from hil.report.conditions import emulator_sentences, figure_conditions
from hil.report.deadline_advice import advise, limits_for_script
from hil.report.edge_tables import (
    edge_columns,
    edge_sections,
    edge_summary,
    reference_sentences,
)
from hil.report.headline import confidence_summaries, headline
from hil.report.page.case_sections import case_anchor, case_parts
from hil.report.page.metric_definitions import metric_definitions
from hil.report.page.template_environment import (
    data_block,
    page_script,
    page_title,
    style_sheet,
    template_environment,
)
from hil.report.program_notices import notice_lines
from hil.report.result_tables import (
    activation_count,
    group_rows,
    heat_maps,
    latency_headings,
    latency_metrics,
    latency_rows,
    technique_rows,
    variant_rows,
    web_rows,
)
from hil.report.run_facts import demonstrating_boards, run_facts
from hil.report.uncertainty_lines import uncertainty_lines

if TYPE_CHECKING:
    from collections.abc import MutableSequence, Sequence
    from pathlib import Path
    from typing import Any

    from hil.model.captures import Capture
    from hil.model.results import Comparison, Measurement, Results

_MAX_LINES, _MAX_LINE = 60, 400
_MAX_NOTICES = 12


@dataclass(frozen=True, slots=True)
class PageParts:
    """What the page consists of: plain text ``title``, and two pieces of HTML."""

    title: str
    headline: Markup
    body: Markup


def render_page_parts(
    results: Results,
    captures: Sequence[Capture] = (),
    comparison: Comparison | None = None,
) -> PageParts:
    """The page of a run as fragments; pure: the same input gives the same text.

    ``captures`` bring figures, logs and faults; a case without one has its numbers only.
    ``comparison`` is this run against its past, ``None`` where no past was asked for.
    """
    boards = [board.name for board in results.boards]
    rows = technique_rows(results.measurements, boards)
    captures = page_order(captures, boards)
    run = results.run
    embedded = [
        board.name
        for board in results.boards
        if SOURCES[board.source].embedded or SOURCES[run.source].embedded
    ]
    verdict = headline(results, rows)
    notices = notice_lines(results, rows)
    advice = advise(rows, demonstrating_boards(results), results.errors)
    changes = None if comparison is None else make_change_section(comparison)
    edges = edge_sections(results)
    environment = _environment()
    top = environment.get_template("headline.html.j2").render(
        state=verdict.state,
        verdict=verdict.sentence,
        remedy=verdict.remedy,
        listed=verdict.listed,
        notices=[line for _, line in notices[:_MAX_NOTICES]],
        advice=advice,
        facts=run_facts(results, rows, captures),
        changes=changes,
        boards=len(boards),
        edges=edge_summary(edges),
        emulators=emulator_sentences(results),
        apart=any(section.warns for section in edges),
        errors=results.errors,
    )
    names = list(dict.fromkeys([*boards, *(row.board for row in rows)]))
    shown = {figure.metric for figure in results.measurements}
    shown.update(metric.name for metric, _ in table_columns("techniques") if rows)
    body = environment.get_template("body.html.j2").render(
        definitions=metric_definitions(shown),
        latency_metrics=latency_metrics(),
        names=names,
        loads=sorted({row.load for row in rows}, key=load_rank),
        notices=notices,
        groups=[(group, group_charts(group, captures)) for group in group_rows(rows)],
        columns=table_columns("techniques"),
        anchors={capture.case: case_anchor(number) for number, capture in enumerate(captures)},
        maps=heat_maps(rows),
        edges=edges,
        edge_summary=edge_summary(edges),
        edge_columns=edge_columns(edges),
        references=reference_sentences(results, edges),
        run=run,
        confidence=confidence_summaries(results, rows, captures),
        changes=changes,
        no_history=NO_HISTORY,
        latencies=latency_rows(results.measurements),
        latency_headings=latency_headings(),
        requests=web_rows(results.measurements),
        request_columns=table_columns("requests"),
        variants=variant_rows(results.measurements),
        variant_columns=table_columns("variants"),
        errors=results.errors,
        skipped=[skip for skip in results.skipped if not missing_metric(skip)],
        absent=[skip for skip in results.skipped if missing_metric(skip)],
        boards=results.boards,
        beside=lambda figure: "; ".join(
            filter(None, (figure.remarks, *figure_conditions(figure, results.boards)))
        ),
        has_sim=bool(embedded),
        cases=list(case_parts(results, captures, edges)),
        naive=format_list([technique.name for technique in TECHNIQUES.values() if technique.naive]),
        data=data_block({"limits": limits_for_script(rows)}),
        script=Markup(script()),
    )
    return PageParts(page_title(boards), Markup(top), Markup(body))


def render_page(
    results: Results,
    captures: Sequence[Capture] = (),
    comparison: Comparison | None = None,
) -> str:
    """A complete page without pytest-html."""
    parts = render_page_parts(results, captures, comparison)
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            title=parts.title, style=Markup(style_sheet()), headline=parts.headline, body=parts.body
        )
    )


def write_page(
    path: Path,
    results: Results,
    captures: Sequence[Capture] = (),
    comparison: Comparison | None = None,
) -> None:
    """Write :func:`render_page`; raises :class:`~hil.model.errors.ConfigurationError` if it
    can't."""
    write_text_atomically(path, render_page(results, captures, comparison))


def script() -> str:
    """The page's script; our own, so it is passed through as it is."""
    return page_script("axes.js", "charts.js", "metrics.js", "wide_tables.js", "report.js")


def add_to_summary(
    prefix: MutableSequence[str], summary: MutableSequence[str], parts: PageParts
) -> None:
    """For pytest-html's ``pytest_html_results_summary`` hook: headline first, then all the rest."""
    prefix.append(unicode_text(str(parts.headline)))
    summary.append(unicode_text(str(parts.body)))


def _budget(figure: Measurement) -> str:
    if figure.budget is None:
        return ""
    return format_value(figure.budget, figure.unit)


def _clip(text: str, most: int = _MAX_LINES * _MAX_LINE) -> str:
    return text if len(text) <= most else f"{text[:most]} … ({len(text)} characters)"


def _clip_lines(lines: Sequence[str]) -> str:
    text = "\n".join(_clip(line, _MAX_LINE) for line in lines[:_MAX_LINES])
    more = len(lines) - _MAX_LINES
    return f"{text}\n… and {more} more lines in the capture" if more > 0 else text


@cache
def _environment() -> jinja2.Environment:
    helpers: dict[str, Any] = {
        "show": format_measurement,
        "span": format_elapsed,
        "clip": _clip,
        "clip_lines": _clip_lines,
        "budget": _budget,
        "row_n": lambda row: activation_count(row.cells.values()),
        "uncertainty": uncertainty_lines,
        "verdict_word": verdict_word,
    }
    made = template_environment().overlay(undefined=jinja2.ChainableUndefined)
    made.globals = {**made.globals, **helpers}
    return made
