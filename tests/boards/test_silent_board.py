"""Boards whose own files take the prompt away: it is suspected aloud, by what was seen."""

from __future__ import annotations

import pytest

from hil.boards.attach import AttachLimits
from hil.boards.backends.registry import parse_board
from hil.boards.connection import Connection
from hil.boards.raw_repl import RawRepl
from hil.boards.silent_board import next_step, without_files
from hil.model.errors import BoardBrokenError, BoardTimeoutError
from hil.recording.boot_messages import find_boot_loop

from .conftest import FakeBoard

SHORT = AttachLimits(first_answer_s=0.3, prompt_s=0.3, reboot_s=0.3, boot_s=0.3)


class TakesThePrompt(FakeBoard):
    """Its boot.py takes the prompt away: after a reset it says ``last_words`` and hears nothing."""

    last_words = b""
    gone = False

    def _reboot(self):
        self._say(b"OK\r\nMPY: soft reboot\r\n" + self.last_words)
        self.gone = True

    def _take(self, byte):
        if not self.gone:
            super()._take(byte)


@pytest.fixture
def taker():
    with TakesThePrompt() as board:
        yield board


@pytest.mark.parametrize(
    ("last_words", "said"),
    [
        (b"", "it answered until it was reset softly, and says nothing since: its boot.py takes"),
        (b"temperature 21.5\r\n" * 3, "comes to no prompt since: its boot.py"),
        (b"WebREPL server started on ws://192.168.4.1:8266/\r\n", "starts the WebREPL"),
    ],
    ids=["silence", "text", "WebREPL"],
)
def test_a_prompt_that_is_gone_after_the_reset_was_taken_by_boot_py(taker, last_words, said):
    taker.last_words = last_words
    with (
        RawRepl(taker.port, limits=SHORT) as repl,
        pytest.raises(BoardTimeoutError, match=said) as caught,
    ):
        repl.enter()
    assert "dupterm" in str(caught.value)


def test_the_error_says_how_this_kind_of_board_starts_without_its_files(taker, attached):
    attached.plug(taker.port, "E66", vid=0x2E8A)
    connection = Connection(parse_board(taker.port), limits=SHORT)
    try:
        with pytest.raises(BoardBrokenError, match=r"boot.py takes the prompt.*flash_nuke"):
            connection.open()
    finally:
        connection.close()


def test_silence_from_the_beginning_names_the_suspects_and_no_more():
    step = next_step("/dev/ttyACM0", b"")
    for suspect in ("reset button", "cable", "os.dupterm(None)", "kbd_intr(-1)", "deepsleep"):
        assert suspect in step
    assert "it answered" not in step


def test_a_program_that_prints_on_may_have_switched_ctrl_c_off():
    assert "kbd_intr(-1)" in next_step("/dev/ttyACM0", b"temperature 21.5\r\n" * 30)


def test_boards_are_told_apart_by_their_usb_id():
    assert "BOOTSEL" in without_files("2e8a:0005")
    assert "esptool" in without_files("303a:1001")
    assert without_files("10C4:ea60").startswith("if it is an ESP board")
    assert "safe mode" in without_files("f055:9800")
    assert without_files("1234:5678") == ""
    assert without_files("") == ""


def test_a_board_that_sleeps_deeply_again_and_again_is_told_so():
    reset = find_boot_loop(b"rst:0x5 (DEEPSLEEP_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n" * 3)
    assert reset is not None
    text = str(reset.error("/dev/ttyUSB0"))
    assert "deep sleep" in text
    assert "machine.deepsleep()" in text
