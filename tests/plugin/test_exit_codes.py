"""The exit status tells "out of budget" from "the bench is broken"."""

from types import SimpleNamespace

import pytest

from hil.pytest_plugin.outcome import BOTH, BROKEN, OUT_OF_BUDGET, Outcome

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


@pytest.mark.parametrize(
    ("phases", "more", "status"),
    [
        (["setup", "call", "teardown"], {}, 0),
        (["setup", "CALL", "teardown"], {}, OUT_OF_BUDGET),
        (["SETUP", "teardown"], {}, BROKEN),
        (["setup", "call", "TEARDOWN"], {}, BROKEN),
        (["CALL", "SETUP"], {}, BOTH),
        (["call"], {"worse": True}, OUT_OF_BUDGET),
        (["CALL"], {"worse": True}, OUT_OF_BUDGET),
        (["call"], {"broken": True}, BROKEN),
        (["CALL"], {"broken": True}, BOTH),
    ],
)
def test_each_kind_of_failure_has_its_status(phases, more, status):
    given = pytest.ExitCode.TESTS_FAILED if any(p.isupper() for p in phases) else pytest.ExitCode.OK
    assert seen(*phases).exit_status(given, **more) == status


@pytest.mark.parametrize("status", [2, 3, 4, 5])
def test_what_pytest_says_of_a_run_that_did_not_come_to_its_end_stays(status):
    assert seen("CALL", "SETUP").exit_status(status, worse=True, broken=True) == status


def test_out_of_budget_on_one_board_and_another_one_lost(pytester):
    pytester.makepyfile(SUITE)
    pytester.path.joinpath("b.toml").write_text(TOO_STRICT)
    run = pytester.runpytest_subprocess
    lost = run("--board=/dev/zebra", "--board=sim", "--hil-budgets=b.toml", *ARGS)
    assert lost.ret == BOTH
    assert run("--board=sim", "--hil-budgets=b.toml", *ARGS).ret == OUT_OF_BUDGET
    pytester.path.joinpath("b.toml").write_text("[budgets.any.idle]\ndropped = 0\n")
    assert run("--board=sim", "--hil-budgets=b.toml", *ARGS).ret == 0


def test_a_lost_link_is_a_broken_bench(pytester):
    pytester.makepyfile(SUITE)
    result = pytester.runpytest_subprocess(
        "--board=sim", "--hil-faults=lost_at=900,gone_s=1000", *ARGS
    )
    assert result.ret == BROKEN
