"""Real firmware on the emulated Pico: what it is, that it repeats, and what its pins do."""

import subprocess
import sys

import numpy as np
import pytest

from hil.analysis.edge_alignment import align
from hil.boards.backends.registry import parse_board
from hil.cli.doctor import examine
from hil.experiments.session import Session


def test_it_says_what_it_is(firmware):
    with Session(parse_board(f"pico:{firmware}")) as session:
        board = session.identity
        assert (board.platform, board.source, board.clock) == ("rp2", "emulator", "virtual")
        assert board.machine == "Raspberry Pi Pico with RP2040"
        assert board.cpu_hz == 125_000_000
        assert {"loopback", "pin_irq_hard", "thread", "viper"} <= set(board.capabilities)
        assert session.missing_jumper() is None


def test_without_its_wire_the_loopback_is_missing_and_said(firmware):
    with Session(parse_board(f"pico:{firmware}?wires=none")) as session:
        assert "loopback" not in session.identity.capabilities
        assert "connect pin 4 to pin 5" in session.missing_jumper()


def test_the_doctor_finds_nothing_wrong(firmware):
    findings = list(examine(parse_board(f"pico:{firmware}")))
    assert {finding.state for finding in findings} == {"ok"}, findings


def test_two_runs_are_the_same_to_the_byte_whatever_else_this_computer_does(measure):
    _, alone = measure("thread")
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        _, beside = measure("thread")
    finally:
        busy.kill()
        busy.wait()
    assert set(alone) == {"window.hilcap", "window.pico.hiledges"}
    assert beside == alone


@pytest.mark.parametrize("technique", ["timer_soft", "asyncio_deadline"])
def test_the_pin_does_what_the_stamps_say(measure, technique):
    capture, _ = measure(technique)
    recording = capture.edges[0]
    board_us, seen_ns = recording.board_us, recording.seen_ns
    assert np.diff(seen_ns) == np.diff(board_us) * 1000
    for track in capture.tracks:
        stamps_ns = track.stamps_us * 1000 + (seen_ns[0] - board_us[0] * 1000)
        edges = recording.line(f"task{track.index}").times_ns
        behind = edges[np.searchsorted(edges, stamps_ns)] - stamps_ns
        assert behind.min() > 2_000
        assert behind.max() < 25_000
        assert np.ptp(behind) < 3_000
    aligned = align(recording, capture)
    assert aligned.verdict == "aligned", aligned.reason
    truth_us = (seen_ns[0] - board_us[0] * 1000) / 1000
    assert aligned.offset_lo_us <= truth_us <= aligned.offset_hi_us


def test_its_crystal_is_off_by_what_was_asked(measure):
    capture, _ = measure("timer_soft", options="?ppm=-150.5")
    recording = capture.edges[0]
    elapsed_us = np.diff(recording.board_us)
    elapsed_ns = np.diff(recording.seen_ns)
    ppm = (elapsed_us * 1000 / elapsed_ns - 1) * 1e6
    assert ppm == pytest.approx(-150.5, abs=2e6 / elapsed_ns[0])


def test_it_comes_back_from_every_reset_with_its_files(firmware):
    spec = parse_board(f"pico:{firmware}")
    with Session(spec) as session:
        connection = session.board.connection
        session.run("f = open('kept.txt', 'w')\nf.write('kept')\nf.close()")
        prompt = connection.repl
        for code in (
            "import machine\nmachine.reset()",
            "import machine\nmachine.WDT(timeout=100)\nwhile True: pass",
        ):
            prompt.start(code)
            connection.clock.sleep(1.0)
            connection.rejoin()
            assert session.run("print(open('kept.txt').read())").strip() == b"kept"
        connection.interrupt_power()
        connection.rejoin()
        assert session.run("import machine\nprint(machine.reset_cause())").strip() == b"1"
        assert session.run("print(open('kept.txt').read())").strip() == b"kept"


WRITE_BESIDE_A_THREAD = """
import _thread
def beside():
    while True:
        pass
_thread.start_new_thread(beside, ())
for n in range(3):
    f = open("beside.txt", "w")
    f.write("x" * 300)
    f.close()
print("written")
"""


def test_flash_is_written_beside_a_thread_on_the_second_core(firmware):
    with Session(parse_board(f"pico:{firmware}")) as session:
        assert session.run(WRITE_BESIDE_A_THREAD).strip() == b"written"
