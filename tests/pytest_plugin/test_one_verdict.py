"""Exit status, headline, terminal, page, junit and history say the same of any results."""

from __future__ import annotations

import json
import re
import sys
import xml.etree.ElementTree as ET
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hil.history.stored_records import make_history_run
from hil.model.board import BoardIdentity
from hil.model.budgets import Budget, Budgets, judge_measurement
from hil.model.metrics import METRICS
from hil.model.results import ErrorRecord, Measurement, Results, RunInfo
from hil.model.verdicts import refuses, run_verdict
from hil.pytest_plugin.run_end import BENCH_BROKEN, OUT_OF_BUDGET, Outcome
from hil.pytest_plugin.unchecked_figures import figure_key, reports_of, unchecked
from hil.report.exports.job_summary import job_summary
from hil.report.exports.junit import junit_text
from hil.report.exports.openmetrics import openmetrics_text
from hil.report.headline import headline
from hil.report.page.page import render_page
from hil.report.result_tables import technique_rows
from hil.report.terminal.run_summary import terminal_summary

MARKS = {"fail": "❌", "error": "⚠️", "undecided": "❔", "pass": "✅", "none": "⚪"}
NAMES = [name for name, metric in METRICS.items() if metric.budget]
ENDS = st.none() | st.floats(-50, 250)


@st.composite
def figures(draw):
    """A figure with any bounds, judged by a limit or by none."""
    metric = draw(st.sampled_from(NAMES))
    figure = Measurement(
        "b",
        draw(st.sampled_from(("timer_hard", "thread", "own_program"))),
        draw(st.sampled_from(("idle", "gc"))),
        draw(st.sampled_from((None, 0, 1))),
        metric,
        METRICS[metric].unit,
        draw(st.floats(-50, 250)),
        draw(ENDS),
        draw(ENDS),
        draw(st.integers(1, 4000)),
        method=draw(st.sampled_from((None, "loopback/hard", "survival/kill"))),
    )
    limit = draw(st.none() | st.floats(0, 200))
    entries = () if limit is None else (Budget(metric, "absolute", limit),)
    return judge_measurement(figure, Budgets(entries))


@st.composite
def all_results(draw):
    board = BoardIdentity("b", "", "hardware", "p", "m", "1.29", 1 << 30)
    errors = draw(st.booleans()) * (ErrorRecord("b", "asyncio_flag", "idle", "lost"),)
    measured = draw(st.lists(figures(), max_size=6, unique_by=figure_key))
    info = RunInfo("r", "2026-11-20T11:25:53Z", 1.0, "quick", "0", "h", "hardware")
    return Results(info, (board,), tuple(measured), (), errors)


def exit_status(results, told, *, undecided_fails):
    """The status of a run whose tests failed with the figures ``told``, each named by its test."""
    outcome = Outcome()
    if told:
        outcome.see(
            SimpleNamespace(failed=True, when="call", hil_failed_figures=[list(k) for k in told])
        )
    cases = unchecked(results.measurements, outcome.told, undecided_fails=undecided_fails)
    reports = list(reports_of(cases))
    for report in reports:
        outcome.see(report)
    return outcome.exit_status(0, broken=bool(results.errors)), reports


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(all_results(), st.booleans(), st.data())
def test_all_say_the_same(results, undecided_fails, data):
    word = run_verdict(results)
    failing = [
        figure_key(m)
        for m in results.measurements
        if refuses(m.verdict, undecided_fails=undecided_fails)
    ]
    told = data.draw(st.lists(st.sampled_from(failing), unique=True)) if failing else []
    status, reports = exit_status(results, told, undecided_fails=undecided_fails)
    assert bool(status & OUT_OF_BUDGET) == bool(failing)
    assert bool(status & BENCH_BROKEN) == bool(results.errors)
    assert (word == "fail") == any(m.verdict == "fail" for m in results.measurements)
    if not undecided_fails:
        assert status == {"fail": 1 + 8 * bool(results.errors), "error": 8}.get(word, 0)
    # every figure that fails the run is in the text of one failed test of the run, or was told
    texts = "\n".join(str(report.longrepr) for report in reports if report.failed)
    assert len(texts.splitlines()) == len(failing) - len(told) + sum(r.failed for r in reports)

    rows = technique_rows(results.measurements, ["b"])
    assert headline(results, rows).state == word
    assert make_history_run(results, []).verdict == word
    page = render_page(results)
    assert f'<section class="hil-verdict {word}"' in page
    assert job_summary(results).startswith(f"## {MARKS[word]}")

    text = terminal_summary(results, width=200)
    verdicts = [m.verdict for m in results.measurements]
    for title, verdict in (("out of budget", "fail"), ("undecided", "undecided")):
        listed = re.search(rf"^{title} \((\d+)\)$", text, re.MULTILINE)
        assert (int(listed[1]) if listed else 0) == verdicts.count(verdict)
    for row in rows:
        shown = {"none": "no limit"}.get(row.verdict, row.verdict)
        assert re.search(rf"^{row.technique} .*{shown}$", text, re.MULTILINE)

    suites = ET.fromstring(junit_text(results)).findall("testsuite")
    cases = [case for suite in suites for case in suite.findall("testcase")]
    assert any(case.find("failure") is not None for case in cases) == ("fail" in verdicts)
    assert sum(int(suite.get("errors")) for suite in suites) == len(results.errors)
    metrics = openmetrics_text(results)
    assert f"hil_out_of_budget {verdicts.count('fail')}\n" in metrics
    assert f"hil_undecided {verdicts.count('undecided')}\n" in metrics


