# ruff: noqa: F401
# `select` whose waits end when a soft callback or a flag set by an interrupt needs main.
import sim_irq as _irq
from sim_clock import board as _board
from sim_clock import host as _host
from sim_clock import now as _now
from sim_poll import Poll as _Poll
from sim_poll import select_with as _select_with
from uselect import POLLERR, POLLHUP, POLLIN, POLLOUT

_wake_in = _irq._wake_in


class poll(_Poll):
    def __init__(self):
        super().__init__()
        self._woken = _irq.ident() == _irq.MAIN
        if self._woken:
            self._p.register(_wake_in, POLLIN)

    def _once(self, ms):
        out = None
        if self._own:
            out = self._ask_own()
            if out is not None:
                ms = 0
            elif ms:  # a flag may come from another thread, which wakes nobody
                ms = 1
        for obj, mask in self._p.ipoll(ms):
            if obj is _wake_in:
                _irq.clear_wake()
            elif out is None:
                out = [(obj, mask)]
            else:
                out.append((obj, mask))
        return out

    def _wait(self, timeout):
        if timeout == 0:
            return self._once(0) or ()
        if not self._woken or _irq.ident() != _irq.MAIN:
            if self._woken:
                self._p.unregister(_wake_in)
                self._woken = False
            end = _now() + timeout * 1000
            while True:
                out = self._once(1 if self._own else timeout)
                if out or (timeout > 0 and _now() >= end):
                    return out or ()
        due = 0
        if timeout > 0:  # to a step of the millisecond clock, as ports count it
            due = _host((_board(_now()) // 1000 + timeout) * 1000)
        while True:
            left = due - _now()
            if due and left < 1500:
                out = self._once(0)
                if out or left <= 0:
                    return out or ()
                _irq._nsleep(left if left < 200 else 150)
                continue
            _irq.waiting = 2
            if due:
                left = due - _now()
            out = self._once((left - 500) // 1000 if due else -1)
            _irq.waiting = 0
            if out:
                return out


def select(rlist, wlist, xlist, timeout=None):
    return _select_with(poll(), rlist, wlist, xlist, timeout)
