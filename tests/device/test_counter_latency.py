"""Latency from a timer's own counter, with a stand-in for pyb.Timer."""

from hil.protocol.events import read_events

PYB = """\
import sys
import time
import machine
class Timer:
    '''Counts microseconds from its update event; reads 7 more, as if the handler came late.'''
    def __init__(self, number):
        if number == 7:
            raise ValueError("in use")
        self.real = machine.Timer(-1)
        self.zero = self.us = 0
        self.fn = None
        self.count = self.counter
        self.fire = self.update
    def source_freq(self):
        return 84000000
    def init(self, prescaler, period):
        assert prescaler == 83
        self.us = period + 1
    def counter(self):
        return time.ticks_diff(time.ticks_us(), self.zero) + 7
    def update(self, _):
        self.zero = time.ticks_us()
        self.fn(self)
    def callback(self, fn):
        self.fn = fn
        if fn:
            self.real.init(period=self.us, tick_hz=1000000, callback=self.fire, hard=True)
        else:
            self.real.deinit()
    def deinit(self):
        self.real.deinit()
class Pyb:
    pass
Pyb.Timer = Timer
sys.modules["pyb"] = Pyb
"""


def test_the_counter_is_read_first_and_nothing_else_is_added(connect_board):
    with connect_board("") as runner:
        runner.exec(PYB)
        decoded = runner.run("timer_hard", counter_events=200)

        assert runner.end(decoded)["status"] == "ok"
        counted = decoded.channels["count.timer-counter/hard"]
        assert len(counted.values) == 200
        assert set(counted.values.tolist()) == {8}  # the read, and what the stand-in adds
        said = {name: int(runner.end(decoded)[name]) for name in ("counter_us", "counter_calls")}
        sets = read_events(decoded.channels, said, None, print)
        (events,) = [e for e in sets if "counter" in e.method]
        assert events.between == "counter"
        assert events.counter_cost_us == 1.0  # the stand-in's read of the clock
        assert (events.handler_us - events.stimulus_us == counted.values).all()


def test_a_port_without_such_a_timer_gives_no_such_figures(runner):
    decoded = runner.run("timer_hard", counter_events=50)
    assert runner.end(decoded)["status"] == "ok"
    assert not any(name.startswith("count.") for name in decoded.channels)
