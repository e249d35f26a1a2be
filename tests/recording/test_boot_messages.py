"""Resets by what boards say: told at once, named, and never seen in a program's own words."""

from __future__ import annotations

import random

import pytest

from hil.model.errors import BoardResetError
from hil.protocol.encoder import encode_text
from hil.recording import boot_messages
from hil.recording.boot_messages import CONFIRMED_S, DOUBTED_S, find_boot_loop, find_reset
from hil.recording.capture_loop import AgentOutput

ESP32 = (
    b"ets Jul 29 2019 12:21:46\r\n\r\n"
    b"rst:0x8 (TG1WDT_SYS_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"
    b"configsip: 0, SPIWP:0xee\r\n"
)
ESP8266 = (
    b"\r\n ets Jan  8 2013,rst cause:4, boot mode:(3,6)\r\n\r\nwdt reset\r\nload 0x4010f000\r\n"
)
SOFT = b"MPY: sync filesystems\r\nMPY: soft reboot\r\n"
BANNER = (
    b"MicroPython v1.24.0 on 2024-10-25; Raspberry Pi Pico with RP2040\r\n"
    b'Type "help()" for more information.\r\n>>> '
)
S3 = b"ESP-ROM:esp32s3-20210327\r\nBuild:Mar 27 2021\r\nrst:0x7 (TG0WDT_SYS_RST),boot:0x8\r\n"
PANIC = (
    b"E (10303) task_wdt: Task watchdog got triggered. The following tasks did not reset\r\n"
    b"abort() was called at PC 0x400e1234 on core 0\r\nRebooting...\r\n"
    b"ets Jul 29 2019 12:21:46\r\n\r\nrst:0xc (SW_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"
)


class Clock:
    kind = "real"

    def __init__(self) -> None:
        self.now_s = 100.0

    def now_ns(self) -> int:
        return round(self.now_s * 1e9)


class Sink:
    def rx(self, data, host_ns):
        pass

    def ping(self, tx_ns, rx_ns):
        pass


class Board:
    """A link that gives one arrival a read, at the given distance in time."""

    def __init__(self, clock: Clock, *arrivals: bytes, step_s: float = 0.05) -> None:
        self._clock, self._arrivals, self._step_s = clock, list(arrivals), step_s

    def write(self, data):
        pass

    def read(self, timeout_s):
        self._clock.now_s += self._step_s
        return self._arrivals.pop(0) if self._arrivals else b""


def frame(kind: str = "P", number: int = 0) -> bytes:
    return encode_text(kind, number, [("n", 1), ("rx", 1), ("tx", 2)])


WINDOW_BEGINS = encode_text("R", 0, [("n", 1)]) + frame("P", 1) + encode_text("R", 2, [("n", 0)])


def listen(*arrivals: bytes, window_s: float | None = 0.5, for_s: float = 60.0) -> float:
    """Read for so long; raises what the output raises, else returns the time at its end."""
    clock = Clock()
    output = AgentOutput(Board(clock, *arrivals), Sink(), window_s=window_s, clock=clock)
    begin_s = clock.now_s
    try:
        while clock.now_s < begin_s + for_s:
            output.poll(0.05)
    except BoardResetError as error:
        error.after_s = clock.now_s - begin_s
        raise
    return clock.now_s - begin_s


@pytest.mark.parametrize(
    ("text", "kind", "cause"),
    [
        (ESP32, "watchdog", "TG1WDT_SYS_RESET"),
        (ESP8266, "watchdog", "wdt reset"),
        (S3, "watchdog", "TG0WDT_SYS_RST"),
        (PANIC, "watchdog", "task_wdt"),
        (ESP32.replace(b"TG1WDT_SYS", b"RTCWDT_RTC"), "watchdog", "RTCWDT_RTC_RESET"),
        (ESP32.replace(b"TG1WDT_SYS", b"RTCWDT_BROWN_OUT"), "supply", "RTCWDT_BROWN_OUT_RESET"),
        (ESP32.replace(b"TG1WDT_SYS_RESET", b"POWERON_RESET"), "supply", "POWERON_RESET"),
        (b"\r\nGuru Meditation Error: Core  1 panic'ed (LoadProhibited)\r\n", "crash", ""),
        (SOFT + BANNER, "soft reboot", ""),
        (BANNER, "other", ""),
        (b"MicroPython f458e3a23f on 2026-07-05; linux [GCC 14.2.1] version\n", "other", ""),
    ],
)  # fmt: skip
def test_a_boot_is_recognised_and_its_cause_named(text, kind, cause):
    reset, kinds = find_reset(b"the last words\r\n" + text)
    assert reset is not None
    assert (reset.kind, reset.cause) == (kind, cause)
    said = str(reset.error("/dev/ttyUSB0", when="while it was captured from"))
    assert "\n" not in said
    assert "while it was captured from" in said
    if kind == "watchdog":
        assert cause in said
        assert "main.py" in said
        assert kinds > 1


