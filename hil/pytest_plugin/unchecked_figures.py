"""Figures that fail a run without a failed test of their own become failed tests of the run.

The exit status follows from the verdicts of all figures, whatever the tests ask for. So that
pytest's own count, ``junit.xml`` and the page's list of tests say the same, each case with such
figures is told to pytest as one more test, ``hil::figures[BOARD-TECHNIQUE-LOAD]``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.model.results import case_key, staged_method
from hil.model.verdicts import refuses, verdict_message

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from hil.model.results import CaseKey, Measurement

FigureKey = tuple[object, ...]
"""What tells a figure from all others of its run: plain values."""
HEADLINE = "out of budget, and no failed test says so"
ATTEMPT_HEADLINE = "it failed in one attempt and passed in another; the worst one counts"


def figure_key(figure: Measurement) -> FigureKey:
    """See :data:`FigureKey`."""
    method = staged_method(figure.metric, figure.method, figure.note)
    return (*case_key(figure), figure.task, figure.metric, method, figure.source)


def unchecked(
    figures: Iterable[Measurement], told: Collection[FigureKey], *, undecided_fails: bool
) -> dict[CaseKey, list[Measurement]]:
    """The figures that fail the run and are not among those that failed tests ``told``, by case."""
    cases: dict[CaseKey, list[Measurement]] = {}
    for figure in figures:
        if (
            refuses(figure.verdict, undecided_fails=undecided_fails)
            and figure_key(figure) not in told
        ):
            cases.setdefault(case_key(figure), []).append(figure)
    return cases


def reports_of(cases: dict[CaseKey, list[Measurement]]) -> Iterator[pytest.TestReport]:
    """What pytest is told: for each case the two phases of a test that failed."""
    for (board, technique, load), figures in cases.items():
        name = f"figures[{board}-{technique}-{load}]"
        yield from failed_test(name, "\n".join([f"{HEADLINE}:", *map(verdict_message, figures)]))


def reports_of_attempts(texts: Mapping[str, str]) -> Iterator[pytest.TestReport]:
    """The same for each test that failed in an attempt before it passed, by its name."""
    for name, text in texts.items():
        yield from failed_test(f"attempts[{name}]", f"{ATTEMPT_HEADLINE}:\n{text}")


def failed_test(name: str, text: str, *, in_setup: bool = False) -> Iterator[pytest.TestReport]:
    """The phases of a test ``hil::name`` that failed, and of which pytest itself knows nothing."""
    failed = "setup" if in_setup else "call"
    for when, outcome, said in ((failed, "failed", text), ("teardown", "passed", None)):
        yield pytest.TestReport(
            nodeid=f"hil::{name}",
            location=("hil", None, name),
            keywords={},
            outcome=outcome,  # type: ignore[arg-type]
            longrepr=said,
            when=when,  # type: ignore[arg-type]
            duration=0.0,
        )
