"""What goes on after its end is counted, whatever ended it."""

import json
import time

import pytest

from hil import agents
from hil.analysis.summary import measure
from hil.boards.spec import parse_board
from hil.plan import Case, calibration_plan
from hil.pytest_plugin.sources import LiveSource
from hil.records import CapturePlan, TaskPlan
from hil.session import Session
from hil.strays import look_for_strays
from hil.transport.raw_repl import RawRepl
from hil.transport.vm import VirtualBoard

STRAY = """\
timer = HilTimer(job)
job.exits.pop()
globals()["stray"] = timer
job.begin_all()
timer.periodic(5000, job.act[0], {hard})
{end}"""
ENDS = ("job.wait()", 'time.sleep_ms(20)\nraise ValueError("boom")')


@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("end", ENDS)
def test_a_timer_that_runs_on_is_seen(runner, hard, end):
    decoded = runner.run_code(STRAY.format(hard=hard, end=end))
    runner.exec("stray.stop()")

    assert runner.end(decoded)["strays"] == "4"  # a period of 5 ms, watched for 21


@pytest.mark.parametrize("end", ENDS)
def test_a_timer_that_is_stopped_is_not(runner, end):
    decoded = runner.run_code(STRAY.format(hard=False, end=end).replace("job.exits.pop()", ""))

    assert runner.end(decoded)["strays"] == "0"


def test_a_thread_that_goes_on_is_seen(runner):
    body = """\
import _thread
go = globals()["go"] = bytearray((1,))
def body():
    while go[0]:
        job.act[1]()
        time.sleep_ms(5)
job.begin_all()
_thread.start_new_thread(body, ())
job.wait()"""
    decoded = runner.run_code(body)
    runner.exec("go[0] = 0")

    assert runner.end(decoded)["strays"] == "4"


def test_nothing_is_left_by_any_technique(runner):
    for technique in ("thread", "event_irq", "asyncio_flag", "periodic_operator"):
        decoded = runner.run(technique, "irq")
        assert runner.end(decoded)["strays"] == "0", technique


LEFT = {
    "a global variable": "n = 0\ndef f(t):\n global n\n n += 1\n",
    "an attribute": (
        "class Blinker:\n def __init__(self):\n  self.on = 0\n"
        " def f(self, t):\n  self.on += 1\nb = Blinker()\nf = b.f\n"
    ),
    "a pin": (
        "from machine import Pin\nled = Pin(9, Pin.OUT)\ndef f(t):\n led.value(1 - led.value())\n"
    ),
    "printing": "def f(t):\n print('tick')\n",
}
SEEN = {
    "a global variable": "n went on changing",
    "an attribute": "b.on went on changing",
    "a pin": "led went on changing",
    "printing": "it went on printing, first 'tick'",
}
START = "from machine import Timer\nt = Timer(-1)\nt.init(period=7, callback=f)\n"


def program(board, code):
    """What a user's own program leaves: run at the prompt, interrupted, gone."""
    with RawRepl(board.port) as repl:
        repl.enter()
        repl.exec(code)


@pytest.mark.parametrize("what", LEFT)
def test_a_session_shows_what_a_user_left_running_and_stops_it(what):
    with VirtualBoard() as board:
        program(board, LEFT[what] + START)
        with Session(parse_board(board.port)) as session:
            assert any(SEEN[what] in line for line in session.strays), session.strays
        with Session(parse_board(board.port)) as session:  # the soft reset stopped it
            assert session.strays == ()


def test_rare_changes_are_seen_where_a_program_has_been():
    """A timer of 0.3 s fires within the look, and where no program has been it is a short one."""
    with VirtualBoard() as board, RawRepl(board.port) as repl:
        repl.enter()
        begin = time.monotonic()
        assert look_for_strays(repl) == ()
        short_s = time.monotonic() - begin

        repl.enter()
        repl.exec(LEFT["printing"] + START.replace("period=7", "period=300"))
        begin = time.monotonic()
        assert look_for_strays(repl) == ("it went on printing, first 'tick'",)
        assert time.monotonic() - begin > 2 * short_s


