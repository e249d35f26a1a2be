"""``hil compare --bisect``: every exit status that ``git bisect run`` may get."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from hil.cli import compare
from hil.cli.main import main
from hil.history.bisect import bisect_verdict
from hil.model.errors import CaptureError
from hil.model.results import Change, Comparison, ErrorRecord
from hil.recording.run_folder import RunLog
from hil.recording.stored_run import read_run
from tests.history import runs


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """No history is found by chance."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HIL_HISTORY", raising=False)


def bisect(*words) -> int:
    return main(["compare", "--bisect", *map(str, words)])


def test_worse_is_1_and_better_or_equal_is_0(make_run, capsys):
    slow, fast = make_run("slow", timer_soft=900), make_run("fast", timer_soft=100)
    assert bisect(fast, slow) == 1
    assert "bisect: worse: lateness_" in capsys.readouterr().err
    assert bisect(slow, fast) == 0
    assert "bisect: not worse: " in capsys.readouterr().err
    assert bisect(fast, fast) == 0
    said = capsys.readouterr()
    assert " figures compared, 0 better" in said.err
    assert "lateness_p50_us" in said.out


def test_without_the_option_the_status_tells_nothing_of_it(make_run):
    slow, fast = make_run("slow", timer_soft=900), make_run("fast", timer_soft=100)
    assert main(["compare", str(fast), str(slow)]) == 0
    assert main(["compare", str(slow), "nothing"]) == 1


def test_a_case_that_only_one_side_has_is_not_measured(make_run, capsys):
    both = make_run("both", timer_soft=100, thread=100)
    less, other = make_run("less", timer_soft=100), make_run("other", asyncio_flag=100)
    assert bisect(both, less) == 125
    assert "thread, idle, sim: not in this run" in capsys.readouterr().err
    assert bisect(less, both) == 125
    assert bisect(less, other) == 125


def test_a_worse_figure_counts_beside_a_case_that_is_missing(make_run):
    both = make_run("both", timer_soft=100, thread=100)
    assert bisect(both, make_run("less", timer_soft=900)) == 1


def test_another_load_or_period_is_not_measured(make_run, tmp_path, capsys):
    idle, busy = make_run("idle", timer_soft=100), make_run("busy", timer_soft=100, loads=["cpu"])
    assert bisect(idle, busy) == 125
    rng = np.random.default_rng(3)
    folders = [
        runs.write_folder(tmp_path / f"p{period}", runs.capture(rng, period=period))
        for period in (10_000, 20_000)
    ]
    capsys.readouterr()
    assert bisect(*folders) == 125
    assert "not compared" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["nope", "nada"], ["nope"], ["board:x", "board:y"]])
def test_runs_that_can_not_be_read_are_not_measured(words, capsys):
    assert bisect(*words) == 125
    err = capsys.readouterr().err
    assert err.startswith("bisect: not measured: ")
    assert err.count("\n") == 1


def test_an_unreadable_file_or_an_error_of_the_run_is_not_measured(make_run, tmp_path, capsys):
    good, bad = make_run("good", timer_soft=100), make_run("bad", timer_soft=100)
    (bad / "capture" / "009_thread_idle.hilcap").write_bytes(b"no capture")
    assert bisect(good, bad) == 125
    assert bisect(bad, good) == 125
    failed = make_run("failed", timer_soft=100)
    info = read_run(failed).log.info
    (failed / "capture" / "run.jsonl").unlink(missing_ok=True)
    for log in (failed / "capture").glob("run*"):
        log.unlink()
    log = RunLog(failed / "capture", info)
    log.error(ErrorRecord("sim", "thread", "idle", "window 2 of 3: the board went away"))
    log.finish(1.0)
    capsys.readouterr()
    assert bisect(good, failed) == 125
    assert "thread, idle: window 2 of 3: the board went away" in capsys.readouterr().err


def test_a_run_that_ends_early_is_not_measured(make_run):
    good, part = make_run("good", timer_soft=100), make_run("part", timer_soft=100)
    (capture,) = (part / "capture").glob("*.hilcap")
    capture.write_bytes(capture.read_bytes()[:-40])
    assert bisect(good, part) == 125


def test_a_fault_of_hil_itself_makes_no_commit_bad(make_run, monkeypatch, capsys):
    run = make_run("a", timer_soft=100)

    def broken(_):
        raise ZeroDivisionError

    monkeypatch.setattr(compare, "_view", broken)
    assert bisect(run, run) == 125
    assert "bisect: not measured: hil failed" in capsys.readouterr().err


def test_for_programs_too(make_run, capsys):
    slow, fast = make_run("slow", timer_soft=900), make_run("fast", timer_soft=100)
    assert bisect(fast, slow, "--json") == 1
    assert json.loads(capsys.readouterr().out)["changes"]


def test_runs_of_the_history_by_what_it_recorded(make_run, tmp_path, capsys):
    option = ["--history", str(tmp_path / "h.db")]
    folders = [make_run("a1", timer_soft=100), make_run("b1", timer_soft=900)]
    assert main(["history", "add", *map(str, folders), *option]) == 0
    assert bisect("a1", "b1", *option) == 1
    assert bisect("b1", "a1", *option) == 0


CHANGE = Change(
    board="sim", technique="thread", load="idle", task=0, metric="lateness_p50_us", unit="us",
    before=1.0, after=2.0, lo=0.5, hi=1.5, runs=1, trend="same",
)  # fmt: skip


@pytest.mark.parametrize(
    ("trends", "problems", "missing", "status"),
    [
        (["same", "unclear"], [], (), 0),
        (["better"], [], (), 0),
        (["same", "worse"], ["lost"], ("gone",), 1),
        (["same"], ["lost"], (), 125),
        (["better"], [], ("gone",), 125),
        ([], [], (), 125),
    ],
)
def test_the_verdict(trends, problems, missing, status):
    changes = tuple(replace(CHANGE, trend=trend) for trend in trends)
    given, text = bisect_verdict(Comparison("run a", changes, missing), problems)
    assert given == status
    assert "\n" not in text


def test_many_reasons_are_counted():
    comparison = Comparison("run a", (), tuple(f"case {k}" for k in range(9)))
    status, text = bisect_verdict(comparison, [])
    assert status == 125
    assert text.endswith("case 0; case 1; case 2; and 6 more")


def test_a_broken_run_folder_is_not_measured(make_run, tmp_path, monkeypatch):
    run = make_run("a", timer_soft=100)

    def broken(*_):
        raise CaptureError("can't be read")

    monkeypatch.setattr("hil.experiments.evaluation.unmeasured_parts", broken)
    assert bisect(run, run) == 125
