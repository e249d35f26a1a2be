"""One short run on the embedded board, and everything that it leaves behind."""

import hashlib
import json
import sys
import xml.etree.ElementTree as ET
from importlib.util import find_spec
from pathlib import Path

import pytest

SUITE = """
def test_lateness(figures):
    figures.check("lateness_p50_us", "lateness_max_us")

def test_isr_latency(figures):
    figures.check("isr_latency_p50_us")

def test_complete(figures):
    figures.check("missed", "dropped")
"""
ARGS = ("--hil-technique=timer_hard,timer_soft", "--hil-duration-s=0.4", "--hil-out=out")


@pytest.fixture
def suite(pytester):
    pytester.makepyfile(SUITE)
    return pytester


def latest(pytester):
    return Path(pytester.path / "out" / "latest")


def numbers(folder):
    return json.loads((folder / "results.json").read_text())


def test_everything_is_left_behind_and_can_be_made_again(suite, run_here):
    result = suite.runpytest_subprocess("--board=sim:clock=virtual", *ARGS)
    result.assert_outcomes(passed=4, skipped=2)
    folder = latest(suite)
    first = numbers(folder)
    assert first["schema"] == 2
    assert first["run"]["source"] == "sim"
    assert (first["boards"][0]["source"], first["boards"][0]["clock"]) == ("sim", "virtual")
    captured = {path.name for path in (folder / "capture").iterdir()}
    assert set(first["run"]["hashes"]) == {f"capture/{name}" for name in captured}
    for name, digest in first["run"]["hashes"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    worst = [m for m in first["measurements"] if m["metric"] == "lateness_max_us"]
    assert all(m["where_us"] >= 0 for m in worst)
    assert first["boards"][0]["stamp_cost_us"] > 0
    assert {m["technique"] for m in first["measurements"]} == {"timer_hard", "timer_soft"}
    late = [m for m in first["measurements"] if m["metric"] == "lateness_p50_us"]
    assert len(late) == 4  # two techniques, two tasks
    junit = ET.parse(folder / "junit.xml")
    names = {p.get("name") for p in junit.iter("property")}
    assert "lateness_p50_us.task0" in names
    page = (folder / "report.html").read_text()
    assert "timer_hard" in page
    assert "results-table" in page  # pytest-html's own table is kept
    result.stdout.fnmatch_lines(["*timer_hard*", "*results: out*results.json"])

    again = run_here(f"--board=replay:{folder.resolve()}", "--hil-out=again")
    again.assert_outcomes(passed=4, skipped=2)
    second = numbers(suite.path / "again" / "latest")
    assert second["run"]["source"] == "replay"

    def values(results):
        return [
            (m["technique"], m["task"], m["metric"], m["value"], m["lo"], m["hi"])
            for m in results["measurements"]
        ]

    assert values(second) == values(first)

    (folder / "results.json").unlink()
    remade = suite.run(sys.executable, "-m", "hil", "report", str(folder))
    assert remade.ret == 0
    assert values(numbers(folder)) == values(first)


def test_a_figure_beyond_its_budget_fails_with_all_a_person_needs(suite, run_here):
    suite.path.joinpath("b.toml").write_text("[budgets.timer_hard.idle]\nlateness_max_us = 0.001\n")
    result = run_here("--board=sim:clock=virtual", "--hil-budgets=b.toml", *ARGS)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*lateness_max_us*budget*"])
    assert "Traceback" not in str(result.stdout)
    failed = [m for m in numbers(latest(suite))["measurements"] if m["verdict"] == "fail"]
    assert {m["metric"] for m in failed} == {"lateness_max_us"}


def test_what_a_board_lacks_is_a_skip_with_its_reason(suite, run_here):
    result = run_here("--board=sim:clock=virtual,timer=0", *ARGS)
    result.assert_outcomes(skipped=6)
    result.stdout.fnmatch_lines("hil: nothing was measured*the board has no machine.Timer*")
    assert not latest(suite).exists()


def test_nothing_happens_in_a_run_without_boards(suite, run_here):
    suite.makepyfile("def test_other(): pass")
    result = run_here()
    result.assert_outcomes(passed=1)
    assert not (suite.path / "reports").exists()
    assert not (suite.path / "out").exists()


@pytest.mark.skipif(find_spec("hil.suite") is None, reason="hil is installed from its checkout")
def test_the_shipped_suite_runs_without_a_checkout(pytester):
    result = pytester.runpytest_subprocess(
        *("--pyargs", "hil.suite", "--board=sim:clock=virtual", "--hil-out=out"),
        *("--hil-technique=timer_soft", "--hil-duration-s=0.5", "--hil-history=none"),
    )
    assert result.ret == 0, result.outlines
    assert result.parseoutcomes()["passed"] > 5
    assert (pytester.path / "out" / "latest" / "report.html").exists()
