"""What pytest or another plugin can switch off: the run is whole, and its exit status is right."""

import json
import os
import sys

import pytest

NEEDED_ONE_BY_ONE = ["html", "metadata", "junitxml", "terminalreporter", "capture", "cacheprovider"]
OTHERS = [
    *("logging", "warnings", "tmpdir", "faulthandler", "unraisableexception", "threadexception"),
    *("skipping", "unittest", "doctest", "assertion", "pastebin", "stepwise", "recwarn"),
    *("monkeypatch", "setuponly", "setupplan", "debugging", "legacypath", "python_path"),
    *("timeout", "xdist", "xdist.looponfail", "reports", "subtests"),
]


def off(*names):
    return [word for name in names for word in ("-p", f"no:{name}")]


def assert_whole(pytester, result, status=0):
    shown = result.stdout.str() + result.stderr.str()
    assert "Traceback" not in shown
    assert "INTERNALERROR" not in shown
    assert result.ret == status
    folder = pytester.path / "out" / "latest"
    assert json.loads((folder / "results.json").read_text())["measurements"]
    assert "<html" in (folder / "report.html").read_text()
    assert "<testsuite" in (folder / "junit.xml").read_text()


@pytest.mark.parametrize("name", NEEDED_ONE_BY_ONE)
def test_a_builtin_plugin_is_off(pytester, run_here, replayed, name):
    result = run_here(replayed, "--hil-out=out", "-p", f"no:{name}", "--hil-budgets=strict.toml")
    assert_whole(pytester, result, status=1)


def test_all_that_can_be_is_off(pytester, run_here, replayed):
    result = run_here(replayed, "--hil-out=out", *off(*NEEDED_ONE_BY_ONE, *OTHERS))
    assert_whole(pytester, result)


def test_the_reader_is_told_what_a_file_of_our_own_lacks(pytester, run_here, replayed):
    result = run_here(
        replayed, "--hil-out=out", *off("metadata", "junitxml"), "--html=own/page.html"
    )
    result.stdout.fnmatch_lines(["note: *pytest-html did not*", "note: *junitxml did not*"])
    assert "own/page.html" in result.stdout.str()
    assert "<html" in (pytester.path / "own" / "page.html").read_text()
    assert "lateness" in (pytester.path / "out" / "latest" / "junit.xml").read_text()


@pytest.mark.parametrize("how", ["-p hil", "pytest_plugins"])
def test_plugins_are_not_loaded_by_themselves(pytester, replayed, monkeypatch, how):
    """In a process of its own: this one has loaded them."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    args = how.split() if how.startswith("-p") else []
    if not args:
        pytester.makeconftest("pytest_plugins = ['pytest_hil']")
    result = pytester.run(sys.executable, "-m", "pytest", *args, replayed, "--hil-out=out")
    assert_whole(pytester, result)


@pytest.mark.parametrize("name", ["a $HOME b", "~x"])
def test_a_folder_that_others_would_expand(pytester, run_here, replayed, name):
    result = run_here(replayed, f"--hil-out={name}")
    assert result.ret == 0
    run = pytester.path / name / "latest"
    assert (run / "report.html").exists()
    assert (run / "junit.xml").exists()
    assert "$" not in name or not (pytester.path / os.path.expandvars(name)).exists()
