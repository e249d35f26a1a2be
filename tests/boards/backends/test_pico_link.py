"""The session's link to an emulated Pico, against a machine of a few lines."""

import time
from fractions import Fraction
from functools import partial

import pytest

from hil.boards.backends.pico_link import USB_LIMIT_S, PicoClock, open_pico
from hil.boards.fault_injection import LinkFaults, parse_faults
from hil.boards.raw_repl import RawRepl
from hil.model.errors import BoardTimeoutError

US = 16_000
GREETING = b"raw REPL; CTRL-B to exit\r\n>"


class Machine:
    """Answers each write a while later; what it hears and when is kept."""

    def __init__(self, answer=bytes, delay_us=100, connects_at_us=None):
        self.ticks = 0
        self.answer, self.delay_us = answer, delay_us
        self.connects_at = None if connects_at_us is None else connects_at_us * US
        self.heard = []
        self.coming = []
        self.runs = 0

    def run(self, until, *, to_output=False):
        self.runs += 1
        due = min((at for at, _ in self.coming), default=until + 1)
        self.ticks = max(self.ticks, min(until, due) if to_output else until)

    def run_to_connection(self, until):
        connected = self.connects_at is not None and self.connects_at <= until
        self.ticks = self.connects_at if connected else until
        return connected

    def send(self, data):
        self.heard.append((self.ticks, data))
        said = self.answer(data)
        if said:
            self.coming.append((self.ticks + self.delay_us * US, said))

    def take(self):
        said = b"".join(data for at, data in self.coming if at <= self.ticks)
        self.coming = [item for item in self.coming if item[0] > self.ticks]
        return said


def repl_answers(data):
    """As a raw REPL with raw paste would answer to what the harness sends."""
    said = b""
    if b"\x01" in data and b"\x05A" not in data:
        said += GREETING
    return said


def port_of(machine, **options):
    clock = PicoClock(machine, **options)
    return open_pico(machine, clock, "pico", 115200).serial, clock


def test_an_answer_arrives_at_its_own_time_and_no_time_passes_besides():
    machine = Machine(lambda data: b"yes", connects_at_us=0)
    port, clock = port_of(machine)
    before = clock.now_ns()
    port.write(b"?")
    assert port.read_some(0.0) == b""
    assert clock.now_ns() == before
    assert port.read_some(5.0) == b"yes"
    assert clock.now_ns() - before == 100_000
    assert port.read_some(0.25) == b""
    assert clock.now_ns() - before == 250_100_000


def test_a_sleep_goes_on_over_what_the_board_says():
    machine = Machine(lambda data: b"yes", connects_at_us=0)
    port, clock = port_of(machine)
    port.write(b"?")
    clock.sleep(1.5)
    assert clock.now_ns() == 1_500_000_000
    assert port.read_some(0.0) == b"yes"


def test_the_shortest_wait_ends():
    machine = Machine(connects_at_us=0)
    port, clock = port_of(machine)
    assert port.read_some(1e-12) == b""
    assert clock.now_ns() == 1000


@pytest.mark.parametrize("ppm", ["0", "20.125", "-99999.999", "100000"])
def test_the_crystal_is_off_by_exactly_so_much(ppm):
    machine = Machine()
    clock = PicoClock(machine, ppm=Fraction(ppm))
    clock.sleep(1000.0)
    assert clock.now_ns() == 1000 * 10**9
    board_us = Fraction(machine.ticks, US)
    assert board_us == 1000 * 10**6 * (1 + Fraction(ppm) / 10**6)
    for ns in range(0, 10_000, 7):
        assert clock.at(clock.ticks_at(ns)) == ns


def test_a_paced_board_is_no_faster_than_the_host():
    machine = Machine(lambda data: b"yes", connects_at_us=0)
    port, clock = port_of(machine, pace=True)
    port.write(b"?")
    begin = time.monotonic()
    clock.sleep(0.1)
    assert time.monotonic() - begin >= 0.099
    assert machine.runs >= 10
    assert port.read_some(0.0) == b"yes"


def test_a_firmware_without_a_serial_port_is_told():
    machine = Machine()
    with pytest.raises(BoardTimeoutError, match=r"no USB serial port .* is it MicroPython"):
        port_of(machine)
    assert machine.ticks == USB_LIMIT_S * 1e6 * US


def test_a_prompt_is_entered_over_it_in_virtual_time():
    machine = Machine(repl_answers, connects_at_us=3000)
    clock = PicoClock(machine)
    prompt = RawRepl("pico", opener=partial(open_pico, machine, clock))
    assert prompt.clock is clock
    with pytest.raises(BoardTimeoutError, match="does not run code"):
        prompt.enter(soft_reset=False)  # this machine only greets
    prompt.close()
    assert machine.heard[0] == (3000 * US, b"\x03\x03\x01")


def test_faults_happen_to_it_as_to_any_link():
    machine = Machine(lambda data: b"abcdefgh" * 100, connects_at_us=0)
    port, clock = port_of(machine)
    faults = LinkFaults(parse_faults("drop=0.5"))
    faults.follow(clock)
    faults.arm()
    port.faults = faults
    port.write(b"?")
    said = port.read_some(1.0)
    assert machine.heard[-1][1] == b"?"
    assert len(said) < 800


def test_a_closed_port_takes_nothing_and_may_be_opened_again():
    machine = Machine(connects_at_us=0)
    port, clock = port_of(machine)
    port.close()
    port.forget()
    with pytest.raises(OSError, match="closed"):
        port.write(b"?")
    again = open_pico(machine, clock, "pico", 115200).serial
    again.write(b"!")
    assert machine.heard == [(0, b"!")]
