"""Tests that run several times (reruns, repeats): each attempt asks for a new measurement.

Plugins run a test again by going through its whole protocol (pytest-rerunfailures, flaky), or make
several tests of it (pytest-repeat). All have in common that the same test asks for the same figures
once more. A measurement that failed once is not undone by a later one that did not: where such
a plugin says *passed* in the end, the run still fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.model.errors import HilError

if TYPE_CHECKING:
    import pytest

_FAILED_ATTEMPT = "hil_failed_attempt"
_MOST_TEXT = 2000
_OF_PLUGINS = "__"
"""How the parameters begin that plugins add to run a test several times."""


class AttemptCounter:
    """Counts how often each test has asked for the figures of each case."""

    def __init__(self) -> None:
        self._asked: dict[tuple[object, ...], int] = {}

    def count(self, item: pytest.Item, *case: str) -> int:
        """How often ``item``, or another run of the same test, asked before for ``case``."""
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        own = sorted(
            (name, repr(value))
            for name, value in parameters.items()
            if name != "hil_case" and not name.startswith(_OF_PLUGINS)
        )
        key = (item.nodeid.partition("[")[0], *case, *own)
        before = self._asked.get(key, 0)
        self._asked[key] = before + 1
        return before


def mark_attempt(
    item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport, *, told: bool
) -> None:
    """Keep with its report why a test of figures failed, unless the figures themselves are told."""
    failed = report.failed and report.when == "call" and not told
    by_bench = call.excinfo is not None and call.excinfo.errisinstance(HilError)
    if failed and not by_bench and "figures" in getattr(item, "fixturenames", ()):
        setattr(report, _FAILED_ATTEMPT, report.longreprtext[-_MOST_TEXT:])


class FailedAttempts:
    """The tests of figures that failed in an attempt and are not told as failed: name and why."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def made(self, report: pytest.TestReport) -> None:
        """A report was made; whether anybody is going to be told of it is not known yet."""
        text = getattr(report, _FAILED_ATTEMPT, None)
        if text is not None:
            self.texts[report.nodeid] = text

    def told(self, report: pytest.TestReport) -> None:
        """A report was told: that of an attempt to be repeated, or the last one of its test."""
        if report.failed:
            self.texts.pop(report.nodeid, None)
        elif not report.passed and not report.skipped:  # a plugin's own outcome, such as "rerun"
            self.made(report)
