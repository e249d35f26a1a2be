# The board's clock: the host's monotonic microseconds from the start of the board, skewed by
# `ppm`, stepped by `tick_us`, wrapped at 2**tick_bits. Small integers: nothing here allocates.
# What a program reads may also jump (`step_us`); deadlines are on the clock that does not.
# sim_now says what the host's time is: the real one, or a virtual one.
import sim_config as cfg
from sim_now import VIRTUAL, nap, now, read

zero = now() - cfg.phase_us  # host microseconds; every deadline of the controller is on this clock
MASK = (1 << cfg.tick_bits) - 1
HALF = (MASK + 1) // 2
_SKEW = cfg.skew  # (ppm * 1e-6) * 2**36, and its inverse
_BACK = cfg.skew_back
_STEP = cfg.step_ns
_JUMP = cfg.jump_us
_EVERY = cfg.jump_every_us


def fast(source, names):
    # Machine code where this VM can make it (not on every processor), else the same as bytecode.
    try:
        exec("@micropython.viper\n" + source, names)
    except (SyntaxError, NotImplementedError):
        exec(source, names)


def board(h):
    # Host time -> unwrapped, unstepped time of the board.
    d = h - zero
    return d + (d * _SKEW >> 36)


def host(b):
    # The first host microsecond at which the board's clock has reached `b`.
    h = zero + b + (b * _BACK >> 36)
    if _SKEW:
        while board(h) >= b:
            h -= 1
        while board(h) < b:
            h += 1
    return h


def shown(h):
    # The board's time as its clock shows it at a host time, unwrapped.
    d = h - zero
    d += d * _SKEW >> 36
    if _JUMP and d // _EVERY & 1:
        d += _JUMP
    return d if _STEP == 1000 else d * 1000 // _STEP * _STEP // 1000


def stepped():
    return shown(read())


def _stepped_ticks():
    return stepped() & MASK


_names = {"t": read}
if _JUMP:
    _names["f"] = _stepped_ticks
elif cfg.skew == 0 and cfg.step_ns == 1000:
    fast("def f() -> int:\n return (int(t()) - %d) & %d" % (zero, MASK), _names)
elif cfg.step_ns == 1000:
    fast(
        "def f() -> int:\n d = int(t()) - %d\n return (d + (d * %d >> 36)) & %d"
        % (zero, _SKEW, MASK),
        _names,
    )
else:
    _names["f"] = _stepped_ticks
ticks_us = _names["f"]
fast("def g(a: int, b: int) -> int:\n return ((a - b + %d) & %d) - %d" % (HALF, MASK, HALF), _names)
ticks_diff = _names["g"]
_names["n"] = now
fast("def w(due: int):\n while int(n()) < due:\n  pass", _names)
spin_until = _names["w"]


def pause(us):
    if VIRTUAL:
        nap(us)
    else:
        spin_until(now() + us)
