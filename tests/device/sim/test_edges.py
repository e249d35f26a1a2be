"""The edges of a board's pins in virtual time, seen from outside: each at its own nanosecond."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from hil.boards.backends.sim_edges import MAX_EDGES, ROOM, SharedEdges
from hil.boards.backends.sim_pins import SimPins
from hil.model.errors import ConfigurationError, TransportError

TOGGLE = """
import sim_now
from machine import Pin
pin = Pin(3, Pin.OUT, value=0)
noted = []
for level in (1, 0, 0, 1, 1, 0, 1):
    pin(level)
    noted.append((sim_now.ns, level))
"""


class Watched:
    """What was seen of some pins of a board."""

    def __init__(self, board, *pins: int) -> None:
        self.pins = SimPins(board.virtual, board.clock.now_ns)
        self.edges: dict[int, list[tuple[int, int]]] = {pin: [] for pin in pins}
        self.initial = {pin: self.pins.level(pin) for pin in pins}
        self._stops = [self.pins.listen(pin, self._noticed(pin)) for pin in pins]

    def _noticed(self, pin: int) -> Callable[[int, int], None]:
        return lambda ns, level: self.edges[pin].append((ns, level))

    def stop(self) -> dict[int, list[tuple[int, int]]]:
        for stop in self._stops:
            stop()
        return self.edges


def test_an_edge_is_where_the_write_of_the_pin_ends(start):
    board = start("read_us=0.517,pin_us=3.219,store_us=1,turn_us=0.911").enter()
    watched = Watched(board, 3, 4)
    noted = board.eval(TOGGLE, "noted")
    seen = watched.stop()
    levels = [level for _, level in noted]
    changes = [0, *(i for i in range(1, len(levels)) if levels[i] != levels[i - 1])]
    assert seen == {3: [noted[i] for i in changes], 4: []}
    assert {ns % 1000 for ns, _ in noted} != {0}


def test_a_jumper_carries_edges_at_once_and_the_answer_comes_when_the_model_says(start):
    board = start("read_us=0.5,pin_us=2.25,entry_us=1.5,latency_us=7,store_us=0").enter()
    board.exec(
        "import time\nfrom machine import Pin\n"
        "out, sink, answer = Pin(4, Pin.OUT), Pin(5, Pin.IN), Pin(9, Pin.OUT)\n"
        "def handler(pin):\n time.ticks_us()\n answer(1 - answer())\n"
        "sink.irq(handler, Pin.IRQ_RISING, hard=True)"
    )
    watched = Watched(board, 4, 5, 9)
    board.exec("for k in range(20):\n out(1)\n out(0)\n time.sleep_us(137)")
    seen = watched.stop()
    assert len(seen[4]) == 40
    assert seen[5] == seen[4]
    rising = [ns for ns, level in seen[4] if level]
    # the latency, the entry, a read of the clock, a write of the pin
    assert [ns for ns, _ in seen[9]] == [ns + 7_000 + 1_500 + 500 + 2_250 for ns in rising]
    assert [level for _, level in seen[9]] == [1, 0] * 10


def test_being_watched_takes_the_board_no_time(start):
    told = []
    for watches in (False, True):
        board = start("read_us=0.7,pin_us=1.1,seed=7,jitter_us=30").enter()
        watched = Watched(board, 3) if watches else None
        told.append(board.exec(f"{TOGGLE}\nimport time\nprint(noted, time.ticks_us())"))
        told.append(board.late(40))
        if watched is not None:
            assert len(watched.stop()[3]) == 5
        told.append(board.clock.now_ns())
    assert told[:3] == told[3:]


def test_a_level_from_outside_makes_an_edge_too(board):
    board.exec("from machine import Pin\nsink = Pin(9, Pin.IN)")
    watched = Watched(board, 9)
    board.virtual.drive_pin(9, 1)
    board.sleep(0.01)
    board.virtual.drive_pin(9, None)
    board.sleep(0.01)
    assert [level for _, level in watched.stop()[9]] == [1, 0]


def test_a_waveform_has_its_edges_and_the_jumper_carries_them(board):
    board.exec("from machine import Pin, PWM\nimport time")
    watched = Watched(board, 4, 5)
    board.exec("wave = PWM(Pin(4), freq=100, duty_u16=16384)\ntime.sleep_ms(95)\nwave.deinit()")
    seen = watched.stop()
    assert seen[4] == seen[5]
    rising = [ns for ns, level in seen[4] if level]
    falling = [ns for ns, level in seen[4] if not level]
    assert len(rising) == 10
    # with the first one the pin is high by hand, to the nanosecond of the call
    assert {b - a for a, b in itertools.pairwise(rising[1:])} == {10_000_000}
    assert {b - a for a, b in zip(rising[1:9], falling[1:9], strict=True)} == {2_500_000}


def test_what_was_high_falls_when_the_board_is_reset(board):
    board.exec("from machine import Pin\nhigh = Pin(3, Pin.OUT, value=1)")
    watched = Watched(board, 3, 2)
    assert watched.initial == {3: 1, 2: 0}
    board.virtual.reset()
    board.enter()
    edges = watched.stop()
    assert [level for _, level in edges[3]] == [0]
    assert edges[2] == []
    assert watched.pins.level(3) == 0


MANY = """
@micropython.native
def toggle(pin, n):
    for k in range(n):
        pin(k & 1)
