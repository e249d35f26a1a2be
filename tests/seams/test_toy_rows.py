"""A metric, technique, load, export, backend, workload and stamp source are added to a copy of hil.

A run shows them.
Each touches the files that ``docs/how-to/write-your-own`` names, and no other.
"""

from __future__ import annotations

import filecmp
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TECHNIQUE = '''# hil: needs=
"""The toy: the loop of round_robin under another name."""

from lib.periods import common_us
from lib.task_loop import hil_task_loop


def run(job):
    hil_task_loop(job, range(job.n), common_us(job.periods_us), job.begin_all, job.running)
'''
LOAD = '''# hil: needs=
"""The toy: a few turns of an empty loop."""


def load_start(job):
    def step():
        for _ in range(10):
            pass

    return step
'''
EXPORT = '''"""The toy: one line a figure."""

from hil.report.exports.export_format import ExportInput


def write_toy(out, run: ExportInput) -> int:
    for figure in run.results.measurements:
        out.write(f"{figure.technique} {figure.metric}\\n")
    return len(run.results.measurements)
'''
BACKEND = '''"""The toy: the embedded board in virtual time under a name."""

import contextlib

from hil.boards.backend import Backend, BoardSpec, BoardTraits
from hil.boards.backends.sim import VirtualBoard
from hil.boards.port_board import PortBoard


class ToyBackend(Backend):
    name = "toy"
    forms = "toy:NAME"
    traits = BoardTraits(own_programs=False)

    def parse(self, text):
        return BoardSpec(text, self) if text.startswith("toy:") else None

    def open(self, spec):
        with contextlib.ExitStack() as held:
            process = held.enter_context(VirtualBoard("clock=virtual", hold=True))
            return PortBoard(spec, process.port, held, opener=process.new_opener())
'''
METRIC_ROW = """    Metric(
        "toy_margin_us",
        "us",
        "the toy: what is left of a period",
        "P - max L_i",
        "derivation: subtraction",
        sense="higher",
        bounds="none",
        budget=IN_PERIODS,
        shown=(Column("techniques", "toy margin"),),
    ),
)
METRICS: dict"""
ANALYSIS = """

_add_lateness = add_lateness


def add_lateness(sheet, activations, *rest):
    samples = _add_lateness(sheet, activations, *rest)
    margin_us = activations.period_us - float(lateness_us(activations).max())
    sheet.add("toy_margin_us", margin_us, activations.n, Bounds(why_not="no bounds: a toy"))
    return samples
"""
BUDGETS = """
[budgets.any.any]
toy_margin_us = "0.01 period"
"""
SUITE = """
def test_the_toy_metric(figures):
    figures.check("toy_margin_us")
"""


WATCHER = """
import sys
for k in range(40):
    for task in (0, 1):
        print(task, 10_000_000 * k + 7_000, k % 2)
sys.stdin.read()
"""


@dataclass
class Copy:
    """A copy of what hil consists of, and what was changed in it."""

    root: Path

    def edit(self, name: str, before: str, after: str) -> None:
        """Replace text that is there once."""
        path = self.root / name
        text = path.read_text(encoding="utf-8")
        assert text.count(before) == 1, (name, text.count(before))
        path.write_text(text.replace(before, after), encoding="utf-8")

    def add(self, name: str, text: str) -> None:
        """A new file."""
        assert not (self.root / name).exists()
        (self.root / name).write_text(text, encoding="utf-8")

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        """``python -m …`` with the copy in the place of what is installed.

        The terminal is so wide that no column of a table is left out.
        """
        more = {"PYTHONPATH": str(self.root), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "200"}
        return subprocess.run(
            [sys.executable, "-m", *args],
            cwd=self.root,
            env={**os.environ, **more},
            capture_output=True,
            text=True,
            check=False,
        )

    def changed(self) -> set[str]:
        """The files of the copy that differ from those of the checkout, or are new."""
        paths = [p for top in ("hil", "device_agents") for p in (self.root / top).rglob("*.*")]
        names = [str(p.relative_to(self.root)) for p in paths if p.is_file()]
        return {
            name
            for name in names
            if not (ROOT / name).is_file()
            or not filecmp.cmp(ROOT / name, self.root / name, shallow=False)
        }


