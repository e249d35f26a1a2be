# hil: needs=
"""The sync pattern: edges at irregular distances, before the window and behind all that follows it.

An instrument that sees them can tell when the board made each. They are on the sync pin, or else on
the pin of a task. The clock is read just before and just after the statement that makes an edge:
channels sync.before and sync.after, by the edge's number. sync=N is the number of edges on each
side, sync_seed=1..65536 what their distances come from, sync_us the shortest distance.
"""

import time

from lib.pins import output_pin, pin_setter, release_pin


def hil_sync_gap(x, i, shortest):
    """The distance in us in front of edge i: one to four times the shortest, in small ints.

    x is the state of the generator; with i in it, no two seeds give the same distances at other
    edges.
    """
    return shortest + (((x ^ i * 40503) & 65535) >> 6) * 3 * shortest // 1024


def hil_sync_line(job):
    """What sets the line, and the level that it is left at: low, or a task's own."""
    cfg = job.cfg
    pin_id = cfg["sync_pin"]
    pins = cfg.get("pins") or ()
    if pin_id in pins:
        k = pins.index(pin_id)
        job.set_counter("sync_task", k)
        return pin_setter(job.out[k]), cfg["levels"][k]
    if cfg.get("sync_task") is not None:
        job.set_counter("sync_task", cfg["sync_task"])
    pin = output_pin(pin_id, 0)
    job.at_exit(lambda: release_pin(pin_id, pin, cfg.get("safe") == "low"))
    return pin_setter(pin), 0


def hil_sync_edges(job, first, x, us=time.ticks_us, diff=time.ticks_diff):
    """One side of the pattern, numbered from first on; the first edge rises."""
    set_pin, left, put, put_after = job.sync
    cfg = job.cfg
    set_pin(0)
    level = 0
    t = us()
    for i in range(first, first + cfg["sync"]):
        x = (x * 75 + cfg["sync_seed"]) % 65537
        gap = hil_sync_gap(x, i, cfg["sync_us"])
        while diff(us(), t) < gap:
            pass
        level ^= 1
        before = us()
        set_pin(level)
        t = us()
        put(i, before)
        put_after(i, t)
    while diff(us(), t) < cfg["sync_us"]:
        pass
    set_pin(left)
    return x


def before(job):
    room = 2 * job.cfg["sync"]
    puts = [job.channel("sync." + side, "slots", room).slot for side in ("before", "after")]
    job.sync = hil_sync_line(job) + tuple(puts)
    job.sync_x = hil_sync_edges(job, 0, job.cfg["sync_seed"])


def after(job, run):
    job.set_counter("sync_ms", time.ticks_ms())
    hil_sync_edges(job, job.cfg["sync"], job.sync_x)
