"""Runs that were stored by an earlier version give the same figures, verdicts and exit statuses.

``runs/NAME`` holds the captures of a run, and in ``results.json`` what the version that stored it
made of them in ``pytest --board=replay:FOLDER``. What ``hil report FOLDER`` makes of a capture that
was cut short is more, and is in ``reported.json``. ``README.md`` says how they were made.
"""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from hil.cli.main import main

HERE = Path(__file__).parent
BUDGETS = HERE / "budgets.toml"
SUITE = """
def test_lateness(figures):
    figures.check("lateness_p50_us", "lateness_max_us", "missed")

def test_everything_else(figures):
    figures.check(
        "dropped", "period_jitter_rms_us", "schedule_drift_ppm", "isr_latency_p99_us", "jobs_lost"
    )
"""
EXIT_STATUSES = {
    "loads": 0,
    "long": 1,
    "lossy": 9,
    "truncated": 8,
    "user_program": 0,
    "web": 1,
    "workloads": 1,
}
EACH_RUN = pytest.mark.parametrize(
    ("folder", "name"), [(name, name) for name in EXIT_STATUSES], indirect=["folder"]
)
NUMBERS = ("value", "lo", "hi", "budget", "confidence")
WORDS = ("n", "unit", "verdict")


def key(item: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(item.get(name) for name in ("technique", "load", "task", "metric", "method"))


def assert_same(now: dict[str, Any], then: dict[str, Any]) -> None:
    """The same figures to 1e-9, verdicts and skips; later keys and metrics don't matter."""
    known = {item["metric"] for item in then["measurements"]}
    figures = [figure for figure in now["measurements"] if figure["metric"] in known]
    assert list(map(key, figures)) == list(map(key, then["measurements"]))
    for figure, item in zip(figures, then["measurements"], strict=True):
        for name in WORDS:
            assert figure[name] == item[name], (name, figure, item)
        for name in NUMBERS:
            assert same_number(figure[name], item[name]), (name, figure, item)
    known |= {case(item)[2] for item in then["skipped"]}
    skipped = [case(item) for item in now["skipped"]]
    assert [item for item in skipped if item[2] in known] == list(map(case, then["skipped"]))
    assert list(map(case, now["errors"])) == list(map(case, then["errors"]))


def same_number(now: float | None, then: float | None) -> bool:
    if now is None or then is None:
        return now is then
    return math.isclose(now, then, rel_tol=1e-9, abs_tol=1e-12)


def case(item: dict[str, Any]) -> tuple[str, str, str]:
    """The case, and the metric that a reason begins with; the words after it may change."""
    metric, colon, _ = item.get("reason", "").partition(":")
    return item["technique"], item["load"], metric if colon else ""


@pytest.fixture
def folder(request, tmp_path) -> Path:
    """A copy of a stored run's captures, in a folder as a run leaves behind."""
    copy = tmp_path / "stored"
    shutil.copytree(HERE / "runs" / request.param / "capture", copy / "capture")
    return copy


@EACH_RUN
def test_a_replayed_run_gives_the_same_figures(folder, name, pytester, run_here):
    pytester.makepyfile(SUITE)
    result = run_here(f"--board=replay:{folder}", f"--hil-budgets={BUDGETS}", "--hil-out=out")
    assert result.ret == EXIT_STATUSES[name]
    results = json.loads((pytester.path / "out" / "latest" / "results.json").read_text())
    assert_same(results, stored(name, "results.json"))


@EACH_RUN
def test_a_report_made_again_has_the_same_figures(folder, name, capsys):
    assert main(["report", str(folder), "--budgets", str(BUDGETS)]) == 0
    assert_same(
        json.loads((folder / "results.json").read_text()),
        stored(name, "reported.json", "results.json"),
    )


def stored(name: str, *files: str) -> dict[str, Any]:
    """The first of these files that is there."""
    paths = [HERE / "runs" / name / file for file in files]
    return json.loads(next(path for path in paths if path.exists()).read_text())
