# ruff: noqa: F401
# `select` in virtual time: a wait goes from event to event, and where main waits for the host's
# bytes, the host is asked.
import sim_now as _now
from sim_clock import board as _board
from sim_clock import host as _host
from sim_poll import Poll as _Poll
from sim_poll import select_with as _select_with
from uselect import POLLERR, POLLHUP, POLLIN, POLLOUT


class poll(_Poll):
    def _once(self):
        out = self._ask_own() if self._own else None
        if self._native:
            for obj, mask in self._p.ipoll(0):
                if out is None:
                    out = [(obj, mask)]
                else:
                    out.append((obj, mask))
        return out

    def _wait(self, timeout):
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
    return _select_with(poll(), rlist, wlist, xlist, timeout)
