# What the two forms of `select` share: which objects are watched, and select() made from poll().
import uselect
from uselect import POLLERR, POLLHUP, POLLIN, POLLOUT

_nothing = iter(())  # for ever at its end: an event loop that polls takes no heap, as with the VM's


class Poll:
    def __init__(self):
        self._p = uselect.poll()
        self._native = 0  # objects that the VM asks
        self._own = []  # objects of Python: one of them makes the VM's own poll(0) take 1 ms

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
        return self._wait(-1 if timeout is None else timeout)

    def ipoll(self, timeout=-1, flags=0):
        out = self._wait(-1 if timeout is None else timeout)
        return iter(out) if out else _nothing

    def _ask_own(self):
        out = None
        for obj, mask in self._own:
            mask = obj.ioctl(3, mask)
            if mask:
                out = [(obj, mask)] if out is None else out + [(obj, mask)]
        return out


def select_with(p, rlist, wlist, xlist, timeout):
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
