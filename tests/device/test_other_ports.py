"""Whole sessions on boards whose `machine` has the forms of other ports.

The embedded board's own boot.py puts them in place at every start, so the probe, the agents and the
recovery meet them as they would on silicon; the agents' files are the same as everywhere.
"""

import pytest

from hil.experiments.plan import Case, calibration_plan, capture_job, find_profile, make_cases
from hil.model.errors import CapabilityMissing
from hil.recording.capture_reader import read_capture
from hil.recording.validity import require_valid

# The id by position only, no keywords with it; a hard callback and a hard interrupt are refused
# with ValueError; no threads, and asyncio under its old name.
ESP8266 = """\
import machine, sys, builtins
class Timer:
    PERIODIC = 1
    ONE_SHOT = 0
    Real = machine.Timer
    def __init__(self, *args, **options):
        if len(args) != 1 or options:
            raise TypeError("function missing required positional argument")
        self.real = self.Real(-1)
    def init(self, *, mode=1, period=-1, tick_hz=1000, freq=None, callback=None, hard=False):
        if hard:
            raise ValueError("hard Timers are not implemented")
        self.real.init(mode=mode, period=period, tick_hz=tick_hz, freq=freq, callback=callback)
    def deinit(self):
        self.real.deinit()
def port_irq(self, handler=None, trigger=12, *, hard=False, real=machine.Pin.irq):
    if hard:
        raise ValueError("hard IRQ not supported")
    return real(self, handler, trigger)
machine.Pin.irq = port_irq
machine.Timer = Timer
real_import = builtins.__import__
def port_import(name, *args):
    if name in ("_thread", "asyncio"):
        raise ImportError("no module named '%s'" % name)
    return real_import("asyncio" if name == "uasyncio" else name, *args)
builtins.__import__ = port_import
"""

# Pin.irq gives nothing back, soft timers count milliseconds and take no hard=.
STM32 = """\
import machine
class Timer:
    PERIODIC = 1
    ONE_SHOT = 0
    Real = machine.Timer
    def __init__(self, id=-1, **options):
        if id != -1:
            raise ValueError("Timer doesn't exist")
        self.real = self.Real(-1)
        if options:
            self.init(**options)
    def init(self, *, mode=1, period=-1, tick_hz=1000, freq=None, callback=None):
        us = 1000000 // freq if freq else period * 1000000 // tick_hz
        self.real.init(mode=mode, period=max(1, us // 1000), callback=callback)
    def deinit(self):
        self.real.deinit()
def port_irq(self, handler=None, trigger=12, *, hard=False, real=machine.Pin.irq):
    real(self, handler, trigger, hard=hard)
machine.Pin.irq = port_irq
machine.Timer = Timer
"""


@pytest.fixture(params=[("esp8266", ESP8266), ("stm32", STM32)], ids=["esp8266", "stm32"])
def port(request, tmp_path, session_on):
    """A session on such a board, and which one it is."""
    name, boot = request.param
    root = tmp_path / "board"
    root.mkdir()
    (root / "boot.py").write_text(boot)
    with session_on(root) as session:
        yield name, session


def take(session, path, technique, load="idle"):
    (case,) = make_cases(
        find_profile("quick"), [technique], [load], period_ms=10, duration_s=0.3, windows=1
    )
    session.capture(capture_job(case, session.board), path)
    capture = read_capture(path)
    require_valid(capture)
    return capture


def test_a_session_on_another_port(port, tmp_path):
    name, session = port
    have = set(session.identity.capabilities)
    assert {"timer", "pin_irq", "asyncio", "pins"} <= have
    assert "timer_hard" not in have
    assert ("thread" in have) == (name == "stm32")
    session.capture(capture_job(Case(calibration_plan()), session.board), tmp_path / "calibration")
    for technique in ("timer_soft", "timer_oneshot", "cooperative", "event_irq", "asyncio_flag"):
        capture = take(session, tmp_path / technique, technique)
        assert min(len(track.stamps_us) for track in capture.tracks) >= 28, technique
        assert all(track.dropped == 0 for track in capture.tracks), technique
    with pytest.raises(CapabilityMissing, match="hard=True"):
        take(session, tmp_path / "timer_hard", "timer_hard")
    if name == "esp8266":
        with pytest.raises(CapabilityMissing, match="no _thread"):
            take(session, tmp_path / "thread", "thread")
    else:
        take(session, tmp_path / "thread", "thread")


def test_the_same_forms_are_there_after_a_fresh_start(port, tmp_path):
    name, session = port
    session.clean()
    assert b"port_irq" in session.run("import machine\nprint(machine.Pin.irq)")
    take(session, tmp_path / "a", "round_robin_irq")
    hard = "pin_irq_hard" in session.identity.capabilities
    assert hard == (name == "stm32")
