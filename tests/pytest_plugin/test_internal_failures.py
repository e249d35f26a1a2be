"""What fails that should not have is status 3 with one line: 1 says "out of budget"."""

import json

import pytest

WRAPPER = "@pytest.hookimpl(wrapper=True, tryfirst=True)\n"
EARLY = {
    "load_initial_conftests": "def pytest_load_initial_conftests():\n    raise KeyError('early')\n",
    "cmdline_main": "def pytest_cmdline_main():\n    raise KeyError('early')\n",
    "configure": "def pytest_configure():\n    raise KeyError('early')\n",
}
HOOKS = {
    "sessionstart": "@pytest.hookimpl(trylast=True)\n"
    "def pytest_sessionstart():\n    raise KeyError('of a plugin')\n",
    "sessionfinish": "def pytest_sessionfinish():\n    raise KeyError('of a plugin')\n",
    "before all others": WRAPPER
    + "def pytest_sessionfinish():\n    raise KeyError('of a plugin')\n    yield\n",
    "terminal_summary": "def pytest_terminal_summary():\n    raise KeyError('of a plugin')\n",
    "unconfigure": "def pytest_unconfigure():\n    raise KeyError('of a plugin')\n",
    "makereport": "def pytest_runtest_makereport():\n    raise KeyError('of a plugin')\n",
    "page": "@pytest.hookimpl(optionalhook=True)\n"
    "def pytest_html_results_summary():\n    raise KeyError('of a plugin')\n",
}


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_of_another_plugin_raises(pytester, run_here, replayed, hook):
    pytester.makeconftest(f"import pytest\n{HOOKS[hook]}")
    result = run_here(replayed, "--hil-out=out", "--hil-budgets=strict.toml")
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    shown = result.stdout.str() + result.stderr.str()
    assert "of a plugin" in shown
    folder = pytester.path / "out" / "latest"
    if hook == "sessionstart":  # before anything was measured
        assert not list(pytester.path.glob("out/*"))
        return
    results = json.loads((folder / "results.json").read_text())
    if hook != "makereport":  # pytest itself tells of this, at length
        assert "Traceback" not in shown
        assert "KeyError: 'of a plugin'" in (folder / "internal-error.txt").read_text()
        assert results["measurements"]


@pytest.mark.parametrize("hook", EARLY)
def test_a_plugin_raises_before_the_run(pytester, replayed, hook):
    """In a process of its own, which is what has the status 1 for any exception."""
    pytester.makepyfile(early=EARLY[hook])
    result = pytester.runpytest_subprocess("-p", "early", replayed, "--hil-out=out")
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    assert "early" in result.stderr.str() + result.stdout.str()
    assert not list(pytester.path.glob("out/*"))


def test_our_own_table_fails(pytester, run_here, replayed, monkeypatch):
    def fail(*args, **more):
        raise ZeroDivisionError("of our own")

    monkeypatch.setattr("hil.report.terminal.run_summary.terminal_summary", fail)
    monkeypatch.setattr("hil.report.page.page.render_page_parts", fail)
    result = run_here(replayed, "--hil-out=out")
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    result.stdout.fnmatch_lines(["error: internal failure, *ZeroDivisionError: of our own;*"])
    assert (pytester.path / "out" / "latest" / "junit.xml").exists()


def test_our_own_code_fails_under_a_test(pytester, run_here, replayed):
    """Not a figure out of its budget: nothing was found to be."""
    spoiled = "    figures._measured = None\n    figures.check('missed')\n"
    pytester.makepyfile(test_suite=f"def test_it(figures):\n{spoiled}")
    assert run_here(replayed, "--hil-out=out").ret == 8


def test_a_test_of_the_suite_that_fails_is_still_one_that_failed(pytester, run_here, replayed):
    pytester.makepyfile(test_suite="def test_it(figures):\n    assert not figures.all('missed')\n")
    assert run_here(replayed, "--hil-out=out").ret == 1


def test_a_run_that_measures_nothing_is_left_to_pytest(pytester):
    pytester.makepyfile("def test_it():\n    pass\n")
    pytester.makeconftest("def pytest_sessionfinish():\n    raise KeyError('of a plugin')\n")
    with pytest.raises(KeyError):
        pytester.inline_run("-p", "no:hypothesispytest")


def test_a_run_that_does_not_begin_leaves_nothing(pytester, run_here, replayed):
    pytester.makeconftest("def pytest_sessionstart():\n    raise KeyError('of a plugin')\n")
    assert run_here(replayed, "--hil-out=out").ret == pytest.ExitCode.INTERNAL_ERROR
    assert not list((pytester.path / "out").iterdir())


@pytest.mark.parametrize("writer", ["pytest_html.basereport.BaseReport", "_pytest.junitxml.LogXML"])
def test_a_plugin_that_fails_to_write_leaves_no_file_out(
    pytester, run_here, replayed, monkeypatch, writer
):
    def fail(*args):
        raise ZeroDivisionError("of a plugin")

    monkeypatch.setattr(f"{writer}.pytest_sessionfinish", fail)
    assert run_here(replayed, "--hil-out=out").ret == pytest.ExitCode.INTERNAL_ERROR
    folder = pytester.path / "out" / "latest"
    assert "lateness" in (folder / "report.html").read_text()
    assert "<testsuite" in (folder / "junit.xml").read_text()
