# machine.Timer: absolute deadlines on the board's clock, late ones catch up in a burst.
import sim_config as cfg
import sim_controller as controller
import sim_irq as irq
from sim_clock import board, host, now

_noise = cfg.noise_ns  # quantiles of the normal distribution, scaled to jitter_us
_state = cfg.seed * 2654435761 % 4294967291 + 1
_numbered = [None] * cfg.timers


def noise_us():
    # One draw per deadline from the seeded generator (xorshift, 32 bits).
    global _state
    x = _state
    x ^= (x << 13) & 0xFFFFFFFF
    x ^= x >> 17
    x ^= (x << 5) & 0xFFFFFFFF
    _state = x
    return (_noise[x % len(_noise)] + 500) // 1000


class Timer:
    ONE_SHOT = 0
    PERIODIC = 1

    def __init__(self, id=-1, **kw):
        self._id = id
        self._slot = -1
        self._due = 0
        self._at = 0  # the deadline on the board's clock, without noise
        self._period = 0
        self._mode = 1
        self._hard = False
        self._callback = None
        self._fired = None
        if id != -1:
            if not isinstance(id, int) or not 0 <= id < len(_numbered):
                raise ValueError("Timer doesn't exist")
            old = _numbered[id]
            if old is not None:
                old.deinit()
            _numbered[id] = self
        if kw:
            self.init(**kw)

    def __repr__(self):
        mode = "PERIODIC" if self._mode else "ONE_SHOT"
        return "Timer(%d, mode=%s, period_us=%d)" % (self._id, mode, self._period)

    def init(self, *, mode=1, period=-1, tick_hz=1000, freq=None, callback=None, hard=False):
        if freq is not None:
            us = 1000000 // freq if isinstance(freq, int) else int(1000000 / freq)
        else:
            us = period * 1000000 // tick_hz
        if period <= 0 and freq is None:
            raise ValueError("period must be positive")
        if hard and not cfg.irq_hard:
            raise ValueError("hard Timers are not implemented")
        if callback is not None and not callable(callback):
            raise ValueError("callback must be None or callable")
        irq.lock()
        try:
            self._mode = mode
            self._period = us if us > 0 else 1
            self._hard = hard
            self._callback = callback
            self._at = board(now()) + self._period
            self._arm()
            controller.add(self)
        finally:
            irq.unlock()

    def deinit(self):
        irq.lock()
        controller.drop(self)
        self._callback = None
        irq.unlock()

    def _arm(self):
        due = host(self._at) + cfg.latency_us
        if _noise:
            due += noise_us()
        self._due = due

    def _fire(self):
        irq.lock()
        if self._slot < 0 or now() < self._due:  # stopped or moved meanwhile
            irq.unlock()
            return
        call = self._callback
        if self._mode:
            self._at += self._period
            self._arm()
        else:
            controller.drop(self)
        if call is None:
            irq.unlock()
        elif self._hard:
            if not controller.run_hard(call, self, "Timer"):
                controller.drop(self)
            irq.unlock()
            irq.wake(2)
        else:
            self._fired = call
            irq.soft(_soft, self)  # under the lock: once stopped, a timer queues no more
            irq.unlock()


def _soft(timer):
    timer._fired(timer)


class Pause:
    # Forced pauses of the main program: soft callbacks wait behind them, hard ones do not.
    def __init__(self, pause_us, every_us, sleep):
        self._slot = -1
        self._pause = pause_us
        self._every = every_us
        self._sleep = sleep
        self._due = now() + every_us
        self._go = self._stop_main
        irq.lock()
        controller.add(self)
        irq.unlock()

    def _fire(self):
        self._due += self._every
        irq.soft(self._go, None)

    def _stop_main(self, _):
        self._sleep(self._pause)
