"""The page of a run: fragments that pytest-html takes in, or a page of its own.

Everything that came from a board or from a file goes through autoescaping templates; the only
markup that is passed through is what this package drew itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableSequence, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup, escape

from hil.metrics import NAIVE_TECHNIQUES, TECHNIQUES
from hil.records import Capture, Fault, Measurement
from hil.report.absent import absent_metric
from hil.report.advice import advise
from hil.report.changed import NO_HISTORY, changed
from hil.report.heatmap import heat_maps
from hil.report.numbers import digits, pick_unit, show
from hil.report.progress import span
from hil.report.results_json import write_text_atomically
from hil.report.rows import COLUMNS, Row, make_rows
from hil.report.variants import COLUMNS as VARIANT_COLUMNS
from hil.report.variants import variant_rows
from hil.report.verdict import headline, latency_rows
from hil.report.web import COLUMNS as WEB_COLUMNS
from hil.report.web import web_rows
from hil.results import Comparison, Results

if TYPE_CHECKING:
    from hil.report.plots import Plot

_TEMPLATES = Path(__file__).parent / "templates"
_PAGE_COLUMNS = (
    *COLUMNS[:2],
    ("lateness_max_us", "lateness max"),
    *COLUMNS[2:5],
    ("overruns", "overruns"),
    *COLUMNS[5:],
)
MAX_WITH_LONG_TERM = 40
"""With more cases than this the page leaves out stability and phase, to stay below 5 MB."""
_MAX_LINES, _MAX_LINE, _MAX_FAULTS = 200, 400, 20


@dataclass(frozen=True, slots=True)
class PageParts:
    """What the page consists of: plain text ``title``, and two pieces of HTML."""

    title: str
    headline: Markup
    body: Markup


@dataclass(frozen=True, slots=True)
class _Table:
    title: str
    rows: list[_PageRow]
    overview: Plot | None


@dataclass(frozen=True, slots=True)
class _PageRow:
    board: str
    technique: str
    load: str
    name: str
    cells: dict[str, Measurement]
    n: int
    verdict: str


@dataclass(frozen=True, slots=True)
class _Case:
    anchor: str
    title: str
    about: str
    plots: list[Plot]
    measurements: list[Measurement]
    faults: tuple[Fault, ...]
    log: tuple[str, ...]


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
    rows = make_rows(results.measurements, boards)
    anchors: dict[tuple[str, str, str], str] = {}
    for number, capture in enumerate(captures):
        key = (capture.board.name, capture.plan.technique, capture.plan.load)
        anchors[key] = f"hil-case-{number}"
    run = results.run
    verdict = headline(results, rows)
    environment = _environment()
    top = environment.get_template("headline.html.j2").render(
        run=run,
        state=verdict.state,
        verdict=verdict.sentence,
        failures=verdict.failures,
        advice=verdict.advice,
    )
    absent = [skip for skip in results.skipped if absent_metric(skip)]
    body = environment.get_template("body.html.j2").render(
        tables=list(_tables(rows, boards)),
        columns=_PAGE_COLUMNS,
        anchors=anchors,
        maps=heat_maps(rows),
        advice=advise(rows),
        changes=None if comparison is None else changed(comparison),
        no_history=NO_HISTORY,
        latencies=latency_rows(results.measurements),
        requests=web_rows(results.measurements),
        request_columns=WEB_COLUMNS,
        variants=variant_rows(results.measurements),
        variant_columns=VARIANT_COLUMNS,
        errors=results.errors,
        skipped=[skip for skip in results.skipped if not absent_metric(skip)],
        absent=absent,
        boards=results.boards,
        has_sim=run.source == "sim" or any(board.source == "sim" for board in results.boards),
        cases=list(_cases(results, captures)),
        long_term=len(captures) <= MAX_WITH_LONG_TERM,
        naive=_and([name for name in TECHNIQUES if name in NAIVE_TECHNIQUES]),
    )
    return PageParts(page_title(boards), Markup(top), Markup(body))


def page_title(boards: Iterable[str]) -> str:
    """The page's title as plain text."""
    return f"hil: timing of {', '.join(boards) or 'no board'}"


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
        .render(title=parts.title, style=Markup(style()), headline=parts.headline, body=parts.body)
    )


def write_page(
    path: Path,
    results: Results,
    captures: Sequence[Capture] = (),
    comparison: Comparison | None = None,
) -> None:
    """Write :func:`render_page`; raises :class:`~hil.errors.ConfigurationError` if it can't."""
    write_text_atomically(path, render_page(results, captures, comparison))


