# machine.PWM: a waveform on the board's clock, high from the start of each period.
import sim_controller as controller
import sim_irq as irq
from sim_clock import board, host, now
from sim_pin import Pin


class PWM:
    def __init__(self, dest, *, freq=0, duty_u16=0, duty_ns=None, invert=False):
        self._pin = dest if isinstance(dest, Pin) else Pin(dest)
        self._slot = -1
        self._due = 0
        self._zero = 0  # on the board's clock
        self._n = 0
        self._high = False
        self._freq = self._duty = 0
        self.init(freq=freq, duty_u16=duty_u16, duty_ns=duty_ns, invert=invert)

    def init(self, *, freq=None, duty_u16=None, duty_ns=None, invert=None):
        if invert is not None:
            self._invert = 1 if invert else 0
        if freq is not None:
            self._freq = int(freq)
        if duty_u16 is not None:
            self._duty = min(max(int(duty_u16), 0), 65535)
        if duty_ns is not None:
            self._duty = min(max(duty_ns * 65536 * self._freq // 1000000000, 0), 65535)
        self._pin.init(Pin.OUT)
        self._begin()

    def deinit(self):
        irq.lock()
        self._freq = self._duty = 0
        self._begin()
        irq.unlock()

    def freq(self, hz=None):
        if hz is None:
            return self._freq
        if not 0 < hz <= 500000:
            raise ValueError("freq out of range")
        self.init(freq=hz)

    def duty_u16(self, duty=None):
        if duty is None:
            return self._duty
        self.init(duty_u16=duty)

    def duty_ns(self, ns=None):
        if ns is None:
            return self._duty * 1000000000 // (65536 * self._freq) if self._freq else 0
        self.init(duty_ns=ns)

    def _begin(self):
        # From now on with a whole period; all low or all high has no edges.
        irq.lock()
        controller.drop(self)
        waves = self._freq > 0 and 0 < self._duty < 65535
        self._n = 0
        self._zero = board(now())
        self._drive(waves or self._duty == 65535)
        if waves:
            self._arm()
            controller.add(self)
        irq.unlock()

    def _drive(self, high):
        self._high = high
        pin = self._pin
        level = (1 if high else 0) ^ self._invert
        if level != pin._latch:
            pin._latch = level
            pin._settle()

    def _arm(self):
        # The next edge, with no error that adds up.
        if self._high:
            part = self._n * 65536 + self._duty
        else:
            self._n += 1
            part = self._n * 65536
        self._due = host(self._zero + part * 1000000 // (65536 * self._freq))

    def _fire(self):
        irq.lock()
        if self._slot >= 0 and now() >= self._due:  # not changed meanwhile
            high = not self._high
            self._high = high
            self._arm()
            self._drive(high)
        irq.unlock()
