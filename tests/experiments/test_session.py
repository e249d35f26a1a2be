"""A session on the embedded board."""

import pytest

from hil.boards.backends.registry import parse_board
from hil.experiments.plan import Case, capture_job
from hil.experiments.session import Session
from hil.experiments.workloads.user_program import UserProgram
from hil.model.captures import CapturePlan, TaskPlan
from hil.model.errors import CapabilityMissing
from hil.recording.capture_reader import read_capture

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
