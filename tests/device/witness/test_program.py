"""The witness's PIO program in an emulated PIO block: when an edge was is exact to two cycles,
whatever came before it and whether or not there was room."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from pio_words import assemble

rp2040 = pytest.importorskip("rp2040py.rp2040", reason="the emulator rp2040py is not installed")

PIN = 2
TOP = (1 << 31) - 1
EXECCTRL, SHIFTCTRL, PINCTRL = 0xCC, 0xD0, 0xDC
FALL_DEAD, RISE_DEAD = 6, 8
"""Cycles from a sample that saw an edge to the next sample."""
PROGRAM = assemble()


class Block:
    """One state machine that watches a pin, cycle by cycle."""

    def __init__(self, x: int = 0xFFFFFFFF, *, high: bool = False) -> None:
        chip = rp2040.RP2040()
        self.pin = chip.gpio[PIN]
        self.pin.set_input_value(high)
        self.pio = chip.pio[0]
        self.machine = self.pio.machines[0]
        for at, word in enumerate(PROGRAM.words):
            self.pio.instructions[at] = word
        wraps = PROGRAM.wrap << 12 | PROGRAM.wrap_target << 7
        self.pio.write_uint32(EXECCTRL, PIN << 24 | wraps)
        self.pio.write_uint32(SHIFTCTRL, 1 << 31 | 1 << 18)
        self.pio.write_uint32(PINCTRL, PIN << 15)
        self.machine.pc = 0
        self.machine.enabled = True
        self.pio.stopped = False
        self.pio.recompute_due()
        self.words: list[int] = []
        self._chip = chip
        self.step(2)  # the counter is set, the loop is reached
        self.machine.x = x
        self.first = x

    def step(self, cycles: int, *, drain: bool = True) -> None:
        for _ in range(cycles):
            self.pio.advance(1)
            while drain and not self.machine.rx_fifo.empty:
                self.words.append(self.machine.read_fifo())

    def play(self, edges: list[int], *, drain: bool = True) -> None:
        """Toggle the pin just before the cycles ``edges``."""
        now, level = 0, self.pin.input_value
        for edge in edges:
            self.step(edge - now, drain=drain)
            now, level = edge, not level
            self.pin.set_input_value(level)
        self.step(20, drain=drain)

    def samples(self) -> list[tuple[int, int]]:
        """What was pushed: the cycle of the sample, and the level there."""
        first = self.first & TOP
        return [(2 * (first - (word >> 1) & TOP), 1 - (word & 1)) for word in self.words]


def seen(edges: list[int], level: int = 0) -> list[tuple[int, int]]:
    """When a machine that samples as the program says it does sees the edges."""
    expected, at, pin = [], 0, level
    current = 0
    end = edges[-1] + 20 if edges else 20
    while at < end:
        pin = level ^ sum(edge <= at for edge in edges) & 1
        if pin != current:
            expected.append((at, pin))
            current = pin
            at += RISE_DEAD if pin else FALL_DEAD
        else:
            at += 2
    return expected


def test_it_fits_into_the_instruction_memory_beside_another_program():
    assert len(PROGRAM.words) == 17
    assert PROGRAM.wrap == len(PROGRAM.words) - 1


@pytest.mark.parametrize("first", range(40, 60))
def test_an_edge_is_seen_at_the_next_sample(first):
    block = Block()
    block.play([first, first + 31])
    (rise, fall) = block.samples()
    assert rise == (first + first % 2, 1)
    assert 0 <= fall[0] - (first + 31) < 2
    assert fall[1] == 0


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([1, 2, 3, 5, 7, 8, 9, 13, 50, 111, 400]), min_size=1, max_size=40))
def test_after_any_edges_the_time_is_exact(gaps):
    edges = (np.cumsum(gaps) + 4).tolist()
    block = Block()
    block.play(edges)
    assert block.samples() == seen(edges)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([8, 9, 15, 60, 200]), min_size=20, max_size=40))
def test_edges_without_room_are_flagged_and_cost_no_time(gaps):
    edges = (np.cumsum(gaps) + 4).tolist()
    block = Block()
    block.play(edges[:-2], drain=False)
    assert block.pio.fdebug & 1  # what the agent asks for
    now = edges[-3] + 20
    late = [now + 100, now + 231]
    block.step(1)
    for edge in late:
        block.step(edge - now - (1 if edge == late[0] else 0))
        now = edge
        block.pin.set_input_value(not block.pin.input_value)
    block.step(20)
    all_edges = seen([*edges[:-2], *late])
    samples = block.samples()
    assert samples[:8] == all_edges[:8]
    assert samples[-2:] == all_edges[-2:]
    assert len(samples) == 10


@pytest.mark.parametrize("left", range(8))
@pytest.mark.parametrize("first", [4, 5, 11])
def test_the_counter_runs_on_through_zero(left, first):
    block = Block(x=left)
    edges = [first, first + 23, first + 40]
    block.play(edges)
    assert block.samples() == seen(edges)


def test_a_pin_that_is_high_at_the_start_is_an_edge_at_time_0():
    block = Block(high=True)
    block.play([30])
    assert block.samples()[0] == (0, 1)
    assert [level for _, level in block.samples()] == [1, 0]
