"""Tests that are run again: each attempt is measured anew, all are kept, the worst one counts."""

import json
import re
from dataclasses import replace
from types import SimpleNamespace

import pytest

from hil.experiments.capture_sources import LiveSource
from hil.model.errors import CaptureError
from hil.pytest_plugin.reruns import AttemptCounter
from hil.recording.capture_file import list_captures
from hil.recording.capture_reader import read_meta

SUITE = """
def test_lateness(figures):
    figures.check("lateness_max_us")

def test_complete(figures):
    figures.check("missed")
"""
LIMITS = "[budgets.any.idle]\nlateness_max_us = 1000\nmissed = 0\n"
FLAKY = """
import pytest
from _pytest.runner import call_and_report

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    "As flaky does it: who fails is run once more, and nobody is told of the first time."
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for last in (False, True):
        item._initrequest()
        reports = [call_and_report(item, "setup", log=last)]
        if reports[0].passed:
            reports.append(call_and_report(item, "call", log=last))
        call_and_report(item, "teardown", log=last, nextitem=nextitem)
        if not any(report.failed for report in reports) and not last:
            for report in reports:
                item.ihook.pytest_runtest_logreport(report=report)
            break
    return True
"""


@pytest.fixture
def measure(pytester, run_here):
    """A function that runs the suite in virtual time: pytest's result, ``results.json``, and the
    attempt and window of each capture."""
    pytester.makepyfile(SUITE)
    pytester.path.joinpath("limits.toml").write_text(LIMITS)

    def measure(*arguments, board="sim:clock=virtual", out="out"):
        result = run_here(
            *("--hil-technique=thread", "--hil-duration-s=0.1", "--hil-windows=1"),
            *(f"--board={board}", f"--hil-out={out}", "--hil-budgets=limits.toml"),
            *arguments,
        )
        folder = pytester.path / out / "latest"
        plans = [read_meta(path).plan for path in list_captures(folder / "capture")]
        told = json.loads((folder / "results.json").read_text())
        return result, told, [plan.attempt for plan in plans[1:]]

    return measure


@pytest.fixture
def change(monkeypatch):
    """A function that lets something else come of one attempt than was captured."""

    def change(attempt, of_capture):
        take = LiveSource.take

        def changed(self, case, observer):
            capture = take(self, case, observer)
            return of_capture(capture) if case.plan.attempt == attempt else capture

        monkeypatch.setattr(LiveSource, "take", changed)

    return change


def late(capture):
    """The last activation of each task comes 5 ms later."""
    tracks = []
    for track in capture.tracks:
        stamps = track.stamps_us.copy()
        stamps[-1] += 5000
        tracks.append(replace(track, stamps_us=stamps, end_us=track.end_us + 10_000))
    return replace(capture, tracks=tuple(tracks))


def rain(capture):
    raise CaptureError("it rained")


def verdicts(told):
    return [(a["attempt"], a["verdict"]) for a in told.get("attempts", [])]


def test_a_lucky_rerun_does_not_make_it_pass(measure, change, pytester):
    change(0, late)
    result, told, attempts = measure("--reruns=2")
    assert result.ret == 1
    outcomes = result.parseoutcomes()
    assert (outcomes["rerun"], outcomes["passed"], outcomes["failed"]) == (1, 2, 1)
    assert attempts == [0, 1]  # the test beside it keeps the first one
    assert verdicts(told) == [(1, "fail"), (2, "pass")]
    assert {m["verdict"] for m in told["measurements"] if m["metric"] == "lateness_max_us"} == {
        "fail"
    }
    values = [
        [m["value"] for m in a["measurements"] if m["metric"] == "lateness_max_us"]
        for a in told["attempts"]
    ]
    assert min(values[0]) > 5000 > max(values[1])
    folder = pytester.path / "out" / "latest"
    for text in (
        re.sub(r"\s+", " ", result.stdout.str()),
        (folder / "report.html").read_text(),
        told["notices"][0]["text"],
    ):
        assert "measured in 2 attempts, the worst counts. attempt 1: out of budget" in text
        assert "attempt 2: within its budget" in text
    assert "hil::figures[" in result.stdout.str()
    junit = (folder / "junit.xml").read_text()
    assert '<property name="hil.attempt" value="2"' in junit
    assert 'failures="1"' in junit


