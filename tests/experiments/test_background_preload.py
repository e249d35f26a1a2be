"""Modules that two threads of a run may import at once, one of them in the background."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import hil
from hil.experiments.preload import PRELOADED_MODULES

TWO_THREADS = """
import importlib, sys, threading, time
import hil.model.captures
sys.setswitchinterval(1e-5)
errors = []
begin = threading.Barrier(2)
def enter(name, wait_s):
    begin.wait()
    time.sleep(wait_s)
    try:
        importlib.import_module(name)
    except ImportError as error:
        errors.append(str(error))
doors = [("hil.analysis.summary", float(sys.argv[1])), ("hil.analysis.metric_sheet", 0.0)]
threads = [threading.Thread(target=enter, args=door) for door in doors]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
sys.exit("; ".join(errors) or 0)
"""


@pytest.mark.parametrize("wait_s", ["0", "0.0001", "0.0003"])
def test_two_threads_may_enter_the_analysis_by_different_doors(wait_s):
    run = subprocess.run([sys.executable, "-c", TWO_THREADS, wait_s], capture_output=True)
    assert run.returncode == 0, run.stderr.decode()


def test_what_is_imported_in_the_background_lies_in_packages_that_import_nothing():
    """Else one thread holds the package and waits for the module, the other the reverse."""
    packages = {name.rpartition(".")[0] for name in PRELOADED_MODULES if name.startswith("hil.")}
    assert packages == {"hil.analysis", "hil.recording"}
    for name in packages:
        path = Path(hil.__path__[0]).parent.joinpath(*name.split("."), "__init__.py")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert not [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)], name


def loaded_by(module):
    """Everything that a process has imported when it has imported ``module``."""
    code = f"import sys, {module}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    return set(run.stdout.split())


def test_a_pytest_run_that_measures_nothing_loads_few_modules():
    ours = {name for name in loaded_by("pytest_hil") if name.startswith("hil.")}
    assert ours == set()  # taken out again, for a suite with a package of that name
    ours = {name for name in loaded_by("hil.pytest_plugin.plugin") if name.startswith("hil.")}
    assert ours == {
        "hil.model",
        "hil.model.printable",
        "hil.model.run_options",
        "hil.pytest_plugin",
        "hil.pytest_plugin.empty_run",
        "hil.pytest_plugin.options",
        "hil.pytest_plugin.outermost_guard",
        "hil.pytest_plugin.own_name",
        "hil.pytest_plugin.plugin",
        "hil.report",
        "hil.report.terminal",
        "hil.report.terminal.standard_streams",
    }


@pytest.mark.parametrize(
    ("module", "unneeded"),
    [
        ("hil.pytest_plugin.measuring", {"numpy", "rich", "sqlalchemy", "matplotlib"}),
        ("hil.experiments.run", {"numpy", "rich", "jinja2"}),
    ],
)
def test_what_is_not_needed_before_the_board_is_open_is_not_imported_yet(module, unneeded):
    assert not unneeded & loaded_by(module)
