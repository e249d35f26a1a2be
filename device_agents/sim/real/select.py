# `select` whose waits end when a soft callback or a flag set by an interrupt needs main.
import sim_irq as _irq
import uselect
from sim_clock import board as _board
from sim_clock import host as _host
from sim_clock import now as _now
from uselect import POLLERR, POLLHUP, POLLIN, POLLOUT

_wake_in = _irq._wake_in
_nothing = iter(())  # for ever at its end: an event loop that polls takes no heap, as with the VM's


class poll:
    def __init__(self):
        self._p = uselect.poll()
        self._own = []  # objects of Python: one of them makes the VM's own poll(0) take 1 ms
        self._woken = _irq.ident() == _irq.MAIN
        if self._woken:
            self._p.register(_wake_in, POLLIN)

    def register(self, obj, mask=POLLIN | POLLOUT):
        if hasattr(obj, "ioctl"):
            self._drop(obj)
            self._own.append((obj, mask))
        else:
            self._p.register(obj, mask)

    def _drop(self, obj):
        for i in range(len(self._own)):
            if self._own[i][0] is obj:
                del self._own[i]
                return True
        return False

    def unregister(self, obj):
        if not self._drop(obj):
            self._p.unregister(obj)

    def modify(self, obj, mask):
        if self._drop(obj):
            self._own.append((obj, mask))
        else:
            self._p.modify(obj, mask)

    def poll(self, timeout=-1, flags=0):
        return self._wait(timeout)

    def ipoll(self, timeout=-1, flags=0):
        out = self._wait(timeout)
        return iter(out) if out else _nothing

    def _once(self, ms):
        out = None
        if self._own:
            for obj, mask in self._own:
                mask = obj.ioctl(3, mask)
                if mask:
                    out = [(obj, mask)] if out is None else out + [(obj, mask)]
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
        if timeout is None:
            timeout = -1
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
    p = poll()
    for obj in rlist:
        p.register(obj, POLLIN)
    for obj in wlist:
        if obj in rlist:
            p.modify(obj, POLLIN | POLLOUT)
        else:
            p.register(obj, POLLOUT)
    got = p.poll(-1 if timeout is None else int(timeout * 1000))
    r = [o for o, m in got if m & (POLLIN | POLLHUP) and o in rlist]
    w = [o for o, m in got if m & POLLOUT and o in wlist]
    x = [o for o, m in got if m & POLLERR and o in xlist]
    return r, w, x
