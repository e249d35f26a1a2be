"""The periodic operator: starts, stops, starts again, and stops for good."""

import subprocess
import sys

import numpy as np
import pytest

from hil.agents import bundle

PREPARE = """\
import time
from machine import Timer
n = [0]
def count(timer):
    n[0] += 1
timer = Timer(-1)
op = PeriodicOperator(timer, 5, count)
def seen(ms=60):
    n[0] = 0
    time.sleep_ms(ms)
    return n[0]
"""


@pytest.fixture
def board(runner):
    for piece in bundle.pieces("lib/periodic_operator.py"):
        runner.exec(piece)
    return runner


def shown(board, code):
    board.exec(PREPARE)
    return board.exec(code + "\nop.stop()").split("\n")


def test_it_imports_nothing_and_stands_alone(tmp_path):
    source = (bundle.agents_folder() / "lib" / "periodic_operator.py").read_text()
    assert "import" not in source
    (tmp_path / "periodic_operator.py").write_text(source)
    code = "import periodic_operator; print(periodic_operator.PeriodicOperator(None, 5, None))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "PeriodicOperator: stopped, every 5 ms\n"


def test_it_runs_from_start_to_stop(board):
    lines = shown(
        board,
        "print(seen(), op.running(), op)\nop.start()\nprint(seen(62), op.running(), op)\n"
        "op.stop()\nprint(seen(), op.running(), op)",
    )
    assert lines[:3] == [
        "0 False PeriodicOperator: stopped, every 5 ms",
        "12 True PeriodicOperator: running, every 5 ms",
        "0 False PeriodicOperator: stopped, every 5 ms",
    ]


def test_start_start_and_stop_stop_are_as_good_as_one(board):
    lines = shown(
        board,
        "op.start(); op.start(); op.start()\nprint(seen(202))\n"
        "op.stop(); op.stop()\nprint(seen())\nop.start()\nprint(seen(62))",
    )
    assert lines[:3] == ["40", "0", "12"]


def test_another_period_begins_a_new_run(board):
    lines = shown(
        board,
        "op.start()\nfast = seen(202)\nop.start(20)\n"
        "slow = seen(202)\nprint(fast, slow, op.period)\n"
        "op.stop()\nop.start()\nprint(op)",
    )
    fast, slow, period = map(int, lines[0].split())
    assert (fast, slow, period) == (40, 10, 20)
    assert lines[1] == "PeriodicOperator: running, every 20 ms"


def test_what_was_queued_before_the_stop_is_not_called(board):
    """A soft callback that waits while the main program computes comes after stop()."""
    code = """
queued = []
class Late:
    PERIODIC = 1
    def init(self, mode, period, callback):
        queued.append(callback)
    def deinit(self):
        pass
op = PeriodicOperator(Late(), 5, count)
op.start()
op.stop()
queued[0](None)
op.start()
queued[0](None)
print(n[0])
queued[1](None)
print(n[0])"""
    assert shown(board, code)[:2] == ["0", "1"]


def test_the_callback_may_stop_it(board):
    code = """
def once(timer):
    n[0] += 1
    op.stop()
op = PeriodicOperator(timer, 5, once)
op.start()
print(seen(), op.running())"""
    assert shown(board, code)[0] == "1 False"


def test_a_callback_that_raises_stops_it_and_is_seen(board):
    code = """
def fails(timer):
    n[0] += 1
    raise ValueError("boom")
op = PeriodicOperator(timer, 5, fails)
op.start()
x = seen()
print()
print(x, op.running())"""
    lines = shown(board, code)
    assert "1 False" in lines
    assert "ValueError: boom" in lines


@pytest.mark.parametrize("period", [0, -5])
def test_a_period_that_is_none_is_refused(board, period):
    code = f"try:\n op.start({period})\nexcept ValueError as e:\n print(e, op.running(), op.period)"
    assert shown(board, code)[0] == "period must be positive False 5"


def test_a_timer_that_refuses_leaves_it_stopped(board):
    code = """
class Full:
    PERIODIC = 1
    def init(self, **more):
        raise OSError("no alarm left")
    def deinit(self):
        pass
op = PeriodicOperator(Full(), 5, count)
try:
    op.start()
except OSError as e:
    print(e, op.running())"""
    assert shown(board, code)[0] == "no alarm left False"


def test_hard_and_fine_periods_reach_the_timer(board):
    code = """
class Told:
    PERIODIC = 1
    def init(self, **given):
        print([(k, given[k]) for k in sorted(given) if k != "callback"])
    def deinit(self):
        pass
PeriodicOperator(Told(), 5, count).start()
PeriodicOperator(Told(), 1500, count, tick_hz=1000000, hard=True).start()"""
    assert shown(board, code)[:2] == [
        "[('mode', 1), ('period', 5)]",
        "[('hard', True), ('mode', 1), ('period', 1500), ('tick_hz', 1000000)]",
    ]


def test_restarts_are_measured(runner):
    decoded = runner.run("periodic_operator", restarts=32)

    said = runner.end(decoded)
    assert said["status"] == "ok"
    assert (said["op_stops"], said["op_after"]) == ("32", "0")
    # a timer that runs on fires at least once in every two periods that are watched
    assert int(said["op_flag"]) >= int(said["op_flag_stops"]) >= 3
    assert said["op_timer"] == "0"
    stops, phases = (decoded.channels[name].values for name in ("op.stop", "op.phase"))
    assert len(stops) == len(phases) == 32
    assert set(stops.tolist()) == {0}  # the calls' own jumps are none
    # it begins anew at start(), not at the phase of the run before
    assert np.ptp(phases) <= 2
    assert 0 < phases[0] < 50
