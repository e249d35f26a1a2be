"""The marker that says which cases a test is for."""

import pytest

SUITE = """
import pytest

def test_every_case(figures):
    pass

@pytest.mark.hil(techniques=["thread"])
def test_one_technique(figures):
    pass

@pytest.mark.hil(loads=["gc", "web"], techniques=["thread", "event_irq"])
def test_some_loads(figures):
    pass
"""


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        ("thread", {"every_case[sim-thread-idle]", "one_technique[sim-thread-idle]"}),
        ("timer_soft", {"every_case[sim-timer_soft-idle]"}),
    ],
)
def test_only_what_a_test_is_for_is_collected(pytester, run_here, asked, left):
    pytester.makepyfile(SUITE)
    result = run_here("--board=sim", f"--hil-technique={asked}", "--collect-only", "-q")
    tests_run = {line.partition("::test_")[2] for line in result.outlines if "::" in line}
    assert tests_run == left


def test_loads_and_techniques_both_count(pytester, run_here):
    pytester.makepyfile(SUITE)
    result = run_here(
        "--board=sim", "--hil-technique=thread,cooperative", "--hil-load=gc", "--collect-only", "-q"
    )
    tests_run = {line.partition("::test_")[2] for line in result.outlines if "::" in line}
    assert tests_run == {
        "every_case[sim-thread-gc]",
        "every_case[sim-cooperative-gc]",
        "one_technique[sim-thread-gc]",
        "some_loads[sim-thread-gc]",
    }


def test_without_a_board_the_others_run(pytester, run_here):
    pytester.makepyfile(SUITE + "def test_of_another_kind():\n    pass\n")
    result = run_here("-rs")
    result.assert_outcomes(passed=1, skipped=3)
    result.stdout.fnmatch_lines(["SKIPPED*no board is measured in this run; give one with --board"])
    assert not (pytester.path / "reports").exists()
