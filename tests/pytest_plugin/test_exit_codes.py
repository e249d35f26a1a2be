"""The exit status tells "out of budget" from "the bench is broken"."""

import sys
from types import SimpleNamespace

import pytest

from hil.pytest_plugin.run_end import BENCH_BROKEN, OUT_OF_BUDGET, OUT_OF_BUDGET_AND_BROKEN, Outcome

SUITE = """
def test_lateness(figures):
    figures.check("lateness_max_us")
"""
TOO_STRICT = "[budgets.any.idle]\nlateness_max_us = 0.001\n"
ARGS = ("--hil-technique=timer_hard", "--hil-duration-s=0.4", "--hil-out=out")


def seen(*phases):
    outcome = Outcome()
    for when in phases:
        outcome.see(SimpleNamespace(when=when.lower(), failed=when.isupper()))
    return outcome


def test_the_statuses_are_those_that_are_documented():
    assert (OUT_OF_BUDGET, BENCH_BROKEN, OUT_OF_BUDGET_AND_BROKEN) == (1, 8, 9)


@pytest.mark.parametrize(
    ("phases", "more", "status"),
    [
        (["setup", "call", "teardown"], {}, 0),
        (["setup", "CALL", "teardown"], {}, OUT_OF_BUDGET),
        (["SETUP", "teardown"], {}, BENCH_BROKEN),
        (["setup", "call", "TEARDOWN"], {}, BENCH_BROKEN),
        (["CALL", "SETUP"], {}, OUT_OF_BUDGET_AND_BROKEN),
        (["call"], {"worse": True}, OUT_OF_BUDGET),
        (["CALL"], {"worse": True}, OUT_OF_BUDGET),
        (["call"], {"broken": True}, BENCH_BROKEN),
        (["CALL"], {"broken": True}, OUT_OF_BUDGET_AND_BROKEN),
    ],
)
def test_each_kind_of_failure_has_its_status(phases, more, status):
    given = pytest.ExitCode.TESTS_FAILED if any(p.isupper() for p in phases) else pytest.ExitCode.OK
    assert seen(*phases).exit_status(given, **more) == status


@pytest.mark.parametrize("given", [pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED])
def test_an_internal_failure_is_no_verdict(given):
    assert seen("CALL").exit_status(given, worse=True, broken=True, internal=True) == 3


@pytest.mark.parametrize("status", [2, 3, 4, 5])
def test_what_pytest_says_of_a_run_that_did_not_come_to_its_end_stays(status):
    assert seen("CALL", "SETUP").exit_status(status, worse=True, broken=True) == status


def test_out_of_budget_on_one_board_and_another_one_lost(pytester):
    pytester.makepyfile(SUITE)
    pytester.path.joinpath("b.toml").write_text(TOO_STRICT)
    boards = ("--board=/dev/zebra", "--board=sim:clock=virtual", "--hil-budgets=b.toml")
    assert pytester.runpytest_subprocess(*boards, *ARGS).ret == OUT_OF_BUDGET_AND_BROKEN


def test_a_servers_summary_is_added_to_and_made_again(pytester, run_here, monkeypatch):
    pytester.makepyfile(SUITE)
    summary = pytester.path / "summary.md"
    summary.write_text("before\n\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert run_here("--board=sim:clock=virtual", *ARGS).ret == 0
    text = summary.read_text()
    assert text.startswith("before\n\n## ")
    assert "timer&#95;hard" in text
    again = pytester.path / "again.md"
    done = pytester.run(
        *(sys.executable, "-m", "hil", "report", "out/latest", "--markdown", str(again))
    )
    assert done.ret == 0
    assert again.read_text().splitlines()[0] == text.splitlines()[2]
