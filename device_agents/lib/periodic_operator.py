"""Periodic work that a main program starts and stops, knowing nothing of timers.

    operator = PeriodicOperator(Timer(-1), 500, blink)
    operator.start()

Stands alone: works with any object that has the init() and deinit() of machine.Timer.
"""


class _PeriodicRun:
    # One run, from a start to its stop. What the timer still delivers after the stop, from the
    # queue of soft callbacks, belongs to a run that is over and goes nowhere.
    def __init__(self, operator):
        self.operator = operator
        self.callback = operator.callback
        self.live = True
        self.fired = self.fire  # bound here: an interrupt could not

    def fire(self, timer):
        if self.live:
            try:
                self.callback(timer)
            except BaseException:
                self.operator.stop()
                raise


class PeriodicOperator:
    """Calls callback(timer) every period, from start() to stop(), as often as these are called.

    period counts milliseconds, or ticks of tick_hz. hard=True asks for the interrupt itself, on
    ports that have it. A callback that raises stops the operator, on every port.
    """

    def __init__(self, timer, period, callback, tick_hz=1000, hard=False):
        self.timer = timer
        self.period = period
        self.callback = callback
        self.tick_hz = tick_hz
        self.hard = hard
        self._run = None

    def start(self, period=None):
        """Begin: the first callback comes after one period. For the main program: it allocates.

        When it runs already nothing happens, unless another period is given: then it begins anew.
        """
        if period is None:
            period = self.period
        if period <= 0:
            raise ValueError("period must be positive")
        if self._run:
            if period == self.period:
                return
            self.stop()
        self.period = period
        options = {}
        if self.tick_hz != 1000:
            options["tick_hz"] = self.tick_hz
        if self.hard:
            options["hard"] = True
        run = self._run = _PeriodicRun(self)
        try:
            mode = self.timer.PERIODIC
            self.timer.init(mode=mode, period=period, callback=run.fired, **options)
        except BaseException:
            self.stop()
            raise

    def stop(self):
        """End: no callback begins after this returns. May be called again, and by the callback."""
        run = self._run
        self._run = None
        if run:
            run.live = False
            self.timer.deinit()

    def running(self):
        """Whether the callback is being called."""
        return self._run is not None

    def __str__(self):
        state = "running" if self._run else "stopped"
        if self.tick_hz == 1000:
            return "PeriodicOperator: %s, every %d ms" % (state, self.period)
        return "PeriodicOperator: %s, every %d/%d s" % (state, self.period, self.tick_hz)
