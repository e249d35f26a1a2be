# hil: needs=timer_pyb
"""machine.Timer with hard callbacks where only pyb.Timer has these (stm32 before MicroPython 1.27).

Soft ones stay with machine.Timer; a hard timer is a hardware timer that the board's own library
leaves alone (2 and 3 drive LEDs, 5 the servos, 6 the converters) which counts microseconds.
"""

import machine
import pyb
from lib.timers import NoTimer

SoftTimer = machine.Timer


class Timer:
    """One timer in both kinds; what it counts with is set up before the first interrupt."""

    PERIODIC = SoftTimer.PERIODIC
    ONE_SHOT = SoftTimer.ONE_SHOT
    free = [4, 7, 12, 13, 14, 8, 10, 11]
    number = call = None

    def __init__(self, id=-1):
        self.id = id
        self.own = SoftTimer(id)
        self.fired = self.fire_once

    def init(self, mode=1, period=0, callback=None, tick_hz=1000, hard=False):
        if not hard:
            if self.number:
                self.deinit()
            self.own.init(mode=mode, period=period, callback=callback, tick_hz=tick_hz)
            return
        if not self.number:
            self.take()
        us = period if tick_hz == 1000000 else period * 1000000 // tick_hz
        k = (us + 65535) // 65536
        while us % k:  # the next that divides it: no remainder to drift by
            k += 1
        if k * self.mhz > 65536:
            raise NoTimer("no hard timer for a period of %d us" % us)
        if mode == self.ONE_SHOT:
            self.call = callback
            callback = self.fired
        self.own.init(prescaler=k * self.mhz - 1, period=us // k - 1, callback=callback)

    def take(self):
        """A hardware timer of its own."""
        self.own.deinit()
        while self.free:
            number = self.free.pop(0)
            try:
                own = pyb.Timer(number)
                self.mhz = own.source_freq() // 1000000
            except Exception:
                continue  # this chip does not have it
            self.own = own
            self.number = number
            return
        raise NoTimer("no hardware timer left")

    def fire_once(self, timer):
        timer.callback(None)
        self.call(self)

    def deinit(self):
        """Stop, and give a hardware timer back."""
        self.own.deinit()
        if self.number:
            self.free.append(self.number)
            self.number = None
            self.own = SoftTimer(self.id)