@pytest.mark.parametrize(
    "text",
    [
        b"the last reset was rst:0x8 (TG1WDT_SYS_RESET)\r\n",
        b"sys.version: 3.4.0; MicroPython v1.24.0 on 2024-10-25\r\n",
        b"waiting for MPY: soft reboot\r\nMPY: soft reboot in 5 s\r\n",
        b">>> press a key\r\n",
        b"bets are on\r\nets are fine\r\nrst: 0x8\r\nrst:0x8\r\n",
        b"MicroPython is running on 2 boards\r\n",
    ],
)
def test_words_of_a_boot_in_a_sentence_are_none(text):
    assert find_reset(text) == (None, 0)


@pytest.mark.parametrize("size", [1, 5, 17])
@pytest.mark.parametrize("boot", [ESP32, ESP8266, SOFT + BANNER, S3, PANIC])
@pytest.mark.parametrize("after", [b"", b"fed\r\n"])
def test_a_reset_in_a_window_is_told_within_seconds(boot, size, after):
    parts = [boot[k : k + size] for k in range(0, len(boot), size)]
    with pytest.raises(BoardResetError) as caught:
        listen(WINDOW_BEGINS, *parts, *[after] * 2000, window_s=3600.0, for_s=600.0)
    took_s = caught.value.after_s - 0.05 * len(parts)
    assert took_s < CONFIRMED_S + 1


@pytest.mark.parametrize("boot", [SOFT, BANNER, b"raw REPL; CTRL-B to exit\r\n>"])
def test_one_line_alone_is_doubted_as_long_as_a_program_may_be_silent(boot):
    with pytest.raises(BoardResetError) as caught:
        listen(WINDOW_BEGINS, boot, window_s=3600.0)
    assert caught.value.after_s < DOUBTED_S + 1
    with pytest.raises(BoardResetError) as caught:
        listen(WINDOW_BEGINS, boot, window_s=3.0)
    assert caught.value.after_s < 3.0 + CONFIRMED_S + 1


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("window_s", [None, 5.0])
def test_frames_that_go_on_are_no_reset_whatever_is_printed_between(seed, window_s):
    draw = random.Random(seed)
    boots = b"".join((ESP32, ESP8266, SOFT, BANNER, b"\r\n", S3, PANIC))
    lines = [line + b"\r\n" for line in boots.split(b"\r\n")]
    arrivals, number = [WINDOW_BEGINS], 3
    while len(arrivals) < 400:
        arrivals += draw.sample(lines, draw.randint(1, 6))
        arrivals += [b""] * draw.randint(0, 20)
        sent = frame(number=number)
        at = draw.randrange(len(sent))
        arrivals += [sent[:at], sent[at:] + draw.choice((b"", b">>> ", b"MPY: soft re"))]
        number += 1
    assert listen(*arrivals, window_s=window_s, for_s=0.05 * len(arrivals)) > 0


def test_a_window_without_frames_survives_a_line_of_a_boot():
    """Its stamps come when it has closed."""
    quiet = [b""] * round(4.5 / 0.05)
    arrivals = (WINDOW_BEGINS, SOFT, *quiet, frame(number=3))
    assert listen(*arrivals, window_s=5.0, for_s=30.0) > 0


def test_a_board_that_boots_again_and_again_is_told_from_one_that_was_opened():
    assert find_boot_loop(ESP32 + b"\r\n" * 3) is None
    loop = find_boot_loop(ESP32 + b"rubbish\r\n" + ESP32)
    assert loop is not None
    assert loop.cause == "TG1WDT_SYS_RESET"


def test_a_flood_of_something_else_is_not_searched_line_by_line(monkeypatch):
    """Each of the expressions would take longer than all else that is done with it."""
    monkeypatch.setattr(boot_messages, "_SIGNS", {})
    assert find_reset(b"A" * 65536) == (None, 0)
    with pytest.raises(KeyError):
        find_reset(SOFT)
