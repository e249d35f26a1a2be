"""What goes on after its end is counted, whatever ended it."""

from contextlib import contextmanager

import pytest

from hil.agents import bundle
from hil.boards.backends.registry import parse_board
from hil.boards.backends.sim import VirtualBoard
from hil.boards.identity import find_leftover_activity
from hil.experiments.capture_sources import LiveSource
from hil.experiments.evaluation import summarise_capture
from hil.experiments.plan import Case
from hil.experiments.session import Session
from hil.model.captures import CapturePlan, TaskPlan

VIRTUAL = "clock=virtual"
TICKING = (
    "def f(t):\n print('tick')\n"
    "from machine import Timer\nt = Timer(-1)\nt.init(period=300, callback=f)\n"
)
LEFTOVER = """\
timer = HilTimer(job)
job.exits.pop()
globals()["leftover"] = timer
job.begin_all()
timer.periodic(5000, job.activate[0], {hard})
{end}"""
ENDS = ("job.wait()", 'time.sleep_ms(20)\nraise ValueError("boom")')


@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("end", ENDS)
def test_a_timer_that_runs_on_is_seen(runner, hard, end):
    decoded = runner.run_code(LEFTOVER.format(hard=hard, end=end))
    runner.exec("leftover.stop()")

    assert runner.end(decoded)["strays"] == "4"  # a period of 5 ms, watched for 21


@pytest.mark.parametrize("end", ENDS)
def test_a_timer_that_is_stopped_is_not(runner, end):
    decoded = runner.run_code(LEFTOVER.format(hard=False, end=end).replace("job.exits.pop()", ""))

    assert runner.end(decoded)["strays"] == "0"


def test_a_thread_that_goes_on_is_seen(runner):
    body = """\
import _thread
go = globals()["go"] = bytearray((1,))
def body():
    while go[0]:
        job.activate[1]()
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


@contextmanager
def in_step():
    board = VirtualBoard(VIRTUAL, hold=True)
    with board, board.open_repl() as repl:
        yield repl


def test_rare_changes_are_seen_where_a_program_has_been():
    """A timer of 0.3 s fires within the look, and where no program has been it is a short one."""
    with in_step() as repl:
        repl.enter()
        begin = repl.clock.now_ns()
        assert find_leftover_activity(repl) == ()
        short_ns = repl.clock.now_ns() - begin

        repl.enter()
        repl.exec(TICKING)
        begin = repl.clock.now_ns()
        assert find_leftover_activity(repl) == ("it went on printing, first 'tick'",)
        assert repl.clock.now_ns() - begin > 2 * short_ns


def test_a_pwm_that_runs_on_is_told_and_one_that_rests_is_not():
    with in_step() as repl:
        repl.enter()
        repl.exec(
            "from machine import PWM, Pin\n"
            "class Servo:\n def __init__(self, n, duty):\n"
            "  self.pwm = PWM(Pin(n), freq=50, duty_u16=duty)\n"
            "steering, resting = Servo(8, 5000), Servo(9, 0)\nlamp = PWM(Pin(10), freq=1000)\n"
            "lamp.duty_u16(65535)\nx = 5\n"
        )
        told = find_leftover_activity(repl)
        assert told == ("steering.pwm (a PWM or a state machine) went on running",)
        assert repl.exec("print(steering.pwm.duty_u16(), lamp.freq())").strip() == b"5000 1000"


def test_a_state_machine_that_runs_on_is_told():
    with in_step() as repl:
        repl.enter()
        repl.exec(
            "class StateMachine:\n def __init__(self, on):\n  self.on = on\n"
            " def active(self):\n  return self.on\n"
            "runs, rests = StateMachine(True), StateMachine(False)\n"
        )
        told = find_leftover_activity(repl)
        assert told == ("runs (a PWM or a state machine) went on running",)


def test_looking_changes_nothing():
    with in_step() as repl:
        repl.enter()
        repl.exec("x = 5\nfrom machine import Pin\np = Pin(9, Pin.OUT)\np.value(1)\n")
        find_leftover_activity(repl)
        assert repl.exec("print(x, p.value(), 'OUT' in repr(p))").strip() == b"5 1 True"


def test_a_capture_that_leaves_something_is_followed_by_a_fresh_start(tmp_path, monkeypatch):
    """A technique whose timer outlives it: counted, and stopped before the next one begins."""
    bad = bundle.pieces("techniques/timer_soft.py")
    real = bundle.pieces

    def pieces(path, **more):
        if path != "techniques/timer_soft.py":
            return real(path, **more)
        return [piece.replace("job.wait()", "job.wait()\n del job.exits[-2:]") for piece in bad]

    monkeypatch.setattr(bundle, "pieces", pieces)
    tasks = (TaskPlan(0, 10_000), TaskPlan(1, 10_000))
    source = LiveSource(Session(parse_board("sim:clock=virtual")), tmp_path, 0)
    try:
        taken = source.take(Case(CapturePlan("timer_soft", "idle", tasks, 200_000)), None)
        assert taken.counters["strays"] > 0
        rows = {m.metric: m.value for m in summarise_capture(taken).measurements if m.task is None}
        assert rows["callbacks_after_stop"] == taken.counters["strays"]
        # what is left is gone: the board has been started afresh, the next capture is clean
        shown = source._session._repl.exec("import sim_controller\nprint(sim_controller.slots[0])")
        assert shown.strip() == b"None"
        again = source.take(Case(CapturePlan("timer_hard", "idle", tasks, 200_000)), None)
        assert again.counters["strays"] == 0
    finally:
        source.close()
