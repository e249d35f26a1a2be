# `select` in virtual time: a wait goes from event to event, and where main waits for the host's
# bytes, the host is asked.
import sim_now as _now
import uselect
from sim_clock import board as _board
from sim_clock import host as _host
from uselect import POLLERR, POLLHUP, POLLIN, POLLOUT

_nothing = iter(())  # for ever at its end: an event loop that polls takes no heap, as with the VM's


class poll:
    def __init__(self):
        self._p = uselect.poll()
        self._native = 0
        self._own = []  # objects of Python, asked here

    def register(self, obj, mask=POLLIN | POLLOUT):
        if hasattr(obj, "ioctl"):
            self._drop(obj)
            self._own.append((obj, mask))
        else:
            self._p.register(obj, mask)
            self._native += 1

    def _drop(self, obj):
        for i in range(len(self._own)):
            if self._own[i][0] is obj:
                del self._own[i]
                return True
        return False

    def unregister(self, obj):
        if not self._drop(obj):
            self._p.unregister(obj)
            self._native -= 1

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

    def _once(self):
        out = None
        for obj, mask in self._own:
            mask = obj.ioctl(3, mask)
            if mask:
                out = [(obj, mask)] if out is None else out + [(obj, mask)]
        if self._native:
            for obj, mask in self._p.ipoll(0):
                if out is None:
                    out = [(obj, mask)]
                else:
                    out.append((obj, mask))
        return out

    def _wait(self, timeout):
        if timeout is None:
            timeout = -1
        if timeout == 0:
            return self._once() or ()
        due = _now.FAR
        if timeout > 0:  # to a step of the millisecond clock, as ports count it
            due = _host((_board(_now.now()) // 1000 + timeout) * 1000) * 1000
        asked = not self._native
        waits = not (_now.level or _now.masked or _now.thread is not None)
        while True:
            if waits and _now.count:
                _now._run_soft()
            out = self._once()
            if out or _now.ns >= due:
                return out or ()
            if not waits:
                left = due - _now.ns
                _now.sleep_until(_now.ns + (left if left < 1000000 else 1000000))
            elif asked:
                if not _now.count:
                    _now.wait_step(due)
            else:
                asked = True
                _now.ask_for_input()


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