def style_path() -> Path:
    """The style sheet, for pytest-html's ``css`` option."""
    return _TEMPLATES / "style.css"


def style() -> str:
    """The style sheet's text."""
    return style_path().read_text(encoding="utf-8")


def add_to_summary(
    prefix: MutableSequence[str], summary: MutableSequence[str], parts: PageParts
) -> None:
    """For pytest-html's ``pytest_html_results_summary`` hook: headline first, then all the rest."""
    prefix.append(str(parts.headline))
    summary.append(str(parts.body))


def escape_cells(cells: MutableSequence[str], nodeid: str) -> None:
    """For pytest-html's ``pytest_html_results_table_row`` hook: it does not escape test ids."""
    for index, cell in enumerate(cells):
        if nodeid and nodeid in cell:
            cells[index] = cell.replace(nodeid, str(escape(nodeid)))


def _tables(rows: Sequence[Row], boards: Sequence[str]) -> Iterator[_Table]:
    from hil.report.plots import overview_plot  # matplotlib only once a page is made

    names = list(dict.fromkeys([*boards, *(row.board for row in rows)]))
    for board in names:
        for load in dict.fromkeys(row.load for row in rows if row.board == board):
            mine = [row for row in rows if row.board == board and row.load == load]
            title = f"{board}, load {load}"
            key = f"o{names.index(board)}-{load}" if load.isalnum() else f"o{names.index(board)}"
            yield _Table(title, [_page_row(row) for row in mine], overview_plot(mine, title, key))


def _page_row(row: Row) -> _PageRow:
    n = max((one.n for one in row.cells.values()), default=0)
    return _PageRow(row.board, row.technique, row.load, row.name, row.cells, n, row.verdict)


def _cases(results: Results, captures: Sequence[Capture]) -> Iterator[_Case]:
    from hil.report.long_term import long_term_plots
    from hil.report.plots import MAX_TASKS, technique_plots

    for number, capture in enumerate(captures):
        plan = capture.plan
        key = (capture.board.name, plan.technique, plan.load)
        mine = [m for m in results.measurements if (m.board, m.technique, m.load) == key]
        period = ", ".join(dict.fromkeys(_period(task.period_us) for task in plan.tasks))
        tasks = f"{len(plan.tasks)} task{'s' if len(plan.tasks) != 1 else ''}"
        about = TECHNIQUES.get(plan.technique, "")
        about = f"The task runs in: {about}. " if about else ""
        shown = f" (the figures show {MAX_TASKS})" if len(plan.tasks) > MAX_TASKS else ""
        about += f"{tasks}{shown}, period {period or 'none'}, window {plan.duration_us / 1e6:g} s."
        faults = capture.faults[:_MAX_FAULTS]
        if len(capture.faults) > _MAX_FAULTS:
            more = len(capture.faults) - _MAX_FAULTS
            faults = (*faults, Fault("and", f"{more} more in the capture"))
        plots = list(technique_plots(capture, mine, f"c{number}"))
        if len(captures) <= MAX_WITH_LONG_TERM:
            plots += long_term_plots(capture, mine, f"c{number}")
        yield _Case(
            anchor=f"hil-case-{number}",
            title=f"{plan.technique}, load {plan.load}, on {capture.board.name}",
            about=about,
            plots=plots,
            measurements=mine,
            faults=faults,
            log=capture.log,
        )


def _and(names: Sequence[str]) -> str:
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)


def _period(period_us: float) -> str:
    unit, factor = pick_unit(period_us, "us")
    return f"{period_us * factor:g} {unit}"


def _budget(one: Measurement) -> str:
    if one.budget is None:
        return ""
    unit, factor = pick_unit(one.budget, one.unit)
    return f"{digits(one.budget * factor, not unit)} {unit}".rstrip()


def _clip(text: str, most: int = _MAX_LINES * _MAX_LINE) -> str:
    return text if len(text) <= most else f"{text[:most]} … ({len(text)} characters)"


def _clip_lines(lines: Sequence[str]) -> str:
    text = "\n".join(_clip(line, _MAX_LINE) for line in lines[:_MAX_LINES])
    more = len(lines) - _MAX_LINES
    return f"{text}\n… and {more} more lines in the capture" if more > 0 else text


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    helpers: dict[str, Any] = {
        "show": show,
        "span": span,
        "clip": _clip,
        "clip_lines": _clip_lines,
        "budget": _budget,
    }
    environment.globals.update(helpers)
    return environment
