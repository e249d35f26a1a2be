"""A case in three windows: their order, and a run in which one of them fails or never comes."""

import json
import re

import pytest

from hil.experiments.capture_sources import LiveSource
from hil.model.errors import CaptureError
from hil.recording.capture_file import list_captures
from hil.recording.capture_reader import read_meta

SUITE = """
def test_lateness(figures):
    figures.check("lateness_p50_us", "lateness_max_us")

def test_complete(figures):
    figures.check("missed")
"""
TECHNIQUES = ("timer_hard", "asyncio_deadline", "thread")


@pytest.fixture
def measure(pytester, run_here):
    """A function that runs the suite in virtual time: pytest's result, what was captured in which
    order as (technique, window), and ``results.json``."""
    pytester.makepyfile(SUITE)

    def measure(*arguments, techniques=TECHNIQUES, duration_s=0.3):
        result = run_here(
            *("--board=sim:clock=virtual", "--hil-out=out"),
            *(f"--hil-technique={','.join(techniques)}", f"--hil-duration-s={duration_s}"),
            *arguments,
            no_reraise_ctrlc=True,
        )
        folder = pytester.path / "out" / "latest"
        plans = [read_meta(path).plan for path in list_captures(folder / "capture")[1:]]
        told = json.loads((folder / "results.json").read_text())
        return result, [(plan.technique, plan.window) for plan in plans], told

    return measure


def failing(monkeypatch, technique, window, error):
    """Let one window end with an error instead of a capture."""
    take = LiveSource.take

    def take_or_fail(self, case, observer):
        capture = take(self, case, observer)
        if (case.plan.technique, case.plan.window) == (technique, window):
            raise error
        return capture

    monkeypatch.setattr(LiveSource, "take", take_or_fail)


def of_technique(told, technique, metric="lateness_p50_us"):
    return [
        m
        for m in told["measurements"]
        if (m["technique"], m["metric"], m["task"]) == (technique, metric, 0)
    ]


def test_every_round_has_each_case_once_in_an_order_of_its_own(measure):
    result, order, told = measure("--hil-seed=7")
    assert result.ret == 0
    rounds = [order[at : at + 3] for at in (0, 3, 6)]
    for number, captured in enumerate(rounds):
        assert sorted(captured) == sorted((technique, number) for technique in TECHNIQUES)
    assert len({tuple(name for name, _ in captured) for captured in rounds}) > 1
    assert told["run"]["order_seed"] == 7
    assert measure("--hil-seed=7")[1] == order
    assert measure("--hil-seed=8")[1] != order

    for technique in TECHNIQUES:
        (figure,) = of_technique(told, technique)
        assert [window["window"] for window in figure["windows"]] == [1, 2, 3]
        assert figure["n"] == sum(window["n"] for window in figure["windows"])
        values = [window["value"] for window in figure["windows"]]
        assert min(values) <= figure["value"] <= max(values)
        assert "windows" not in (figure.get("note") or "")


@pytest.mark.parametrize(
    ("more", "captured"),
    [
        (["-k", "thread"], {"thread"}),
        (["--deselect", "test_measure.py"], set(TECHNIQUES)),
        (["-m", "not hil", "-k", "complete and not thread"], {"timer_hard", "asyncio_deadline"}),
    ],
)
def test_only_what_the_selected_tests_ask_for_is_captured(measure, more, captured):
    result, order, _ = measure(*more)
    assert result.ret == 0
    assert {technique for technique, _ in order} == captured
    assert len(order) == 3 * len(captured)


def test_the_windows_are_counted_on_the_way(measure, capfd):
    _, order, _ = measure("-k", "thread or timer_hard")
    said = [line for line in capfd.readouterr().out.splitlines() if line.startswith("hil: ")]
    lines = [line for line in said if ": window" in line]
    assert sum(bool(re.fullmatch(r"hil: 6 windows, about \d+ s", line)) for line in said) == 1
    assert len(lines) == len(order) == 6
    assert [re.search(r"\((\d+/\d+)", line)[1] for line in lines] == [f"{n}/6" for n in range(1, 7)]


