"""JUnit XML from the figures: a suite per board, a test case per technique and load.

Every figure is a property of its case, in the place where pytest puts what a test records, and so
is its verdict where it has a limit. Out of budget is a failure, no trustworthy measurement an
error, a combination that the board can't run is skipped. But for those properties it is what
``junit-10.xsd`` of Jenkins' xUnit plugin allows, with one outcome a case.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.model.printable import escaped_line
from hil.model.results import case_key, case_order, missing_metric
from hil.model.verdicts import verdict_message
from hil.report.exports.figure_keys import named_figures

if TYPE_CHECKING:
    from hil.model.results import Attempt, ErrorRecord, OfCase, Results, Skip
    from hil.report.exports.figure_keys import NamedFigure

_RUN = "-"
"""How an error of the whole run names its board, technique and load."""


@dataclass(slots=True)
class _Case:
    figures: list[NamedFigure] = field(default_factory=list)
    errors: list[ErrorRecord] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)


def junit_text(results: Results) -> str:
    """The whole document."""
    cases = _cases(results)
    root = ET.Element("testsuites", name="hil")
    for board in dict.fromkeys(board for board, _, _ in cases):
        suite = ET.SubElement(root, "testsuite", name=_board_name(board))
        suite.set("timestamp", escaped_line(results.run.started_utc.removesuffix("Z")))
        suite.set("time", f"{results.run.duration_s:.3f}")
        _properties(suite, _facts(results, board))
        outcomes = [_testcase(suite, key, case) for key, case in cases.items() if key[0] == board]
        suite.set("tests", str(len(outcomes)))
        for name, outcome in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            suite.set(name, str(outcomes.count(outcome)))
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _cases(results: Results) -> dict[tuple[str, str, str], _Case]:
    cases: dict[tuple[str, str, str], _Case] = {}

    def case(record: OfCase) -> _Case:
        return cases.setdefault(case_key(record), _Case())

    for named in named_figures(results, lambda named: (case_key(named.figure), named.property)):
        case(named.figure).figures.append(named)
    for error in results.errors:
        case(error).errors.append(error)
    for skip in results.skipped:
        case(skip).skips.append(skip)
    for attempt in results.attempts:
        case(attempt).attempts.append(attempt)
    boards = [board.name for board in results.boards]
    return {key: cases[key] for key in sorted(cases, key=lambda key: case_order(key, boards))}


def _board_name(board: str) -> str:
    return "hil" if board == _RUN else escaped_line(board)


def _facts(results: Results, name: str) -> list[tuple[str, str]]:
    run = results.run
    facts = [("run", run.id), ("profile", run.profile), ("harness_version", run.harness_version)]
    for board in results.boards:
        if board.name == name:
            facts += [(key, getattr(board, key)) for key in ("platform", "machine", "micropython")]
    return facts


def _testcase(suite: ET.Element, key: tuple[str, str, str], case: _Case) -> str:
    board, technique, load = key
    whole_run = (technique, load) == (_RUN, _RUN)
    name = "the run" if whole_run else f"{technique}-{load}"
    classname = "hil" if board == _RUN else f"hil.{escaped_line(board)}"
    element = ET.SubElement(suite, "testcase", classname=classname, name=escaped_line(name))
    rows: list[tuple[str, str]] = []
    for named in case.figures:
        figure, stem = named.figure, named.property
        rows.append((stem, repr(figure.value)))
        for what in ("lo", "hi", "budget"):
            number = getattr(figure, what)
            rows += [(f"{stem}.{what}", repr(number))] if number is not None else []
        rows += [(f"{stem}.verdict", figure.verdict)] if figure.budget is not None else []
    for attempt in case.attempts:
        stem = f"attempt.{attempt.attempt}"
        rows += [(f"{stem}.verdict", attempt.verdict), (stem, attempt.text)]
    missing: dict[str, list[str]] = {}
    for skip in case.skips:
        if metric := missing_metric(skip):
            missing.setdefault(f"absent.{metric}", []).append(skip.reason)
    _properties(element, rows + [(name, "; ".join(texts)) for name, texts in missing.items()])
    figures = [named.figure for named in case.figures]
    failed = [verdict_message(figure) for figure in figures if figure.verdict == "fail"]
    skips = [skip.reason for skip in case.skips if not missing_metric(skip)]
    if case.errors:
        texts = [f"{error.error}\n{error.detail}".rstrip() for error in case.errors]
        _outcome(element, "error", case.errors[0].error, texts + failed)
        return "error"
    if failed:
        summary = failed[0] if len(failed) == 1 else f"{len(failed)} figures are out of budget"
        _outcome(element, "failure", summary, failed)
        return "failure"
    if skips and not case.figures:
        _outcome(element, "skipped", skips[0], [])
        return "skipped"
    return "passed"


def _properties(element: ET.Element, rows: list[tuple[str, str]]) -> None:
    if rows:
        holder = ET.SubElement(element, "properties")
        for name, value in rows:
            ET.SubElement(holder, "property", name=escaped_line(name), value=escaped_line(value))


def _outcome(element: ET.Element, tag: str, message: str, texts: list[str]) -> None:
    child = ET.SubElement(element, tag, message=escaped_line(message))
    if tag != "skipped":
        child.set("type", {"failure": "out of budget"}.get(tag, "no measurement"))
    lines = [escaped_line(line) for text in texts for line in text.splitlines()]
    child.text = "\n".join(lines) or None
