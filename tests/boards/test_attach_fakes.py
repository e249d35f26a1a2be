"""Attaching to boards that behave badly, scripted on a pseudo-terminal."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from hil.boards.attach import AttachLimits
from hil.boards.raw_repl import RawRepl
from hil.boards.serial_port import pulse_reset
from hil.boards.silent_board import is_garbage, next_step
from hil.boards.slowness import Slowness
from hil.model.errors import BoardTimeoutError, LinkLostError

SHORT = AttachLimits(
    first_answer_s=0.5, usual_answer_s=0.02, prompt_s=0.3, reboot_s=0.2, boot_s=0.4
)


def refusal(port: str, **options: object) -> BoardTimeoutError:
    with RawRepl(port, limits=SHORT, **options) as repl, pytest.raises(BoardTimeoutError) as caught:
        repl.enter()
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("mode", ["friendly", "raw", "paste"])
def test_every_mode_of_the_repl_is_left(fake, mode):
    board = fake(mode=mode)
    with RawRepl(board.port) as repl:
        repl.enter()
        assert board.soft_resets == 1
        assert repl.exec("print(6*7)") == b"42\r\n"
        repl.enter(soft_reset=False)
        assert repl.exec("print(6*8)") == b"48\r\n"
        assert board.soft_resets == 1


def test_a_line_that_was_begun_is_not_executed(fake):
    board = fake()
    with RawRepl(board.port) as repl:
        repl.write(b"machine.bootloader()")
        repl.enter()
        repl.write(b"erase_everything()")
        repl.interrupt()
    assert all(code.startswith(b"print(") for code in board.executed)


def test_a_program_that_swallows_some_interrupts_is_stopped(fake):
    board = fake(deaf_to=5)
    with RawRepl(board.port) as repl:
        repl.enter()
        assert repl.exec("print(1)") == b"1\r\n"


def test_a_board_that_starts_when_its_port_is_opened(fake):
    text = b"ets Jun  8 2016 00:22:57\r\nrst:0x1 (POWERON_RESET)\r\n" + b"\x8d\xfe" * 40
    board = fake(boot_s=0.7, boot_text=text)
    with RawRepl(board.port) as repl:
        repl.enter()
        assert repl.exec("print(1)") == b"1\r\n"


def test_time_outs_follow_a_slow_board(fake):
    """Its reset and its programs take ten times what a usual board is allowed."""
    board = fake(answer_s=0.15, reboot_s=1.0)
    with RawRepl(board.port, limits=SHORT) as repl:
        repl.enter()
        assert repl.slowness > 3
        assert repl.exec("print(1)", timeout_s=0.1) == b"1\r\n"


@pytest.mark.parametrize(("slow_runs", "factor"), [(0, 1), (1, 1), (2, 12.5), (9, 12.5)])
def test_one_slow_answer_does_not_stretch_the_limits(fake, slow_runs, factor):
    board = fake(answer_s=0.25, slow_runs=slow_runs)
    with RawRepl(board.port, limits=SHORT) as repl:
        repl.enter()
        assert repl.slowness == pytest.approx(factor, rel=0.4)
        repl.enter(soft_reset=False)
        assert len(board.executed) == (5 if slow_runs else 3)  # one of them behind the reset


def test_a_factor_that_is_given_is_not_measured(fake):
    board = fake(answer_s=0.15, window=128)
    with RawRepl(board.port, limits=SHORT, slowness=Slowness(40)) as repl:
        repl.enter()
        assert repl.slowness == 40
    assert len(board.executed) == 1


def test_a_fast_board_does_not_get_a_slow_ones_patience(fake):
    board = fake()
    usual = replace(SHORT, usual_answer_s=5.0, first_answer_s=30.0, prompt_s=30.0, reboot_s=30.0)
    with RawRepl(board.port, limits=usual) as repl:
        repl.enter()
        assert repl.slowness == 1
        board.habits.runs_code = False
        with pytest.raises(BoardTimeoutError):
            repl.exec("print(1)", timeout_s=0.3)


def test_a_wrong_baud_rate_is_named_and_the_right_one_works(fake):
    board = fake(baudrate=57600)
    assert "baud" in str(refusal(board.port))
    with RawRepl(board.port, baudrate=57600) as repl:
        repl.enter()
        assert repl.exec("print(1)") == b"1\r\n"


@pytest.mark.parametrize(
    ("habits", "advice"),
    [
        ({"deaf_to": -1}, "reset button"),
        ({"deaf_to": -1, "storm": b"temperature 21.5\r\n"}, "main.py"),
        ({"replies": b"\r\nraspberrypi login: "}, "login prompt"),
        ({"replies": b"waiting for download\r\n"}, "boot loader"),
        ({"replies": b"invalid header: 0xffffffff\r\n"}, "flash MicroPython"),
        ({"echo": True}, "comes back"),
        ({"runs_code": False}, "does not run code"),
    ],
    ids=["silent", "storm", "linux", "bootloader", "no-firmware", "echo", "dead-repl"],
)
def test_what_is_no_usable_board_ends_in_the_next_thing_to_try(fake, habits, advice):
    board = fake(**habits)
    assert advice in str(refusal(board.port))


def test_output_without_end_does_not_outlast_the_deadline(fake):
    board = fake()
    with RawRepl(board.port) as repl:
        repl.enter()
        repl.start("print(1)")
        board._running, board.habits.storm = True, b"and on\r\n"
        repl.finish(_deadline(0.5))  # the program's own end came before the storm
        with pytest.raises(BoardTimeoutError):
            repl.finish(_deadline(0.5))


def _deadline(seconds: float):
    from hil.recording.interfaces import Deadline

    return Deadline(seconds)


def test_garbage_is_told_from_foreign_text():
    assert is_garbage(b"\xf0\x80\xfe\xc3\x00" * 10)
    assert is_garbage(b"\x00" * 50)
    assert not is_garbage("Temperatur: 21 °C, Tür offen\r\n".encode() * 3)
    assert not is_garbage(b"Traceback (most recent call last):\r\n")


def test_every_diagnosis_says_what_to_do():
    for seen in (b"", b"\xff\xfe\xfd" * 9, b"hello", b"x\r\n" * 200, b"\x03\x03\x01"):
        step = next_step("/dev/ttyUSB0", seen)
        assert len(step) > 30
        assert "\n" not in step


class EspLines:
    """The two-transistor circuit of ESP boards: what RTS and DTR do to EN and the boot strap."""

    def __init__(self) -> None:
        self._dtr = self._rts = True
        self.resets = self.boot_loaders = 0
        self.fails_at = 0
        self._changes = 0

    @property
    def held(self) -> bool:
        return self._rts and not self._dtr

    def _change(self, dtr: bool, rts: bool) -> None:
        self._changes += 1
        if self._changes == self.fails_at:
            raise OSError("gone")
        before = self.held
        self._dtr, self._rts = dtr, rts
        if before and not self.held:
            self.resets += 1
            self.boot_loaders += dtr and not rts

    dtr = property(lambda s: s._dtr, lambda s, level: s._change(level, s._rts))
    rts = property(lambda s: s._rts, lambda s, level: s._change(s._dtr, level))


def test_the_reset_pulse_resets_once_and_lets_go():
    lines = EspLines()
    assert pulse_reset(lines)
    assert (lines.resets, lines.boot_loaders) == (1, 0)
    assert (lines.dtr, lines.rts) == (True, True)


@pytest.mark.parametrize("change", [1, 2])
def test_a_pulse_that_fails_never_holds_the_board_in_reset(change):
    lines = EspLines()
    lines.fails_at = change
    assert not pulse_reset(lines)
    assert not lines.held


def test_mpremote_lets_go_of_the_lines_in_the_harmless_order():
    """Closing must not pass through RTS without DTR; should mpremote change, this fails."""
    from mpremote.transport_serial import SerialTransport

    lines = EspLines()
    lines.close = lambda: None
    transport = SerialTransport.__new__(SerialTransport)
    transport.serial = lines
    transport.close()
    assert (lines.resets, lines.held) == (0, False)


def test_a_pseudo_terminal_has_no_reset_line(fake):
    with RawRepl(fake().port) as repl:
        assert not repl.reset_by_lines()


def test_a_board_that_stops_reading_is_told(fake, monkeypatch):
    monkeypatch.setattr("hil.boards.serial_port.WRITE_TIMEOUT_S", 0.4)
    board = fake()
    with RawRepl(board.port) as repl:
        repl.enter()
        board.habits.stops_reading = True
        with pytest.raises(BoardTimeoutError, match="takes no more input"):
            repl.write(b"x" * 300_000)


def test_a_board_that_never_stops_talking_does_not_hold_up_what_is_sent(fake, monkeypatch):
    """A limit on the silence between two characters is none: there is no silence."""
    monkeypatch.setattr("hil.boards.raw_repl._SENDING_S", 0.5)
    board = fake()
    talking = True

    def talk():
        while talking:
            board._say(b"tick\r\n" * 50)

    with RawRepl(board.port) as repl:
        repl.enter()
        talker = threading.Thread(target=talk)
        talker.start()
        try:
            with pytest.raises(BoardTimeoutError, match="while code was sent"):
                repl.exec("print(1)")
        finally:
            talking = False
            board._stopping.set()  # what nobody reads any more would hold it up
            talker.join()


def test_a_closed_port_is_never_read_again(fake, tmp_path):
    """Its descriptor's number may be another file's by then."""
    repl = RawRepl(fake().port)
    repl.enter()
    repl.close()
    with (tmp_path / "other").open("w+b", 0) as other:
        other.write(b"not from a board")
        other.seek(0)
        with pytest.raises(LinkLostError):
            repl.read(0.1)
        with pytest.raises(LinkLostError):
            repl.write(b"machine.reset()")
        assert other.read() == b"not from a board"
