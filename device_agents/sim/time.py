# ruff: noqa: F401
# `time` on the board's clock. A sleep never ends early; soft callbacks run while main sleeps.
import sim_irq as _irq
import utime
from sim_clock import HALF as _HALF
from sim_clock import MASK as _MASK
from sim_clock import board as _board
from sim_clock import host as _host
from sim_clock import stepped as _stepped
from sim_clock import ticks_diff, ticks_us
from sim_now import VIRTUAL as _VIRTUAL
from sim_now import born_ns as _born_ns
from sim_now import now as _now
from sim_now import round_up as _round_up
from utime import gmtime, localtime, mktime

_born = _born_ns(_board(_now()))
_main = _irq.MAIN
_ident = _irq.ident
_nsleep = utime.sleep_us


def ticks_ms():
    return _stepped() // 1000 & _MASK


def ticks_cpu():
    return ticks_us()


def ticks_add(ticks, delta):
    if not -_HALF < delta < _HALF:
        raise OverflowError("ticks interval overflow")
    return (ticks + delta) & _MASK


def time_ns():
    return _born + _stepped() * 1000


def time():
    return time_ns() // 1000000000


def _sleep(us):
    if us <= 0:
        return
    due = _host(_board(_round_up()) + us)
    if _VIRTUAL or _ident() == _main:
        _irq.sleep_until(due)
        return
    while True:
        left = due - _now()
        if left <= 0:
            return
        _nsleep(left if left < 100000 else 100000)


def sleep_us(us):
    _sleep(us)


def sleep_ms(ms):
    _sleep(ms * 1000)


def sleep(s):
    _sleep(s * 1000000 if isinstance(s, int) else int(s * 1000000))
