# What interrupts and the main program share: the interrupt lock, the queue of soft callbacks, and
# the ways to wake a sleeping main. All is preallocated; interrupt code never allocates.
import _thread

import micropython
import sim_config as cfg
import uselect
import utime
from sim_clock import now

ident = _thread.get_ident
MAIN = ident()
_schedule = micropython.schedule
_nsleep = utime.sleep_us

controller = 0  # identity of the controller's thread, once it runs
queued = 0  # soft callbacks sent by other threads than main, and how many of them main has begun
done = 0
lost = 0  # soft interrupts lost because the queue was full
waiting = 0  # main sleeps in a poll that may be woken: 1 time.sleep*, 2 select
_fn = [None] * 32
_arg = [None] * 32
_ring = 0
_ring_other = 0

_wake_in = open(cfg.fd_wake[0], "rb")
_wake_out = open(cfg.fd_wake[1], "wb")
_poke_out = open(cfg.fd_poke[1], "wb")
_poller = uselect.poll()
_poller.register(_wake_in, uselect.POLLIN)
_notice_out = open(cfg.fd_notice, "wb")  # to the supervisor
_drain = bytearray(64)
for _ in _poller.ipoll(0):  # makes the poller's tuple now
    pass

_mutex = _thread.allocate_lock()
_others = _thread.allocate_lock()
_owner = 0
_depth = 0


def lock():
    global _owner, _depth
    me = ident()
    if _owner == me:
        _depth += 1
        return
    _mutex.acquire()
    _owner = me
    _depth = 1


def unlock():
    global _owner, _depth
    _depth -= 1
    if _depth == 0:
        _owner = 0
        _mutex.release()


def disable_irq():
    lock()
    return _depth - 1


def enable_irq(state=0):
    while _owner == ident() and _depth > state:
        unlock()


def poke():
    # Make the controller look at its deadlines again.
    if ident() != controller:
        _poke_out.write(b"p")


def wake(level=1):
    global waiting
    if waiting >= level:
        waiting = 0
        _wake_out.write(b"w")


def _run(i):
    global done
    fn = _fn[i]
    done += 1
    try:
        fn(_arg[i])
    except KeyboardInterrupt:  # meant for the program: the scheduler would only print it
        _notice_out.write(b"c")


def schedule(fn, arg):
    # As micropython.schedule, and it reaches a main program that sleeps or sits at the prompt.
    global _ring, _ring_other, queued
    me = ident()
    if me == MAIN:
        _schedule(fn, arg)
    elif me == controller:
        i = _ring & 15
        _fn[i] = fn
        _arg[i] = arg
        _schedule(_run, i)
        _ring += 1
        queued += 1
        wake()
    else:
        with _others:
            i = 16 + (_ring_other & 15)
            _fn[i] = fn
            _arg[i] = arg
            _schedule(_run, i)
            _ring_other += 1
            queued += 1
        wake()
        poke()


def soft(fn, arg):
    # A soft interrupt: lost without a word when the queue is full, as on silicon.
    global lost
    try:
        schedule(fn, arg)
    except RuntimeError:
        lost += 1


def clear_wake():
    _wake_in.readinto(_drain)


def sleep_until(due):
    # Main only. Soft callbacks wake the poll; the last part goes in pieces.
    global waiting
    while True:
        left = due - now()
        if left <= 0:
            return
        if left > 1500:
            waiting = 1
            left = due - now()  # a jump follows, where callbacks sent before the flag are run
            if left > 1500:
                for _ in _poller.ipoll((left - 500) // 1000):
                    clear_wake()
            waiting = 0
        else:
            _nsleep(left if left < 200 else 150)


def lost_count():
    return lost
