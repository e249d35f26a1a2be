"""Forms that other ports have, put in the place of the embedded board's own."""

import pytest

ONE_THREAD = """\
import sys
import _thread
class OneThread:
    real = _thread
    used = 0
    def start_new_thread(self, f, args):
        if self.used:
            raise OSError("core1 in use")
        self.used = 1
        return self.real.start_new_thread(f, args)
sys.modules["_thread"] = OneThread()
"""
PLAIN_TIMER = """\
import machine
class PlainTimer:
    PERIODIC = 1
    ONESHOT = 0
    def __init__(self, id=-1, period=1000000, mode=1, callback=None):
        if callback and "function" not in str(type(callback)):
            raise ValueError("callback must be a function")
        self.real = machine.Timer(id)
        self.given = {"period": period, "tick_hz": 1000000, "mode": mode, "callback": callback}
    def start(self):
        self.real.init(**self.given)
    def deinit(self):
        self.real.deinit()
Timer = PlainTimer
"""


def test_one_thread_only_gives_the_second_task_the_main_program(connect_board):
    with connect_board("") as runner:
        runner.exec(ONE_THREAD)
        decoded = runner.run("thread", periods=(10_000,) * 3, phases=(0,) * 3, pins=(0, 1, 2))

        said = runner.end(decoded)
        assert (said["status"], said["in_main"], said["not_started"]) == ("ok", "1", "1")
        counts = [len(decoded.channels[f"task{k}"].values) for k in range(3)]
        assert counts[0] in (30, 31)
        assert counts[1] in (29, 30)
        assert counts[2] == 0


@pytest.mark.parametrize("technique", ["timer_soft", "timer_oneshot", "cooperative", "event_irq"])
def test_a_timer_with_start_and_no_init(connect_board, technique):
    with connect_board("") as runner:
        runner.deploy(technique)
        runner.exec(PLAIN_TIMER)
        decoded = runner.run(technique)

        assert runner.end(decoded)["status"] == "ok"
        assert len(decoded.channels["task0"].values) in (29, 30)


def test_numbered_timers_run_out_with_a_reason(connect_board):
    with connect_board("") as runner:
        decoded = runner.run("timer_soft", timers=(0,))

        assert runner.end(decoded)["status"] == "error"
        text = [frame.fields["t"] for frame in decoded.texts if frame.kind == "X"]
        assert text[-1] == "NoTimer: no timer left after 1, name more in the wiring"
        decoded = runner.run("timer_soft", timers=(0, 1))
        assert runner.end(decoded)["status"] == "ok"


def test_an_urgent_task_without_hard_timers_says_so(connect_board):
    with connect_board("irq_hard=0") as runner:
        assert runner.end(runner.run("round_robin_irq"))["hard"] == "0"
        decoded = runner.run("event_irq", isr_events=50)
        assert runner.end(decoded)["no_hard_irq"] == "1"
        assert "isr.loopback/soft" in decoded.channels
        assert "isr.loopback/hard" not in decoded.channels
