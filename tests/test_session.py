"""A session on the embedded board."""

from hil.boards.spec import parse_board
from hil.records import CapturePlan, TaskPlan
from hil.session import Session
from hil.store import read_capture
from hil.user_agent import UserAgent

NOISY = """
from machine import Timer
from hil_agent import stamp
def tick(t):
    stamp()
    print("tick")
Timer(-1).init(period=10, callback=tick)
"""
PLAN = CapturePlan("noisy", "idle", (TaskPlan(0, 10_000),), 300_000, options={"pings": 2})


def test_a_program_of_the_users_leaves_nothing_running(tmp_path):
    with Session(parse_board("sim:clock=virtual")) as session:
        session.capture(PLAN, tmp_path / "a.hilcap", agent=UserAgent("noisy", NOISY))
        assert b"tick" not in session.run("import time; time.sleep_ms(100)")
        session.capture(PLAN, tmp_path / "b.hilcap", agent=UserAgent("noisy", NOISY))
    for name in "ab":
        capture = read_capture(tmp_path / f"{name}.hilcap")
        assert capture.errors == ()
        assert capture.log.count("tick") > 15
        assert capture.tracks[0].stamps_us.size > 15