def test_each_repetition_is_a_measurement_and_the_worst_counts(measure, change):
    change(1, late)
    result, told, attempts = measure("--count=3")
    assert result.ret == 1
    assert attempts == [0, 1, 2]
    assert verdicts(told) == [(2, "fail"), (1, "pass"), (3, "pass")]
    assert result.parseoutcomes() == {"failed": 1, "passed": 5}


def test_an_attempt_without_a_measurement_is_no_verdict_but_is_told(measure, change):
    change(0, rain)
    result, told, attempts = measure("--reruns=1")
    assert result.ret == 0
    assert attempts == [0, 1]
    assert told["errors"] == []
    assert verdicts(told) == [(2, "pass"), (1, "invalid")]
    text = re.sub(r"\s+", " ", result.stdout.str())
    assert "attempt 1: not measured: it rained" in text


def test_an_attempt_that_was_the_last_and_gave_no_measurement_breaks_the_bench(measure, change):
    change(1, rain)
    result, told, _ = measure("--count=2")
    assert result.ret == 8
    assert [e["error"] for e in told["errors"]] == ["it rained"]
    assert verdicts(told) == [(1, "pass"), (2, "invalid")]


def test_a_plugin_that_hides_its_reruns_does_not_hide_the_measurement(measure, change, pytester):
    pytester.makeconftest(FLAKY)
    change(0, late)
    result, told, attempts = measure()
    assert result.ret == 1
    assert attempts == [0, 1]
    assert verdicts(told) == [(1, "fail"), (2, "pass")]


OWN_ASSERTION = """
def test_own(figures):
    assert figures.capture.plan.attempt > 0, "too early"
"""


@pytest.mark.parametrize("hidden", [False, True])
def test_an_assertion_on_figures_counts_as_well(measure, pytester, hidden):
    pytester.makepyfile(OWN_ASSERTION)
    if hidden:
        pytester.makeconftest(FLAKY)
    result, _, attempts = measure(*([] if hidden else ["--reruns=1"]))
    assert result.ret == 1
    assert attempts == [0, 1]
    text = result.stdout.str()
    assert "hil::attempts[" in text
    assert "too early" in text


def test_a_test_without_figures_is_run_again_as_everywhere(measure, pytester):
    pytester.makepyfile(
        SUITE + "\nTIMES = []\ndef test_b():\n  TIMES.append(1)\n  assert TIMES[1:]"
    )
    result, told, attempts = measure("--reruns=1")
    assert result.ret == 0
    assert attempts == [0]
    assert "attempts" not in told


def test_a_stored_run_of_several_attempts_is_judged_as_it_was(measure, pytester):
    tight = LIMITS.replace("1000", "0.001")
    pytester.path.joinpath("limits.toml").write_text(tight)
    _, told, _ = measure("--reruns=1")
    folder = (pytester.path / "out" / "latest").resolve()
    result, again, attempts = measure(board=f"replay:{folder}", out="again")
    assert result.ret == 1
    assert attempts == [0, 1]
    assert verdicts(again) == verdicts(told) == [(1, "fail"), (2, "fail")]
    assert [a["text"] for a in again["attempts"]] == [a["text"] for a in told["attempts"]]


def item(nodeid, **parameters):
    return SimpleNamespace(nodeid=nodeid, callspec=SimpleNamespace(params=parameters))


def test_who_asks_again_is_known_by_test_case_and_own_parameters():
    counter = AttemptCounter()
    first = item("a.py::t[x]", hil_case=object(), level=1)
    assert counter.count(first, "sim", "thread-idle") == 0
    assert counter.count(item("a.py::t[y]", level=2), "sim", "thread-idle") == 0
    assert counter.count(first, "sim", "thread-cpu") == 0
    assert counter.count(first, "pico", "thread-idle") == 0
    assert counter.count(item("b.py::t[x]", level=1), "sim", "thread-idle") == 0
    again = item("a.py::t[x-2-3]", level=1, __pytest_repeat_step_number=1)
    assert counter.count(again, "sim", "thread-idle") == 1
    assert counter.count(first, "sim", "thread-idle") == 2
