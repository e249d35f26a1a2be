# The interrupt controller: one thread that fires timers at their deadlines and takes stimuli from
# the host. Its heap is locked, so a hard callback that allocates gets MemoryError as on silicon.
import _thread
import sys

import micropython
import sim_config as cfg
import sim_irq as irq
import uselect
import utime
from sim_clock import now, spin_until

_FAR = 1 << 60
_SPIN = cfg.spin_us
_NOTICE = 1000  # us that main may take for a soft callback before it is looked for at the prompt
slots = [None] * 64  # what has a deadline: `_due` (host us) and `_fire()`
_top = 0
_nsleep = utime.sleep_us
_poke_in = open(cfg.fd_poke[0], "rb")
_host_in = open(cfg.fd_host, "rb")
_poller = uselect.poll()
_poller.register(_poke_in, uselect.POLLIN)
_poller.register(_host_in, uselect.POLLIN)
_bytes = bytearray(64)
_message = bytearray(2)
_stimulus = None  # of sim_pin: called with (pin, level) for each stimulus of the host
for _ in _poller.ipoll(0):
    pass


def add(source):
    # Caller holds the interrupt lock. The slot stays while the source is armed.
    global _top
    if source._slot < 0:
        i = 0
        while slots[i] is not None:
            i += 1
        if i >= _top:
            _top = i + 1
        source._slot = i
        slots[i] = source
    irq.poke()


def drop(source):
    global _top
    if source._slot >= 0:
        slots[source._slot] = None
        source._slot = -1
        while _top and slots[_top - 1] is None:
            _top -= 1


def run_hard(fn, arg, what):
    # Runs a hard callback; false if it raised: the traceback goes to the REPL as on a board.
    try:
        fn(arg)
        return True
    except BaseException as e:
        print("uncaught exception in", what, "callback")
        sys.print_exception(e)
        return False


def request(what):
    # Tell the supervisor: b"b" booted, b"n" look at main in its prompt, b"R" reset, b"D" reset as
    # after deep sleep, b"c" Ctrl-C again.
    irq._notice_out.write(what)


def set_stimulus(fn):
    global _stimulus
    _stimulus = fn


def _read():
    _poke_in.readinto(_bytes)
    while _host_in.readinto(_message) == 2:
        if _stimulus is not None:
            irq.lock()
            run_hard(_stimulate, 0, "Pin")
            irq.unlock()


def _stimulate(_):
    _stimulus(_message[0], _message[1])


def _loop():
    micropython.heap_lock()
    irq.controller = irq.ident()
    seen = irq.done
    notice = 0  # when to look for main at the prompt; 0: nothing outstanding
    gap = _NOTICE
    while True:
        due = _FAR
        best = None
        for i in range(_top):
            s = slots[i]
            if s is not None and s._due < due:
                due = s._due
                best = s
        n = now()
        if irq.queued == irq.done:
            notice = 0
        elif notice == 0 or seen != irq.done:
            seen = irq.done
            gap = _NOTICE
            notice = n + gap
        elif n >= notice:
            request(b"n")
            if gap < 20000:
                gap += gap
            notice = n + gap
        left = due - n
        if left <= _SPIN:
            spin_until(due)
            best._fire()
            continue
        if notice and notice < due:
            left = notice - n + _SPIN
        if left > 1500 + _SPIN:
            for _ in _poller.ipoll(-1 if left > _FAR >> 1 else (left - _SPIN) // 1000):
                _read()
        elif left > _SPIN:
            _nsleep(left - _SPIN if left - _SPIN < 500 else 400)


def start():
    _thread.stack_size(64 * 1024)
    _thread.start_new_thread(_loop, ())
    _thread.stack_size(0)
    while not irq.controller:
        _nsleep(50)
