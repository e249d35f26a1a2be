"""Programs of the user's own that plainly miss their deadlines fail, with figures that say so."""

import json
import shutil
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parent / "programs"
SUITE = """
def test_lateness(figures):
    figures.check("lateness_p50_us", "lateness_p99_us", "missed")
"""
DUE = 3 * 5_000 // 20  # in three windows of 5 s


@pytest.fixture
def measure(pytester, run_here):
    """Measure one of the programs as the profile quick does, judged by the shipped budgets."""
    pytester.makepyfile(SUITE)

    def measure(name):
        shutil.copy(PROGRAMS / name, pytester.path / name)
        result = run_here(
            *("--board=sim:clock=virtual", f"--hil-agent={name}", "--hil-out=out"),
        )
        numbers = json.loads((pytester.path / "out/latest/results.json").read_text())
        assert numbers["errors"] == []
        page = (pytester.path / "out/latest/report.html").read_text()
        return result, {m["metric"]: m for m in numbers["measurements"]}, page

    return measure


def test_one_that_is_in_time_passes(measure):
    result, figures, _ = measure("in_time.py")
    assert result.ret == 0
    assert figures["lateness_p50_us"]["value"] < 100
    assert figures["missed"]["value"] == 0


def test_every_activation_19_ms_late(measure):
    result, figures, page = measure("late_from_the_start.py")
    assert result.ret == 1
    assert figures["lateness_p50_us"]["value"] == pytest.approx(19_000, abs=50)
    assert figures["lateness_max_us"]["value"] == pytest.approx(19_000, abs=50)
    assert figures["lateness_p50_us"]["verdict"] == "fail"
    assert figures["missed"]["value"] == 0
    assert figures["extra"]["value"] == 0
    assert "choose late_from_the_start" not in page


def test_19_ms_late_from_activation_100_on(measure):
    result, figures, page = measure("late_from_100_on.py")
    assert result.ret == 1
    assert figures["lateness_p50_us"]["value"] == pytest.approx(19_000, abs=200)
    assert figures["lateness_p50_us"]["verdict"] != "pass"
    assert figures["lateness_p99_us"]["verdict"] == "fail"
    assert figures["missed"]["value"] <= 3  # at the windows' ends
    assert figures["extra"]["value"] == 0
    assert "choose late_from_100_on" not in page


def test_every_second_release_never_served_and_the_others_stamped_twice(measure):
    result, figures, page = measure("every_second_twice.py")
    assert result.ret == 1
    assert figures["missed"]["value"] == pytest.approx(DUE / 2, rel=0.1)
    assert figures["missed"]["verdict"] == "fail"
    assert figures["extra"]["value"] == pytest.approx(DUE / 2, rel=0.1)
    assert figures["lateness_p99_us"]["value"] >= 20_000  # what never came counts
    assert "choose every_second_twice" not in page
