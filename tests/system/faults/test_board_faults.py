"""What goes wrong on the board itself, for real on the embedded one: an error that names it."""

import pytest

import hil.experiments.plan
from hil.agents.bundle import start_code
from hil.boards.attach import AttachLimits
from hil.boards.backends.registry import parse_board
from hil.boards.backends.sim import VirtualBoard
from hil.experiments.plan import Case, capture_job, find_profile, make_cases
from hil.experiments.session import Session
from hil.model.errors import BoardBrokenError, HilError
from hil.recording.capture_reader import read_capture
from hil.recording.validity import require_valid

SHORT = AttachLimits(first_answer_s=1.5, prompt_s=1.0, reboot_s=1.0)
FAIL = "    if n[0] == 5:\n        raise ValueError('injected')\n"
COUNT = "n = [0]\ndef act(_=None):\n    n[0] += 1\n"
BODIES = {
    "soft timer": "from machine import Timer\nt = Timer(-1)\n"
    + COUNT + FAIL + "t.init(period=10, callback=act)\njob.at_exit(t.deinit)\n",
    "hard timer": "from machine import Timer\nt = Timer(-1)\n"
    + COUNT + "    [n, n, n, n]\nt.init(period=10, callback=act, hard=True)\n"
    "job.at_exit(t.deinit)\n",
    "thread": "import _thread\n" + COUNT + "    raise ValueError('injected')\n"
    "_thread.start_new_thread(act, ())\n",
    "coroutine": "import asyncio\nasync def act():\n    raise ValueError('injected')\n"
    "async def both():\n    asyncio.create_task(act())\n    await asyncio.sleep_ms(50)\n"
    "asyncio.run(both())\n",
    "scheduled": "import micropython\n" + COUNT + "    raise ValueError('injected')\n"
    "micropython.schedule(act, 0)\n",
    "memory": "big = []\nwhile True:\n    big.append(bytearray(65536))\n",
    "program": "raise ValueError('injected')\n",
}  # fmt: skip

# Every edge makes the next one: the main program never runs again.
STORM = """\
import machine
out, back = machine.Pin(4, machine.Pin.OUT, value=0), machine.Pin(5, machine.Pin.IN)
def storm(pin):
    out(1 - out())
back.irq(storm, 12, hard=True)
job.at_exit(lambda: back.irq(None))
out(1)
"""
DEAF_STORM = "import micropython\nmicropython.kbd_intr(-1)\n" + STORM


@pytest.fixture
def session():
    with Session(parse_board("sim:clock=virtual")) as opened:
        yield opened


def plan(seconds=0.3):
    (case,) = make_cases(
        find_profile("quick"), ["timer_soft"], ["idle"], period_ms=10, duration_s=seconds, windows=1
    )
    return case.plan


def break_agent(session, folder, body):
    """Put ``body`` in front of what the technique does, once its files are on the board."""
    indented = "".join(f"    {line}\n" for line in body.splitlines())
    session.capture(capture_job(Case(plan(0.05)), session.board), folder / "before.hilcap")
    run = start_code({"technique": "timer_soft"}).partition("(")[2].partition(",")[0]
    session._repl.exec(
        f"run_sound = {run}\ndef {run}(job):\n{indented}    run_sound(job)\n", timeout_s=5
    )


def captured(session, path):
    session.capture(capture_job(Case(plan()), session.board), path)
    require_valid(read_capture(path))


def mend(session):
    session._repl.enter()
    session._on_board.clear()


@pytest.mark.parametrize("name", BODIES)
def test_code_that_fails_on_the_board_is_an_error_that_names_it(session, tmp_path, name):
    break_agent(session, tmp_path, BODIES[name])
    path = tmp_path / "a.hilcap"
    try:
        with pytest.raises(HilError, match=r"injected|MemoryError"):
            captured(session, path)
    finally:
        mend(session)
    captured(session, tmp_path / "after.hilcap")  # and the board is sound again


def test_a_board_that_hangs_with_interrupts_off_is_left_in_time(tmp_path, monkeypatch):
    monkeypatch.setattr(hil.experiments.plan, "_IDLE_SLACK_S", 1.0)
    with Session(parse_board("sim")) as session:
        hang = "import machine\nmachine.disable_irq()\nwhile True:\n    pass\n"
        break_agent(session, tmp_path, hang)
        path = tmp_path / "a.hilcap"
        with pytest.raises(HilError, match="did not finish"):
            session.capture(capture_job(Case(plan()), session.board), path)
        with pytest.raises(HilError):
            require_valid(read_capture(path))


@pytest.mark.parametrize(
    ("storm", "told"),
    [(STORM, ""), (DEAF_STORM, "the board came back after a hardware reset")],
    ids=["stops at Ctrl-C", "deaf"],
)
def test_an_endless_interrupt_storm_is_left_in_time(tmp_path, monkeypatch, storm, told):
    monkeypatch.setattr(hil.experiments.plan, "_IDLE_SLACK_S", 1.0)
    with Session(parse_board("sim")) as session:
        session._connection.board.limits = session._repl._attach._limits = SHORT
        break_agent(session, tmp_path, storm)
        path = tmp_path / "a.hilcap"
        with pytest.raises(HilError, match="did not finish") as caught:
            session.capture(capture_job(Case(plan()), session.board), path)
        assert told in str(caught.value)
        assert "may still be active" not in str(caught.value)
        with pytest.raises(HilError, match="did not finish"):
            require_valid(read_capture(path))
        still = "p = machine.Pin(4)\nn = p()\ntime.sleep_ms(20)\nprint(p() - n)"
        assert session.run(f"import machine, time\n{still}") == b"0\n"  # nothing toggles it
        captured(session, tmp_path / "after.hilcap")


def test_a_storm_that_nothing_stops_is_told_and_the_rest_fails_at_once(tmp_path, monkeypatch):
    """Through a plain port: the embedded board's reset button is not wired there."""
    monkeypatch.setattr(hil.experiments.plan, "_IDLE_SLACK_S", 1.0)
    with VirtualBoard() as board, Session(parse_board(f"port:{board.port}")) as session:
        session._connection.board.limits = session._repl._attach._limits = SHORT
        break_agent(session, tmp_path, DEAF_STORM)
        with pytest.raises(HilError, match="timers and pins may still be active"):
            session.capture(capture_job(Case(plan()), session.board), tmp_path / "a.hilcap")
        with pytest.raises(HilError, match="timers and pins may still be active"):
            require_valid(read_capture(tmp_path / "a.hilcap"))
        monkeypatch.setattr(session._repl, "write", lambda data: pytest.fail("it was tried again"))
        with pytest.raises(BoardBrokenError, match="given up earlier"):
            session.capture(capture_job(Case(plan()), session.board), tmp_path / "b.hilcap")


def test_a_watchdog_that_resets_the_board_invalidates_the_capture(session, tmp_path, monkeypatch):
    monkeypatch.setattr(hil.experiments.plan, "_IDLE_SLACK_S", 1.0)
    break_agent(session, tmp_path, "import machine\nmachine.reset()\n")
    path = tmp_path / "a.hilcap"
    with pytest.raises(HilError):
        session.capture(capture_job(Case(plan()), session.board), path)
    with pytest.raises(HilError):
        require_valid(read_capture(path))
    mend(session)