import micropython
from machine import Pin, Timer
pin = Pin(3, Pin.OUT, value=1)
"""


def test_none_is_lost_where_more_come_than_the_memory_holds(board):
    count = 2 * ROOM + 100
    board.exec("import micropython\n" + MANY)
    watched = Watched(board, 3)
    board.exec(f"toggle(pin, {count})", timeout=300)
    seen = watched.stop()[3]
    assert len(seen) == count
    assert [level for _, level in seen[:4]] == [0, 1, 0, 1]
    assert {b - a for (a, _), (b, _) in itertools.pairwise(seen)} == {1000}


def test_none_is_lost_in_a_handler_with_the_heap_locked(board):
    board.exec("import micropython\n" + MANY)
    watched = Watched(board, 3)
    board.exec(
        "fired = [0]\n"
        f"def handler(t):\n toggle(pin, {ROOM + 50})\n fired[0] = 1\n"
        "timer = Timer(-1)\n"
        "timer.init(mode=Timer.ONE_SHOT, period=1, callback=handler, hard=True)\n"
        "import time\nwhile not fired[0]: time.sleep_ms(1)",
        timeout=300,
    )
    assert len(watched.stop()[3]) == ROOM + 50


@pytest.mark.parametrize(
    "knobs", ["", "ppm=-300", "ppm=40,tick_us=30.5", "tick_us=1000,ppm=3", "tick_bits=16"]
)
def test_a_clock_pair_is_the_moment_when_the_clock_came_to_its_count(start, knobs):
    board = start(knobs).enter()
    board.sleep(0.0123456)
    board_us, ns = SimPins(board.virtual, board.clock.now_ns).clock_pair()
    assert ns % 1000 == 0
    assert 0 <= board.clock.now_ns() - ns <= 1_001_000
    at = f"[sim_clock.shown(h) & sim_clock.MASK for h in ({ns // 1000}, {ns // 1000 - 1})]"
    now, just_before = board.eval("import sim_clock", at)
    assert now == board_us != just_before


@pytest.mark.parametrize("pin", [32, -1, "GP3", "1.0", 100])
def test_a_pin_that_is_not_there_is_refused(pin):
    pins = SimPins(SimpleNamespace(ask=lambda command: ["00" * 32, "0", "0", "0", "0"]), None)
    with pytest.raises(ConfigurationError, match="no pin"):
        pins.level(pin)


def test_an_answer_that_is_none_is_an_error():
    pins = SimPins(SimpleNamespace(ask=lambda command: ["00"]), None)
    with pytest.raises(TransportError, match="answered '00'"):
        pins.level(1)


def test_more_edges_than_a_file_holds_are_counted_and_said(tmp_path, monkeypatch):
    monkeypatch.setattr("hil.boards.backends.sim_edges.MAX_EDGES", 3)
    assert MAX_EDGES > 3
    shared = SharedEdges()
    path = tmp_path / "edges"

    def ask(command: str) -> list[str]:
        return shared.command(command.split()[1], path).split()[1:]

    pins = SimPins(SimpleNamespace(ask=ask, edges_file=path), None)
    seen = []
    stop = pins.listen(2, lambda *edge: seen.append(edge))
    shared._memory[8:16] = (5).to_bytes(8, "little")
    for k in range(5):
        edge = 1000 * (k + 1) * 64 + 2 * 2 + (k + 1) % 2
        shared._memory[4096 + 8 * k : 4104 + 8 * k] = edge.to_bytes(8, "little")
    with pytest.raises(TransportError, match="2 edges too many"):
        stop()
    assert seen == [(1000, 1), (2000, 0), (3000, 1)]
    assert shared.command("melt", path) == "unknown command"
