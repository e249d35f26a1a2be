# ruff: noqa: F401
# `machine` of the embedded board. `SIM` tells it from silicon, unique_id() is b"hil-sim" + seed.
import os as _os
from time import sleep_ms as _sleep_ms

import sim_config as _cfg
import sim_controller as _controller
import umachine as _native
import utime as _utime
from sim_irq import disable_irq, enable_irq
from sim_pin import Pin
from sim_pwm import PWM
from umachine import mem8, mem16, mem32, soft_reset

if _cfg.timer:
    from sim_timer import Timer
if _cfg.virtual:
    from sim_now import idle, store_cost
    from sim_pulse import time_pulse_us
else:
    from umachine import idle, time_pulse_us

SIM = True
CLOCK = "virtual" if _cfg.virtual else "real"
PinBase = _native.PinBase
PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5
_hz = 1000000000  # nominal: what a program sets it reads back, nothing depends on it


def unique_id():
    return b"hil-sim" + _cfg.seed.to_bytes(4, "big")


def freq(hz=None):
    global _hz
    if hz is None:
        return _hz
    _hz = int(hz)


def reset_cause():
    return int(_os.getenv("HIL_SIM_CAUSE") or 1)


def reset():
    _controller.request(b"R")
    while True:
        _utime.sleep_us(100000)


def lightsleep(ms=None):
    while ms is None:
        _sleep_ms(1000)
    _sleep_ms(ms)


def deepsleep(ms=None):
    lightsleep(ms)
    _controller.request(b"D")
    while True:
        _utime.sleep_us(100000)


class Signal:
    def __init__(self, pin, *args, invert=False, **kw):
        self._pin = pin if hasattr(pin, "value") else Pin(pin, *args, **kw)
        self._invert = 1 if invert else 0

    def value(self, v=None):
        if v is None:
            return self._pin.value() ^ self._invert
        self._pin.value((1 if v else 0) ^ self._invert)

    __call__ = value

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)
