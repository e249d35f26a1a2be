"""Whatever becomes of the output, the files are whole and the exit status is the verdict."""

import os
import subprocess
import sys

import pytest


@pytest.fixture
def shell(pytester, replayed):
    """Run the suite in a process of its own with a shell's redirection."""

    def run(redirection, *args, **environment):
        own = {n: v for n, v in os.environ.items() if n != "PYTHONIOENCODING"}  # tox sets it
        words = [sys.executable, "-m", "pytest", "-p", "no:hypothesispytest", replayed]
        command = " ".join([*words, "--hil-out=out", *args, redirection])
        done = subprocess.run(
            ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"],
            cwd=pytester.path,
            env={**own, **environment},
            capture_output=True,
            timeout=100,
            check=False,
        )
        names = {path.name for path in (pytester.path / "out" / "latest").iterdir()}
        assert {"junit.xml", "report.html", "results.json"} <= names
        return done

    return run


def test_closed(shell):
    assert shell(">&- 2>&-").returncode == 0


def test_the_reader_goes_away(shell):
    done = shell("2>errors.txt | head -1; cat errors.txt", "--hil-budgets=strict.toml")
    assert b"Error" not in done.stdout + done.stderr


def test_the_status_is_the_verdict_when_the_reader_goes_away(shell):
    assert shell("2>&1 | true", "--hil-budgets=strict.toml").returncode == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")  # noqa: PTH110
def test_full(shell):
    done = shell(">/dev/full")
    assert done.returncode == 0
    assert done.stderr.count(b"\n") == 1
    assert b"standard output could not be written" in done.stderr


def test_without_assertions_budgets_still_judge(shell):
    done = shell("", "--hil-budgets=strict.toml", PYTHONOPTIMIZE="2")
    assert done.returncode == 1
    assert b"Traceback" not in done.stdout + done.stderr


def test_no_character_but_ascii(shell):
    done = shell("", LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0")
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert b"\\u" not in done.stdout
    assert b"--------" in done.stdout
