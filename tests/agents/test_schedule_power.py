"""The persistent plan against kills, soft resets and deep sleep: a short form of the benchmark."""

import importlib.util
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "benchmarks" / "harness" / "schedule_survival.py"


@pytest.fixture(scope="module")
def survival():
    spec = importlib.util.spec_from_file_location("schedule_survival", SOURCE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_killed_while_it_saves_no_job_and_no_run_is_lost(survival, tmp_path):
    found = survival.survive(tmp_path / "flash", "kill", 25)

    assert found.boots >= 25
    assert found.inside_save >= 1  # else nothing was tried; half of them on an idle host
    assert found.runs >= 10
    assert (found.jobs_lost, found.runs_lost, found.reports) == (0, 0, [])


def test_killed_with_the_plan_saved_first_nothing_runs_twice(survival, tmp_path):
    found = survival.survive(tmp_path / "flash", "kill-before", 15)

    assert found.runs >= 5  # some tens on an idle host
    assert (found.jobs_lost, found.run_twice, found.reports) == (0, 0, [])


def test_soft_resets_lose_nothing(survival, tmp_path):
    found = survival.survive(tmp_path / "flash", "soft", 8)

    assert found.boots >= 8
    assert (found.jobs_lost, found.runs_lost, found.reports) == (0, 0, [])


def test_boot_run_and_sleep_again(survival, tmp_path):
    """A second between the runs, of which the board is awake a few hundredths."""
    found = survival.survive(tmp_path / "flash", "deepsleep", 6)

    assert found.runs >= 5
    assert (found.jobs_lost, found.runs_lost, found.run_twice, found.run_late) == (0, 0, 0, 0)
    assert min(found.wake_error_ms) > -1  # the sleep is never shorter; sim counts whole ms


def test_the_figures_see_what_goes_wrong(survival):
    text = "boot 0 0 1 0\nboot 0 0 1 0\nplanned 2\nboot 1 1 1 0\n"
    runs = [("a", 1000, 2000, 5), ("a", 1000, 2000, 1500), ("a", 4000, 5000, 0)]
    text += "".join(f"run {n} {r} {d} {late}\n" for n, r, d, late in runs)
    text += "boot 2 0 1 0\nreport oh\nrun cut"
    found = survival.read_log(text, asleep=False)

    assert (found.boots, found.inside_save, found.jobs_lost) == (4, 1, 1)
    assert (found.runs, found.run_twice, found.runs_lost, found.run_late) == (3, 1, 2, 1)
    assert found.reports == ["report oh"]
