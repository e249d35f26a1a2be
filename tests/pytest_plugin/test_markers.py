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


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        ('techniques=["timer_hrad"]', "unknown technique 'timer_hrad'; did you mean timer_hard"),
        ('techniques="timer_hrad"', "unknown technique 'timer_hrad'; did you mean timer_hard"),
        ('loads=["idel"]', "unknown load 'idel'; did you mean idle?"),
        ('technique=["thread"]', "unknown keyword 'technique'; did you mean techniques?"),
        ('["thread"]', "has no keyword; give techniques=[...] or loads=[...]"),
    ],
)
def test_a_marker_that_names_what_does_not_exist_is_refused(pytester, run_here, mark, said):
    pytester.makepyfile(
        f"import pytest\n@pytest.mark.hil({mark})\ndef test_it(figures):\n    pass\n"
    )
    result = run_here("--board=sim:clock=virtual", "--hil-technique=thread", "--hil-out=out")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in result.errlines if line.startswith("ERROR: ")]
    assert said in line
    assert "::test_it: marker hil: " in line


def test_workers_refuse_it_too(pytester):
    pytester.makepyfile(
        "import pytest\n@pytest.mark.hil(loads=['idel'])\ndef test_it(figures):\n    pass\n"
    )
    boards = [f"--board=sim:clock=virtual,seed={seed}" for seed in (1, 2)]
    result = pytester.runpytest_subprocess(
        *boards, "--hil-technique=thread", "--hil-duration-s=0.4", "--hil-out=out"
    )
    result.assert_outcomes(errors=2)
    assert result.ret == 8
    assert "unknown load 'idel'; did you mean idle?" in result.stdout.str()


def test_one_name_needs_no_list(pytester, run_here):
    pytester.makepyfile(
        'import pytest\n@pytest.mark.hil(techniques="thread")\ndef test_it(figures):\n    pass\n'
    )
    result = run_here("--board=sim", "--hil-technique=thread,timer_hard", "--collect-only", "-q")
    assert [line for line in result.outlines if "::" in line] == [
        "test_one_name_needs_no_list.py::test_it[sim-thread-idle]"
    ]
