"""The port's own timer of a HilTimer, for code that wants machine.Timer's init() and deinit()."""

from lib.timers import Timer


class InitTimer:
    """init() and deinit() for ports whose timers have only a constructor and start()."""

    PERIODIC = 1

    def __init__(self, timer):
        self.start = timer.start_plain
        self.deinit = timer.stop

    def init(self, mode, period, callback, tick_hz=1000):
        self.start(period * 1000000 // tick_hz, Timer.PERIODIC, callback)


def raw_timer(timer):
    """Something with the init() and deinit() of machine.Timer, stopped when the job ends."""
    if not timer.timer:
        timer.timer = Timer(timer.id)
    return timer.timer if hasattr(timer.timer, "init") else InitTimer(timer)
