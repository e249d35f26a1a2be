"""A session on the embedded board."""

import os
import signal
import sys
import threading

import pytest

from hil.boards.backends.registry import parse_board
from hil.experiments.plan import Case, capture_job
from hil.experiments.session import Session
from hil.experiments.workloads.user_program import UserProgram
from hil.model.captures import CapturePlan, TaskPlan
from hil.model.errors import CapabilityMissing
from hil.recording.capture_reader import read_capture
from hil.recording.host_pauses import host_sleep
from hil.recording.interfaces import Observer

NOISY = """
from machine import Timer
from hil_agent import stamp
def tick(t):
    stamp()
    print("tick")
Timer(-1).init(period=10, callback=tick)
"""
PLAN = CapturePlan("noisy", "idle", (TaskPlan(0, 10_000),), 300_000, options={"pings": 2})
CASE = Case(PLAN, UserProgram("noisy", NOISY))


def test_a_program_of_the_users_leaves_nothing_running(tmp_path):
    with Session(parse_board("sim:clock=virtual")) as session:
        session.capture(capture_job(CASE, session.board), tmp_path / "a.hilcap")
        assert b"tick" not in session.run("import time; time.sleep_ms(100)")
        session.capture(capture_job(CASE, session.board), tmp_path / "b.hilcap")
    for name in "ab":
        capture = read_capture(tmp_path / f"{name}.hilcap")
        assert capture.errors == ()
        assert capture.log.count("tick") > 15
        assert capture.tracks[0].stamps_us.size > 15


def test_what_can_not_run_is_known_before_anything_is_sent():
    cases = {("pio_irq", 10_000): "no PIO", ("pwm_irq", 10_001): "whole number of hertz"}
    with Session(parse_board("sim:clock=virtual")) as session:
        for (technique, period_us), reason in cases.items():
            plan = CapturePlan(technique, "idle", (TaskPlan(0, period_us),), 300_000)
            with pytest.raises(CapabilityMissing, match=reason):
                capture_job(Case(plan), session.board)


class StopsOnce(Observer):
    """An observer that stops a process for half a second when the window has been open a while."""

    def __init__(self, pid):
        self.pid = pid
        self.begun = None

    def advance(self, elapsed_s, received_bytes):
        if self.begun is None and elapsed_s > 0.2:
            os.kill(self.pid, signal.SIGSTOP)
            self.begun = threading.Timer(0.5, os.kill, (self.pid, signal.SIGCONT))
            self.begun.start()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_an_embedded_board_that_is_stopped_alone_is_told_from_a_late_technique(tmp_path):
    plan = CapturePlan("thread", "idle", (TaskPlan(0, 10_000),), 1_000_000, options={"pings": 2})
    path = tmp_path / "a.hilcap"
    with Session(parse_board("sim")) as session:
        pid = session._connection.board.process_id
        observer = StopsOnce(pid)
        session.capture(capture_job(Case(plan), session.board), path, observer=observer)
        observer.begun.join()
    slept = host_sleep(read_capture(path))
    assert slept.startswith("the board stood still for 0.")
