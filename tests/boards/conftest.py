"""Boards on a pseudo-terminal that do what no virtual machine can be made to do.

A scripted REPL: friendly, raw and raw-paste modes, with one thing wrong at a time.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import termios
import threading
import time
import tty
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

GREETING = b"raw REPL; CTRL-B to exit\r\n>"
_SPEEDS = {getattr(termios, f"B{n}"): n for n in (9600, 57600, 115200, 230400)}


@dataclass
class Habits:
    """What is special about the board; a new one has no bad habits."""

    answer_s: float = 0.0
    reboot_s: float = 0.0
    boot_s: float = 0.0
    boot_text: bytes = b""
    deaf_to: int = 0
    """How many Ctrl-C its program swallows before it ends; -1 for all."""
    storm: bytes = b""
    """Printed for as long as its program runs."""
    baudrate: int = 115200
    mode: str = "friendly"
    runs_code: bool = True
    replies: bytes | None = None
    """Not a board at all: this is the answer to whatever is sent."""
    echo: bool = False
    stops_reading: bool = False
    slow_runs: int | None = None
    """Only so many of its programs take ``answer_s``, and nothing else does; ``None``: all does."""
    window: int = 0
    """It has raw paste, with a window of so many bytes."""
    raw_needs_reset: bool = False
    """Its REPL does not become raw before it was reset softly."""


class FakeBoard:
    """Runs from construction to :meth:`stop`; ``executed`` is every piece of code it was given."""

    def __init__(self, habits: Habits | None = None) -> None:
        self.habits = habits or Habits()
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self.executed: list[bytes] = []
        self.soft_resets = 0
        self.pastes = 0
        self._code = bytearray()
        self._mode = self.habits.mode
        self._deaf = self.habits.deaf_to
        self._running = self.habits.deaf_to != 0
        self._boots_until = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self) -> FakeBoard:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def power_on(self) -> None:
        """Start anew: what was deaf listens again."""
        self._deaf, self._running, self._mode = 0, False, "friendly"

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        for fd in (self._master, self._slave):
            with contextlib.suppress(OSError):
                os.close(fd)

    def _run(self) -> None:
        booting = self.habits.boot_s > 0
        while not self._stopping.is_set():
            if self._running and self.habits.storm:
                self._say(self.habits.storm)
            if self.habits.stops_reading:
                time.sleep(0.01)
                continue
            if not select.select([self._master], [], [], 0.001 if self.habits.storm else 0.01)[0]:
                continue
            data = os.read(self._master, 4096)
            if booting:  # opening the port reset it; what comes meanwhile is lost
                self._say(self.habits.boot_text)
                self._stopping.wait(self.habits.boot_s)
                os.read(self._master, 4096)
                booting = False
                continue
            for k in range(len(data)):
                self._take(data[k : k + 1])

    def _say(self, text: bytes) -> None:
        while text and not self._stopping.is_set():
            if select.select([], [self._master], [], 0.05)[1]:
                text = text[os.write(self._master, text[:512]) :]

    def _take(self, byte: bytes) -> None:
        habits = self.habits
        speed = _SPEEDS.get(termios.tcgetattr(self._slave)[5], 0)
        if speed != habits.baudrate:
            self._say(b"\xf0\x80\xfe\xc3\x00")
        elif habits.replies is not None:
            self._say(habits.replies)
        elif habits.echo:
            self._say(byte)
        elif self._running:
            if byte == b"\x03" and self._deaf > 0:
                self._deaf -= 1
                if self._deaf == 0:
                    self._running = False
                    self._say(b"KeyboardInterrupt: \r\n>>> ")
        elif self._mode == "paste":
            self._take_pasted(byte)
        elif self._mode == "raw paste":
            self._take_raw_pasted(byte)
        elif self._mode == "raw":
            self._take_raw(byte)
        else:
            self._take_friendly(byte)

    def _answer(self, text: bytes) -> None:
        if self.habits.slow_runs is None:
            self._stopping.wait(self.habits.answer_s)
        self._say(text)

    def _take_friendly(self, byte: bytes) -> None:
        if byte == b"\x01" and self.habits.raw_needs_reset:
            return
        if byte == b"\x01":
            self._mode, self._code = "raw", bytearray()
            self._answer(GREETING)
        elif byte == b"\x04":
            self._reboot()
        elif byte in b"\r\x03":
            if byte == b"\r" and self._code:
                self.executed.append(bytes(self._code))
            self._code.clear()
            self._say(b"\r\n>>> ")
        else:
            self._code += byte

    def _take_raw(self, byte: bytes) -> None:
        if byte == b"\x01" and self._code == b"\x05A" and self.habits.window:
            self._code.clear()
            self._mode = "raw paste"
            self._answer(b"R\x01" + self.habits.window.to_bytes(2, "little") + b"\x01")
        elif byte == b"\x01":
            self._code.clear()
            self._answer(GREETING)
        elif byte == b"\x02":
            self._mode = "friendly"
            self._say(b"\r\nMicroPython v1.29.0\r\n>>> ")
        elif byte == b"\x03":
            self._code.clear()
        elif byte != b"\x04":
            self._code += byte
        elif self._code:
            self._execute(b"OK")
        else:
            self._reboot()

    def _take_pasted(self, byte: bytes) -> None:
        """In the middle of a raw paste: the end of the transfer never came."""
        if byte == b"\x03":
            self._mode = "raw"
            self._code.clear()
            self._say(b"\x04\x04Traceback (most recent call last):\r\nKeyboardInterrupt: \r\n\x04>")
        elif byte != b"\x04":
            self._code += byte

    def _take_raw_pasted(self, byte: bytes) -> None:
        if byte == b"\x04":
            self._mode = "raw"
            self.pastes += 1
            self._say(b"\x04")
            self._execute(b"")
            return
        self._code += byte
        if len(self._code) % self.habits.window == 0:
            self._answer(b"\x01")

    def _execute(self, prefix: bytes) -> None:
        code = bytes(self._code)
        self._code.clear()
        self.executed.append(code)
        printed = re.fullmatch(rb"print\((.*)\)", code.partition(b"\n")[0])
        output = b""
        if printed:
            output = " ".join(map(str, eval(b"(" + printed[1] + b",)"))).encode() + b"\r\n"
        if self.habits.slow_runs is not None and len(self.executed) <= self.habits.slow_runs:
            self._stopping.wait(self.habits.answer_s)
        if self.habits.runs_code:
            self._answer(prefix + output + b"\x04\x04>")

    def _reboot(self) -> None:
        self.soft_resets += 1
        self.habits.raw_needs_reset = False
        self._answer(b"OK\r\n" if self._mode == "raw" else b"")
        self._stopping.wait(self.habits.reboot_s)
        self._say(b"MPY: soft reboot\r\n")
        if self._mode == "raw":
            self._answer(GREETING)
        else:
            self._say(b"MicroPython v1.29.0\r\n>>> ")


@pytest.fixture
def fake() -> Iterator[Callable[..., FakeBoard]]:
    """Start fake boards, given their habits; they end with the test."""
    with contextlib.ExitStack() as stack:

        def start(**habits: Any) -> FakeBoard:
            return stack.enter_context(FakeBoard(Habits(**habits)))

        yield start