@pytest.mark.parametrize(
    ("arguments", "duration_s", "windows"),
    [(["--hil-windows=1"], 0.3, 1), ([], 0.06, 2), ([], 0.04, 1), (["--hil-windows=5"], 0.2, 5)],
)
def test_how_many_windows(measure, arguments, duration_s, windows):
    _, order, told = measure(*arguments, techniques=["thread"], duration_s=duration_s)
    assert order == [("thread", number) for number in range(windows)]
    (figure,) = of_technique(told, "thread", "lateness_max_us")
    assert len(figure.get("windows", ())) == (windows if windows > 1 else 0)


@pytest.mark.parametrize("arguments", ["--hil-windows=0", "--hil-windows=11", "--hil-windows=2.5"])
def test_a_number_of_windows_that_cant_be_is_refused(pytester, run_here, arguments):
    pytester.makepyfile(SUITE)
    result = run_here("--board=sim", arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "--hil-windows" in result.stderr.str()


def test_a_window_that_fails_leaves_the_figures_of_the_others(measure, monkeypatch):
    failing(monkeypatch, "thread", 1, CaptureError("it rained"))
    result, order, told = measure()
    assert result.ret == 8
    assert len(order) == 9
    assert [(e["technique"], e["error"]) for e in told["errors"]] == [
        ("thread", "window 2 of 3: it rained")
    ]
    (figure,) = of_technique(told, "thread")
    assert figure["n"] == sum(window["n"] for window in figure["windows"])
    assert [window["window"] for window in figure["windows"]] == [1, 3]
    assert figure["note"].startswith("from 2 of 3 windows")
    (other,) = of_technique(told, "timer_hard")
    assert len(other["windows"]) == 3


def test_a_case_whose_first_window_fails_has_no_other(measure, monkeypatch):
    failing(monkeypatch, "thread", 0, CaptureError("it rained"))
    result, order, told = measure()
    result.assert_outcomes(passed=4, errors=2)
    assert [window for technique, window in order if technique == "thread"] == [0]
    assert len(order) == 7
    assert [e["error"] for e in told["errors"]] == ["it rained"]
    assert not of_technique(told, "thread")
    assert of_technique(told, "timer_hard")


def test_an_interrupted_run_keeps_what_was_captured(measure, monkeypatch, pytester):
    failing(monkeypatch, "thread", 1, KeyboardInterrupt())
    result, order, told = measure("--hil-seed=7")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    taken = {technique: sum(name == technique for name, _ in order) for technique in TECHNIQUES}
    errors = [e["error"] for e in told["errors"]]
    assert errors == [
        "window 2 of 3: interrupted",
        "the run was interrupted: 0 of 3 cases were not measured, and 3 not in all of their "
        "windows",
    ]
    for technique in TECHNIQUES:
        (figure,) = of_technique(told, technique)
        sound = taken[technique] - (technique == "thread")
        assert figure["note"].startswith(f"from {sound} of 3 windows")
        assert len(figure.get("windows", [0])) == sound


def test_a_run_that_stops_at_a_failure_still_has_the_figures_of_all(measure, pytester):
    pytester.makepyfile("def test_never(figures):\n    assert not figures.capture")
    result, order, told = measure("-x")
    result.assert_outcomes(failed=1)
    assert len(order) == 9
    assert {m["technique"] for m in told["measurements"]} == set(TECHNIQUES)


def test_a_stored_run_gives_the_same_figures(measure, pytester, run_here):
    _, _, told = measure()
    stored = (pytester.path / "out" / "latest").resolve()
    result = run_here(f"--board=replay:{stored}", "--hil-out=again")
    result.assert_outcomes(passed=6)
    again = json.loads((pytester.path / "again" / "latest" / "results.json").read_text())

    def plain(results):
        return sorted(
            [(m["technique"], m["metric"], m["task"] or 0, m["value"], m.get("windows", []))
             for m in results["measurements"]], key=str)  # fmt: skip

    assert plain(again) == plain(told)