def code_on_page(name: str) -> list[str]:
    """The blocks of code on a page of ``docs/how-to/write-your-own``."""
    page = ROOT / "docs" / "how-to" / "write-your-own" / f"{name}.md"
    return re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.S)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    root = tmp_path_factory.mktemp("copy")
    for name in ("hil", "device_agents"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pytest_hil.py", root)
    copy = Copy(root)
    copy.add("device_agents/techniques/toy_loop.py", TECHNIQUE)
    copy.edit(
        "hil/model/techniques.py",
        '    Technique("aioschedule",',
        '    Technique("toy_loop", "the toy loop", releases="in order"),\n'
        '    Technique("aioschedule",',
    )
    copy.add("device_agents/loads/toy.py", LOAD)
    copy.edit(
        "hil/model/techniques.py", '    Load("web",', '    Load("toy", "a toy"),\n    Load("web",'
    )
    copy.edit("hil/model/metrics.py", ")\nMETRICS: dict", METRIC_ROW)
    lateness = root / "hil/analysis/lateness.py"
    lateness.write_text(lateness.read_text("utf-8") + ANALYSIS, encoding="utf-8")
    copy.add("hil/report/exports/toy.py", EXPORT)
    copy.edit(
        "hil/report/exports/registry.py",
        ")\nEXPORTS: Mapping",
        '    TextExport("toy", "toy.txt", "a reader", write_toy),\n)\nEXPORTS: Mapping',
    )
    copy.edit(
        "hil/report/exports/registry.py",
        "from hil.report.exports.vcd import write_vcd\n",
        "from hil.report.exports.toy import write_toy\n"
        "from hil.report.exports.vcd import write_vcd\n",
    )
    copy.add("hil/boards/backends/toy.py", BACKEND)
    copy.edit(
        "hil/boards/backends/registry.py",
        "    ReplayBackend(),\n)",
        "    ReplayBackend(),\n    ToyBackend(),\n)",
    )
    copy.edit(
        "hil/boards/backends/registry.py",
        "from hil.boards.diagnosis import",
        "from hil.boards.backends.toy import ToyBackend\nfrom hil.boards.diagnosis import",
    )
    device_file, workload = code_on_page("workload")
    copy.add("device_agents/workloads/collections.py", device_file)
    copy.add("hil/experiments/workloads/collections.py", workload)
    (stamp_source,) = code_on_page("stamp-source")
    copy.add("hil/experiments/stamp_sources/pin_watcher.py", stamp_source)
    table = "hil/experiments/registry.py"
    copy.edit(table, "    UserProgramRun(),\n", "    UserProgramRun(),\n    Collections(),\n")
    copy.edit(
        table,
        '    "board": make_board_recorder,\n',
        '    "board": make_board_recorder,\n    "pin-watcher": make_pin_watcher,\n',
    )
    copy.edit(
        table,
        "from hil.experiments.workloads.user_program import",
        "from hil.experiments.stamp_sources.pin_watcher import make_pin_watcher\n"
        "from hil.experiments.workloads.collections import Collections\n"
        "from hil.experiments.workloads.user_program import",
    )
    copy.add("watch_pins.py", WATCHER)
    copy.add("test_toy.py", SUITE)
    copy.add("budgets.toml", BUDGETS)
    return copy


@pytest.fixture(scope="module")
def folder(copy: Copy) -> Path:
    """The folder of a run of the toys on the toy board, which is in virtual time."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("HIL_PIN_WATCHER", f"{sys.executable} watch_pins.py")
        measured = copy.run(
            *("pytest", "test_toy.py", "-q", "-p", "no:cacheprovider", "--hil-duration-s=1"),
            *("--hil-board=toy:bench", "--hil-technique=toy_loop", "--hil-load=toy"),
            *("--hil-budgets=budgets.toml", "--hil-out=out"),
        )
    assert measured.returncode == 0, measured.stdout + measured.stderr
    assert "toy margin" in measured.stdout
    return copy.root / "out" / "latest"


def test_only_the_files_that_are_promised_are_touched(copy: Copy) -> None:
    assert copy.changed() == {
        "device_agents/loads/toy.py",
        "device_agents/techniques/toy_loop.py",
        "device_agents/workloads/collections.py",
        "hil/analysis/lateness.py",
        "hil/boards/backends/registry.py",
        "hil/boards/backends/toy.py",
        "hil/experiments/registry.py",
        "hil/experiments/stamp_sources/pin_watcher.py",
        "hil/experiments/workloads/collections.py",
        "hil/model/metrics.py",
        "hil/model/techniques.py",
        "hil/report/exports/registry.py",
        "hil/report/exports/toy.py",
    }


def test_the_run_has_the_figure_judged_by_its_budget(folder: Path) -> None:
    run = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    toys = [figure for figure in run["measurements"] if figure["metric"] == "toy_margin_us"]
    assert {(figure["technique"], figure["load"]) for figure in toys} == {("toy_loop", "toy")}
    assert {(figure["budget"], figure["unit"], figure["verdict"]) for figure in toys} == {
        (100.0, "us", "pass")
    }


def test_the_run_has_the_figure_of_the_workload_and_the_instrument_s_edges(folder: Path) -> None:
    run = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    (longest,) = [f for f in run["measurements"] if f["metric"] == "collection_max_us"]
    assert (longest["n"], longest["method"], longest["source"]) == (20, "collections", "board")
    names = {path.name for path in (folder / "capture").glob("*.hiledges")}
    assert len(names) == 3  # one a window
    assert all(name.endswith(".pin-watcher.hiledges") for name in names)
    assert {f"capture/{name}" for name in names} <= set(run["run"]["hashes"])


def test_every_output_shows_them(copy: Copy, folder: Path) -> None:
    page = (folder / "report.html").read_text(encoding="utf-8")
    for words in ("toy margin", "The task runs in: the toy loop", "toy_loop, load toy"):
        assert words in page, words
    shown = copy.run("hil", "show", str(folder))
    assert "toy margin" in shown.stdout, shown.stderr
    summary = folder / "summary.md"
    written = copy.run(
        "hil", "report", str(folder), "--markdown", str(summary), "--budgets=budgets.toml"
    )
    assert written.returncode == 0, written.stderr
    assert "| toy margin |" in summary.read_text(encoding="utf-8"), written.stderr
    metrics = copy.run("hil", "export", str(folder), "--to=openmetrics", "--out=-")
    assert "the toy: what is left of a period" in metrics.stdout, metrics.stderr


def test_the_export_is_listed_completed_and_written(copy: Copy, folder: Path) -> None:
    assert "toy.txt" in copy.run("hil", "export", "--list").stdout
    assert " toy " in copy.run("hil", "completion", "bash").stdout
    written = copy.run("hil", "export", str(folder), "--to=toy")
    assert "toy_loop toy_margin_us" in (folder / "toy.txt").read_text("utf-8"), written.stderr


def test_the_board_is_named_and_examined(copy: Copy, folder: Path) -> None:
    run = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert [board["name"] for board in run["boards"]] == ["toy:bench"]
    assert copy.run("hil", "doctor", "--board=toy:bench").returncode == 0
    answer = copy.run("hil", "doctor", "--board=bench")
    assert "toy:NAME" in answer.stderr


def test_an_unknown_name_is_told_what_there_is(copy: Copy) -> None:
    answer = copy.run(
        *("pytest", "test_toy.py", "--hil-board=sim", "--hil-technique=toys", "--co", "-q")
    )
    assert answer.returncode == 4
    assert "toy_loop" in answer.stderr
