"""Programs of the user's own, measured like techniques."""

import json
import shutil
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
SUITE = """
def test_lateness(figures):
    figures.check("lateness_p50_us", "period_mean_us")
"""


@pytest.fixture
def measure(pytester, run_here):
    pytester.makepyfile(SUITE)

    def measure(path, *args):
        shutil.copy(path, pytester.path / "program.py")
        result = run_here(
            *("--board=sim:clock=virtual", "--hil-agent=program.py"),
            *("--hil-out=out", "--hil-duration-s=1", *args),
        )
        return result, json.loads((pytester.path / "out/latest/results.json").read_text())

    return measure


def means(numbers):
    return {
        m["task"]: m["value"] for m in numbers["measurements"] if m["metric"] == "period_mean_us"
    }


def test_a_timer_beside_an_endless_loop(measure):
    result, numbers = measure(EXAMPLES / "blink_timer.py")
    result.assert_outcomes(passed=1)
    assert {m["technique"] for m in numbers["measurements"]} == {"program"}
    assert means(numbers)[0] == pytest.approx(20_000, rel=0.05)
    assert numbers["errors"] == []


def test_tasks_at_different_rates(measure):
    result, numbers = measure(EXAMPLES / "two_rates.py")
    result.assert_outcomes(passed=1)
    mean_values = means(numbers)
    assert mean_values[1] / mean_values[0] == pytest.approx(2.5, rel=0.2)


def test_a_program_that_returns_leaves_its_timer_running_until_the_end(measure, tmp_path):
    path = tmp_path / "returns.py"
    path.write_text(
        "from machine import Timer\nfrom hil_agent import stamp\n"
        "Timer(-1).init(period=20, callback=stamp)\n"
    )
    _, numbers = measure(path, "--hil-period-ms=20")
    assert means(numbers)[0] == pytest.approx(20_000, rel=0.05)


def test_a_program_that_fails_is_an_error_with_its_traceback(measure, tmp_path):
    path = tmp_path / "fails.py"
    path.write_text("from hil_agent import stamp\nstamp()\nraise ValueError('no')\n")
    result, numbers = measure(path)
    result.assert_outcomes(errors=1)
    assert numbers["measurements"] == []
    assert "ValueError: no" in numbers["errors"][0]["detail"]
