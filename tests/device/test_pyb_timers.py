"""Hard callbacks by pyb.Timer, where machine.Timer has none: a stand-in for an older stm32 port.

Its callbacks run as the embedded board's hard ones do, under a locked heap.
"""

import pytest

from hil.agents import bundle
from hil.boards import identity
from hil.experiments.plan import capture_job, find_profile, make_cases
from hil.recording.capture_reader import read_capture
from hil.recording.validity import require_valid

OLD_STM32 = """\
import machine, sys
class OldTimer:
    PERIODIC = 1
    ONE_SHOT = 0
    Real = machine.Timer
    def __init__(self, id=-1):
        if id != -1:
            raise ValueError("Timer doesn't exist")
        self.real = self.Real(-1)
    def init(self, *, mode=1, period=-1, tick_hz=1000, freq=None, callback=None):
        if tick_hz == 1000000:
            period = (period + 999) // 1000  # it counts milliseconds
        self.real.init(mode=mode, period=period, callback=callback)
    def deinit(self):
        self.real.deinit()
class Numbered:
    Real = machine.Timer
    made = {}
    log = []
    def __init__(self, number):
        if number not in (1, 2, 3, 4, 5, 6, 7, 12, 13):
            raise ValueError("Timer(%d) doesn't exist" % number)
        self.made[number] = self
        self.real = self.Real(-1)
        self.call = None
        self.bound = self.fired
    def fired(self, timer):
        if self.call:
            self.call(self)
    def init(self, prescaler=0, period=0, callback=None):
        if not 0 <= prescaler < 65536 or not 0 <= period < 65536:
            raise ValueError("must be 16 bits")
        self.us = (prescaler + 1) * (period + 1) // 84
        self.call = callback
        self.real.init(period=self.us, tick_hz=1000000, callback=self.bound, hard=True)
    def callback(self, call):
        self.call = call
        if call is None:
            self.real.deinit()
    def source_freq(self):
        return 84000000
    def deinit(self):
        self.callback(None)
class Pyb:
    Timer = Numbered
sys.modules["pyb"] = Pyb
machine.Timer = OldTimer
"""


@pytest.fixture
def old(connect_board):
    """A runner on such a board; its capabilities are those that the probe finds."""
    with connect_board("") as runner:
        runner.exec(OLD_STM32)
        runner.capabilities = tuple(identity.probe_board(runner.repl)["caps"].split(","))
        yield runner


def test_the_probe_sees_both_timers(old):
    assert {"timer", "timer_hard", "timer_pyb", "timer_legacy"} <= set(old.capabilities)


def test_a_port_whose_pyb_is_another_one_is_left_alone(connect_board):
    with connect_board("irq_hard=0") as runner:
        runner.exec("import sys\nclass Pyb:\n    class Timer:\n        def __init__(s, n): pass\n")
        runner.exec("sys.modules['pyb'] = Pyb")
        caps = identity.probe_board(runner.repl)["caps"].split(",")
        assert "timer" in caps
        assert not {"timer_pyb", "timer_hard"} & set(caps)


def test_the_file_goes_where_it_is_needed_only():
    def names(technique, *capabilities):
        return [path for path, _ in bundle.sources(technique, capabilities=capabilities)]

    have = names("timer_hard", "timer", "timer_hard", "timer_pyb")
    assert have.index("lib/pyb_timers.py") > have.index("lib/timers.py")
    assert "lib/pyb_timers.py" not in names("timer_hard", "timer", "timer_hard")
    assert "lib/pyb_timers.py" not in names("round_robin", "timer", "timer_hard", "timer_pyb")


@pytest.mark.parametrize("technique", ["timer_hard", "event_irq", "round_robin_irq"])
def test_hard_callbacks_run_under_a_locked_heap(old, technique):
    """One that allocated would end its timer with a traceback."""
    decoded = old.run(technique, isr_events=30)
    said = old.end(decoded)
    assert said["status"] == "ok", decoded.texts
    assert len(decoded.channels["task0"].values) in (29, 30)
    assert not [line for line in decoded.log if "Error" in line or "uncaught" in line]
    used = old.exec("print(sorted(Numbered.made), [t.call for t in Numbered.made.values()])")
    assert "4" in used  # a hardware timer it was, none of those that the board itself uses
    assert not {"1", "2", "3", "5", "6"} & set(used.partition("]")[0].strip("[").split(", "))
    assert "function" not in used  # and none is left with a callback
    if technique == "event_irq":
        assert "isr.loopback/hard" in decoded.channels


def test_soft_callbacks_stay_with_the_soft_timer(old):
    assert old.end(old.run("timer_soft"))["status"] == "ok"
    assert old.exec("print(list(Numbered.made))").strip() == "[4]"  # the probe's own look


@pytest.mark.parametrize("us", [100, 1_000, 33_333, 65_536, 70_000, 999_999, 1_000_000, 20_000_000])
def test_every_period_is_exact(old, us):
    old.deploy("timer_hard")
    asked = f"t = Timer(-1)\nt.init(mode=1, period={us}, tick_hz=1000000, callback=bool, hard=True)"
    assert old.exec(f"{asked}\nprint(t.own.us)\nt.deinit()") == f"{us}\n"


def test_what_it_cannot_count_is_said(old):
    old.deploy("timer_hard")
    for us in (65_537, 60_000_000):  # a prime, and more than its counter takes
        code = f"t = Timer(-1)\ntry:\n    t.init(1, {us}, bool, 1000000, True)\n"
        assert "no hard timer for" in old.exec(f"{code}except NoTimer as e:\n    print(e)\n")
        assert old.exec("t.deinit()\nprint(len(Timer.free))") == "8\n"


def test_hardware_timers_run_out_and_come_back(old):
    old.deploy("timer_hard")
    old.exec("some = [Timer(-1) for _ in range(5)]")
    take = "for t in some:\n    t.init(1, 10, bool, 1000, True)\n"
    said = old.exec(f"try:\n    {take.replace(chr(10), chr(10) + '    ')}\nexcept NoTimer as e:\n"
                    "    print(e)\n")  # fmt: skip
    assert said == "no hardware timer left\n"  # 4, 7, 12 and 13 are there
    assert old.exec("for t in some: t.deinit()\nsome[4].init(1, 10, bool, 1000, True)\n"
                    "print(some[4].number)\nsome[4].deinit()") == "4\n"  # fmt: skip


def test_a_whole_session_on_such_a_board(session_on, tmp_path):
    (tmp_path / "boot.py").write_text(OLD_STM32)
    (case,) = make_cases(
        find_profile("quick"), ["timer_hard"], ["idle"], period_ms=10, duration_s=0.4, windows=1
    )
    with session_on(tmp_path) as session:
        assert "timer_pyb" in session.identity.capabilities
        session.capture(capture_job(case, session.board), tmp_path / "a.hilcap")
    capture = read_capture(tmp_path / "a.hilcap")
    require_valid(capture)
    assert min(len(track.stamps_us) for track in capture.tracks) in (39, 40)


def test_a_one_shot_fires_once_and_can_be_armed_again(old):
    old.deploy("timer_hard")
    old.exec("n = [0]\ndef call(t):\n    n[0] += 1\nt = Timer(-1)\nimport time")
    for times in (1, 2):
        once = "t.init(Timer.ONE_SHOT, 5, call, 1000, True)\ntime.sleep_ms(60)\nprint(n[0])"
        assert old.exec(once) == f"{times}\n"
    old.exec("t.deinit()")