BUDGETS = """
[budgets.any.any]
phase_error_rms_us = {phase}
lateness_p50_us = {late}
[board."Pico*".any.any]
missed = 0
"""
BOARD = "--board=sim:clock=virtual"
ARGS = ("--hil-technique=timer_hard", "--hil-duration-s=0.4", "--hil-out=out")
ARGS += ("--hil-budgets=b.toml",)
SUITE = """
import pytest

def test_jitter(figures):
    figures.check("period_jitter_rms_us")
"""


@pytest.fixture
def run(pytester, run_here):
    def run(*args, suite=SUITE, phase=1e6, late=1e6):
        pytester.makepyfile(suite)
        pytester.path.joinpath("b.toml").write_text(BUDGETS.format(phase=phase, late=late))
        boards = [] if any(arg.startswith("--board") for arg in args) else [BOARD]
        return run_here(*boards, *ARGS, *args)

    return run


def junit_tests(pytester):
    junit = ET.parse(pytester.path / "out" / "latest" / "junit.xml")
    suite = junit.find("testsuite")
    failed = [c.get("name") for c in suite.iter("testcase") if c.find("failure") is not None]
    return int(suite.get("tests")), int(suite.get("failures")), failed


def test_a_budget_on_a_metric_that_no_test_asks_for_fails_the_run(run, pytester):
    result = run(phase=0.001)
    assert result.ret == 1
    result.assert_outcomes(passed=1, failed=1)
    name = "figures[[]sim:clock=virtual-timer_hard-idle]"
    result.stdout.fnmatch_lines(
        [
            f"*{name}*",
            "out of budget, and no failed test says so:",
            "*phase_error_rms_us = * is over its budget of 0.001 us*",
            "hint: b.toml:6: 'Pico[*]' fits no board of this run (sim:clock=virtual)",
            f"FAILED hil::{name}*",
        ]
    )
    assert junit_tests(pytester) == (2, 1, ["figures[sim:clock=virtual-timer_hard-idle]"])
    folder = pytester.path / "out" / "latest"
    verdict = json.loads((folder / "results.json").read_text())
    made_again = pytester.run(sys.executable, "-m", "hil", "report", str(folder))
    assert made_again.ret == 0  # judged by the run's own budgets, which are kept with it
    again = json.loads((folder / "results.json").read_text())
    assert again["measurements"] == verdict["measurements"]
    replayed = run(f"--board=replay:{pytester.path / 'out/latest'}", phase=0.001)
    assert replayed.ret == 1
    assert run().ret == 0


def test_a_failed_test_is_not_told_twice(run, pytester):
    checked = 'def test_phase(figures):\n    figures.check("phase_error_rms_us")\n'
    result = run(suite=checked, phase=0.001)
    assert result.ret == 1
    result.assert_outcomes(failed=1)
    assert junit_tests(pytester)[:2] == (1, 1)
    result = run(suite=checked, phase=0.001, late=0.001)
    result.assert_outcomes(failed=2)


def test_a_failure_that_a_test_expects_is_still_a_verdict(run):
    expected = (
        "import pytest\n@pytest.mark.xfail(reason='known')\n"
        'def test_phase(figures):\n    figures.check("phase_error_rms_us")\n'
    )
    result = run(suite=expected, phase=0.001)
    assert result.ret == 1
    result.assert_outcomes(xfailed=1, failed=1)


def test_undecided_fails_only_where_it_was_asked_for(run, pytester):
    checked = 'def test_phase(figures):\n    figures.check("phase_error_rms_us")\n'
    boards = ("--board=sim:clock=virtual,jitter_us=30",)
    assert run(*boards, suite=checked).ret == 0
    stored = json.loads((pytester.path / "out/latest/results.json").read_text())
    (figure,) = [m for m in stored["measurements"] if m["metric"] == "phase_error_rms_us"]
    ends = [end for end in (figure["lo"], figure["hi"]) if end is not None]
    limit = sum(ends) / 2 if len(ends) == 2 else figure["value"]
    for option, status in ((), 0), (("--hil-undecided=pass",), 0), (("--hil-undecided=fail",), 1):
        result = run(*boards, *option, suite=checked, phase=limit)
        assert result.ret == status
        result.assert_outcomes(**{"failed" if status else "passed": 1})
        assert "1 limit undecided" in " ".join(result.stdout.str().split())
    result = run(*boards, "--hil-undecided=fail", phase=limit)  # where no test asks for it
    assert result.ret == 1
    result.assert_outcomes(passed=1, failed=1)


def test_a_word_that_undecided_does_not_take(run):
    result = run("--hil-undecided=fial")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "--hil-undecided: unknown choice 'fial'; did you mean fail?" in result.stderr.str()


def test_several_boards_measured_by_workers(pytester):
    pytester.makepyfile(SUITE)
    pytester.path.joinpath("b.toml").write_text(BUDGETS.format(phase=0.001, late=0.001))
    boards = [f"--board=sim:clock=virtual,seed={seed}" for seed in (1, 2)]
    late = 'def test_late(figures):\n    figures.check("lateness_p50_us")\n'
    pytester.makepyfile(test_late=late)
    result = pytester.runpytest_subprocess(*boards, *ARGS)
    assert result.ret == 1
    # the tests of lateness fail by themselves, the phase errors of both boards beside them
    result.assert_outcomes(passed=2, failed=4)
    assert "phase_error_rms_us" in result.stdout.str()
