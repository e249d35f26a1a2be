# The levels of all pins, and while the supervisor wants them their edges, in memory that it shares.
#
# An edge is one number: the board's nanoseconds, then the pin, then its new level. The supervisor
# takes them where the board stops; it also stops where there is no more room. This takes no time,
# and nothing allocates.
import sim_clock
import sim_config as cfg
import sim_now
from uctypes import bytearray_at
from ustruct import pack_into

EDGES = True
_HEAD = 4096
_head = bytearray_at(cfg.edges, _HEAD)  # wanted; at 8 the number of edges, 16 and 24 a clock pair
_levels = bytearray_at(cfg.edges + 64, cfg.pins)
_room = cfg.edge_room
_edges = bytearray_at(cfg.edges + _HEAD, 8 * _room)
_n = 0


def note(pin, level):
    global _n
    if _levels[pin] == level:
        return
    _levels[pin] = level
    if _head[0]:
        if _n >= _room:
            sim_now.hand_over_edges()
        pack_into("<q", _edges, 8 * _n, sim_now.ns * 64 + pin * 2 + level)
        _n += 1
        pack_into("<q", _head, 8, _n)


def _tell_clock():
    # What the board's clock shows, and since when: it changes at whole microseconds of the host.
    h = sim_now.now()
    shown = sim_clock.shown(h)
    low = h - 2 * (cfg.step_ns // 1000 + 1)
    while h - low > 1:
        middle = (h + low) // 2
        if sim_clock.shown(middle) == shown:
            h = middle
        else:
            low = middle
    pack_into("<q", _head, 16, shown & sim_clock.MASK)
    pack_into("<q", _head, 24, h * 1000)


def _go_on():
    global _n
    _n = 0
    pack_into("<q", _head, 8, 0)


sim_now.stopping = _tell_clock
sim_now.going_on = _go_on