def test_a_session_leaves_nothing_of_its_own_on_the_board(tmp_path):
    with VirtualBoard() as board:
        with Session(parse_board(board.port)) as session:
            session.capture(calibration_plan(), tmp_path / "capture")
            assert b"hil_main" in session.run("print(dir())")
        with RawRepl(board.port) as repl:
            repl.enter(soft_reset=False)
            assert b"hil" not in repl.exec("print(dir())")


def test_a_thread_is_seen_too():
    code = (
        "import _thread, time\nturns = [0]\ndef body():\n while True:\n  turns.append(0)\n"
        "  time.sleep_ms(5)\n_thread.start_new_thread(body, ())\n"
    )
    with VirtualBoard() as board:
        program(board, code)
        with Session(parse_board(board.port)) as session:
            assert "turns went on changing" in session.strays


def test_a_quiet_board_has_nothing_to_show():
    code = "x = 5\nfrom machine import Pin, Timer\np = Pin(9, Pin.OUT)\nt = Timer(-1)\nl = [1, 2]\n"
    with VirtualBoard() as board:
        program(board, code)
        with Session(parse_board(board.port)) as session:
            assert session.strays == ()


def test_looking_changes_nothing():
    with VirtualBoard() as board, RawRepl(board.port) as repl:
        repl.enter()
        repl.exec("x = 5\nfrom machine import Pin\np = Pin(9, Pin.OUT)\np.value(1)\n")
        look_for_strays(repl)
        assert repl.exec("print(x, p.value(), 'OUT' in repr(p))").strip() == b"5 1 True"


def test_a_capture_that_leaves_something_is_followed_by_a_fresh_start(tmp_path, monkeypatch):
    """A technique whose timer outlives it: counted, and stopped before the next one begins."""
    bad = agents.pieces("techniques/timer_soft.py")
    real = agents.pieces

    def pieces(path, **more):
        if path != "techniques/timer_soft.py":
            return real(path, **more)
        return [piece.replace("job.wait()", "job.wait()\n del job.exits[-2:]") for piece in bad]

    monkeypatch.setattr(agents, "pieces", pieces)
    tasks = (TaskPlan(0, 10_000), TaskPlan(1, 10_000))
    source = LiveSource(Session(parse_board("sim")), tmp_path, 0)
    try:
        taken = source.take(Case(CapturePlan("timer_soft", "idle", tasks, 200_000)), None)
        assert taken.counters["strays"] > 0
        rows = {m.metric: m.value for m in measure(taken) if m.task is None}
        assert rows["callbacks_after_stop"] == taken.counters["strays"]
        # what is left is gone: the board has been started afresh, the next capture is clean
        shown = source._session._repl.exec("import sim_controller\nprint(sim_controller.slots[0])")
        assert shown.strip() == b"None"
        again = source.take(Case(CapturePlan("timer_hard", "idle", tasks, 200_000)), None)
        assert again.counters["strays"] == 0
    finally:
        source.close()


def test_the_run_tells_what_was_left(pytester):
    pytester.makepyfile("def test_late(figures): figures.check('missed')")
    with VirtualBoard() as board:
        program(board, LEFT["a global variable"] + START)
        result = pytester.runpytest_subprocess(
            f"--board={board.port}",
            "--hil-technique=timer_hard",
            "--hil-duration-s=0.3",
            "--hil-out=out",
        )
    result.assert_outcomes(passed=1)
    results = json.loads((pytester.path / "out" / "latest" / "results.json").read_text())
    (told,) = [skip for skip in results["skipped"] if "left something running" in skip["reason"]]
    assert "n went on changing" in told["reason"]
    assert "left something running" in (pytester.path / "out/latest/report.html").read_text()
