"""What the embedded board's virtual time costs in real time."""

from __future__ import annotations

import time

from hil.boards.backends.sim import VirtualBoard
from hil.boards.raw_repl import RawRepl
from tools.bench.table import Goal, Paired, Row, at_most

SLEEP_S = 10
TURNS = 100_000
SETUP = """
import time
from machine import Timer
hil_n = 0
def hil_tick(_):
    global hil_n
    hil_n += 1
def hil_sleep(seconds):
    timer = Timer(-1)
    timer.init(period=1, callback=hil_tick, hard=True)
    time.sleep(seconds)
    timer.deinit()
def hil_count(turns):
    i = 0
    while i < turns:
        i += 1
def hil_poll(turns):
    # as many jumps as turns; the clock is read at each
    us = time.ticks_us
    diff = time.ticks_diff
    end = turns
    while diff(end, 0) > 0:
        us()
        end -= 1
"""


def virtual_rows(rounds: int) -> list[Row]:
    """A 1 kHz task beside a program that waits, and a jump of one that counts or polls."""
    jumps = {}
    with (
        VirtualBoard() as real,
        VirtualBoard("clock=virtual") as virtual,
        RawRepl(real.port) as plain,
        virtual.open_repl() as counted,
    ):
        for repl in (plain, counted):
            repl.enter()
            repl.exec(SETUP)
        asleep = [_seconds(counted, f"hil_sleep({SLEEP_S})") for _ in range(rounds)]
        for name in ("count", "poll"):
            code = f"hil_{name}({TURNS})"
            pairs = [(_seconds(counted, code), _seconds(plain, code)) for _ in range(rounds)]
            jumps[name] = (Paired.of(*zip(*pairs, strict=True)), min(a for a, _ in pairs))
    waiting = Paired.of([SLEEP_S] * rounds, asleep)
    return [
        Row(
            "virtual time, a 1 kHz hard timer beside a program that sleeps",
            (Goal(">=", 60, "real time", waiting.median, waiting.spread),),
        ),
        *(
            Row(
                f"virtual time, a jump of a program that {name}s",
                (at_most(40 if name == "count" else 20, "the same loop in real time", paired),),
                f"{best / TURNS * 1e6:.2f} us a jump",
            )
            for name, (paired, best) in jumps.items()
        ),
    ]


def _seconds(repl: RawRepl, code: str) -> float:
    start = time.perf_counter()
    repl.exec(code, timeout_s=600)
    return time.perf_counter() - start
