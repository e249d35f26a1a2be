"""Bad input is one clear line and a non-zero exit, never a traceback."""

import os

import pytest

from hil.pytest_plugin.run_end import BENCH_BROKEN

SUITE = """
def test_lateness(figures):
    figures.check("lateness_p99_us")
"""


@pytest.fixture
def run(pytester, run_here):
    pytester.makepyfile(SUITE)

    def run(*args):
        return run_here("--hil-out=out", *args)

    return run


def refused(result, *said, status=pytest.ExitCode.USAGE_ERROR):
    text = "\n".join(result.outlines + result.errlines)
    assert result.ret == status, text
    assert "Traceback" not in text
    assert "INTERNALERROR" not in text
    errors = [line for line in result.errlines if line.startswith("ERROR: ")]
    assert len(errors) == 1, text
    for part in said:
        assert part in errors[0]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--board=sim", "--hil-technique=zebra"], ["zebra", "timer_soft"]),
        (["--board=sim", "--hil-load=zebra"], ["zebra", "idle"]),
        (["--board=sim:zebra=3"], ["zebra", "ppm"]),
        (["--board=sim:ppm=fast"], ["ppm"]),
        (["--board=sim", "--hil-profile=zebra"], ["zebra", "quick"]),
        (["--board=sim", "--hil-period-ms=0"], ["--hil-period-ms"]),
        (["--board=sim", "--hil-duration-s=0"], ["--hil-duration-s"]),
        (["--board=sim", "--hil-duration-s=soon"], ["--hil-duration-s=soon", "not a number"]),
        (["--board=sim", "--hil-duration-s=nan"], ["--hil-duration-s=nan", "not a number"]),
        (["--board=sim", "--hil-period-ms=inf"], ["--hil-period-ms=inf", "not a number"]),
        (["--board=sim", "--hil-period-ms=1e306"], ["--hil-period-ms=1e306", "not a number"]),
        (["--board=sim", "--hil-duration-s=1e9"], ["--hil-duration-s", "30 days"]),
        (["--board=zebra"], ["zebra", "/dev/ttyUSB0"]),
        (["--board=sim", "--board=sim"], ["twice"]),
        (["--board=/dev/zebra"], ["/dev/zebra", "no such port"]),
        (["--board=id:zebra"], ["zebra"]),
        (["--board=replay:zebra"], ["zebra"]),
        (["--board=sim", "--hil-wiring=zebra.toml"], ["zebra.toml"]),
        (["--board=sim", "--hil-budgets=zebra.toml"], ["zebra.toml"]),
        (["--board=sim", "--hil-edges=zebra"], ["zebra", "not an instrument", "sigrok:DRIVER"]),
        (["--board=sim", "--hil-edges=a.vcd?ch0=task0&ch1=zebra"], ["zebra", "task0"]),
        (["--board=sim", "--hil-edges=sim:x"], ["sim stands alone"]),
        (["--board=sim", "--hil-edges=test_a_run.py"], ["test_a_run.py", "not an instrument"]),
    ],
)
def test_options(run, args, said):
    refused(run(*args), *said)


def test_from_a_shell_it_is_the_same_line(pytester):
    pytester.makepyfile(SUITE)
    refused(pytester.runpytest_subprocess("--board=sim", "--hil-technique=zebra"), "zebra")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[budgets", "budgets.toml"),
        ("[budgets.timer_hard.idle]\nzebra_us = 3", "zebra_us"),
        ("[budgets.zebra.idle]\nlateness_p99_us = 3", "zebra"),
    ],
)
def test_budgets(run, pytester, text, said):
    pytester.path.joinpath("budgets.toml").write_text(text)
    refused(run("--board=sim", "--hil-budgets=budgets.toml"), said)


def test_an_output_folder_that_cannot_be_written(run, pytester):
    pytester.path.joinpath("out").write_text("a file")
    refused(run("--board=sim"), "--hil-out")


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
class TestPorts:
    def test_nothing_behind_the_port(self, run, silent):
        refused(run(f"--board={silent}"), "MicroPython", silent, status=BENCH_BROKEN)

    def test_a_busy_port(self, run, silent):
        import fcntl

        handle = os.open(silent, os.O_RDWR | os.O_NOCTTY)
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            refused(run(f"--board={silent}"), "holds the port")
        finally:
            os.close(handle)

    def test_a_file_is_no_port(self, run, pytester):
        path = pytester.path / "file"
        path.write_text("x")
        refused(run(f"--board={path}"), "not a serial port")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ('figures.check("latness_p99_us")', "unknown metric 'latness_p99_us'; did you mean late"),
        ('figures.check("missed", "mised")', "unknown metric 'mised'; did you mean missed"),
        ('assert not figures.all("latness_p99_us")', "unknown metric 'latness_p99_us'; did you"),
        ("figures.check()", "figures.check() names no metric"),
    ],
)
def test_a_metric_that_does_not_exist_is_an_error_in_a_test(pytester, run_here, call, said):
    pytester.makepyfile(f"def test_it(figures):\n    {call}\n")
    result = run_here(
        *("--board=sim:clock=virtual", "--hil-technique=timer_hard"),
        *("--hil-duration-s=0.4", "--hil-out=out"),
    )
    result.assert_outcomes(failed=1)
    assert result.ret == 8  # nothing was found out of its budget
    assert said in result.stdout.str()
