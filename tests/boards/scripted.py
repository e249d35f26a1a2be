"""A board with a REPL in scripted time: nothing waits, and every way never to end can be tried."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from hil.boards.backend import Backend, BoardSpec
from hil.boards.port_board import PortBoard
from hil.boards.serial_port import BufferedPort

GREETING = b"raw REPL; CTRL-B to exit\r\n>"
BOOT = (
    b"\r\nets Jul 29 2019 12:21:46\r\n\r\n"
    b"rst:0x8 (TG1WDT_SYS_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"
    b"load:0x3fff0030,len:4728\r\nentry 0x400805b4\r\n"
)
FACTS = {
    **{"free": "200000", "tp": "1073741824", "platform": "esp32", "version": "1.24.0"},
    **{"machine": "Scripted ESP32", "uid": "aabbccddeeff", "res_us": "1", "end": "1"},
    "caps": "raw_paste,schedule,timer,timer_init,stdin_poll,crc32,stdout_buffer",
}


class ScriptedClock:
    """Time that passes where somebody waits."""

    kind = "real"

    def __init__(self) -> None:
        self.now_s = 1000.0

    def now_ns(self) -> int:
        return round(self.now_s * 1e9)

    def wall_s(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


class ScriptedBoard:
    """Answers as MicroPython does, but for ``trouble``, which is asked before each piece of code.

    ``trouble(board, number)`` returns true where it answers itself; ``executed`` counts the pieces,
    ``code`` is the last one.
    From :meth:`go_on` on the board only says the same again and again, deaf to everything;
    ``trouble_s`` is when that began.
    """

    def __init__(self, trouble: Callable[[ScriptedBoard, int], bool | None] | None = None) -> None:
        self.clock = ScriptedClock()
        self.trouble = trouble or (lambda *_: False)
        self.begins_paste: Callable[[ScriptedBoard, int], bool | None] = lambda *_: False
        self.window = 256
        self.watchdog_at_s: float | None = None
        self.boot_text = BOOT
        self.by_watchdog = False
        self.code = b""
        self.answer_s = 0.0
        self.executed = self.pasted = self.received = 0
        self.trouble_s = self.clock.now_s
        self.booted_s = self.clock.now_s - 100.0
        self._out: list[tuple[float, bytes]] = []
        self._endless: tuple[float, bytes] | None = None
        self._deaf = False
        self._mode = "friendly"
        self._code = b""

    # what the script says

    def say(self, data: bytes, after_s: float = 0.0) -> None:
        last = self._out[-1][0] if self._out else 0.0
        self._out.append((max(last, self.clock.now_s + self.answer_s + after_s), data))

    def go_on(self, every_s: float, text: bytes, *, deaf: bool = True) -> bool:
        self._endless, self._deaf = (every_s, text), deaf
        self.trouble_s = self.clock.now_s
        return True

    def reset(self, *, text: bytes = BOOT, runs: bytes = b"", deaf: bool = False) -> bool:
        """Start anew; its main.py says ``runs`` every second, or its prompt comes."""
        self._mode, self._code = "running" if runs else "friendly", b""
        self.booted_s = self.clock.now_s
        self.say(text)
        if runs:
            self.go_on(1.0, runs, deaf=deaf)
        return True

    # what the port asks

    def hear(self, data: bytes) -> None:
        for k in range(len(data)):
            if not self._deaf:
                self._take(data[k : k + 1])

    def receive(self, timeout_s: float) -> bytes:
        """What comes within so long; the time passes."""
        end = self.clock.now_s + timeout_s
        if self.watchdog_at_s is not None and end >= self.watchdog_at_s:
            self.clock.now_s = max(self.clock.now_s, self.watchdog_at_s)
            self.watchdog_at_s = None
            self.reset(text=self.boot_text, runs=b"fed\r\n")
        if not self._out and self._endless is not None:
            self.say(self._endless[1], self._endless[0])
        if not self._out or self._out[0][0] > end:
            self.clock.now_s = end
            return b""
        at, data = self._out.pop(0)
        self.clock.now_s = max(self.clock.now_s, at)
        self.received += len(data)
        return data

    def _take(self, byte: bytes) -> None:
        if self._mode == "running":
            if byte == b"\x03":
                self._endless, self._mode = None, "friendly"
                self.say(b"\r\nKeyboardInterrupt: \r\n>>> ")
        elif self._mode == "paste":
            self._paste(byte)
        elif byte == b"\x01":
            if self._mode == "raw" and self._code == b"\x05A":
                self._code = b""
                self.pasted += 1
                if not self.begins_paste(self, self.pasted):
                    self._mode = "paste"
                    self.say(b"R\x01" + self.window.to_bytes(2, "little") + b"\x01")
                return
            self._mode, self._code = "raw", b""
            self.say(b"\r\n" + GREETING)
        elif byte == b"\x03":
            self._code = b""
        elif byte == b"\x02":
            self._mode = "friendly"
            self.say(b"\r\nMicroPython v1.24.0 on 2024-10-25; Scripted\r\n>>> ")
        elif byte == b"\x04" and self._mode == "raw" and self._code:
            code, self._code = self._code, b""
            self.say(b"OK")
            self._run(code)
        elif byte == b"\x04":
            raw = self._mode == "raw"
            self.say(b"OK\r\nMPY: soft reboot\r\n" + (GREETING if raw else b">>> "))
        else:
            self._code += byte

    def _paste(self, byte: bytes) -> None:
        if byte == b"\x03":
            self._mode, self._code = "raw", b""
            self.say(b"\x04\x04\r\nKeyboardInterrupt: \r\n\x04>")
        elif byte == b"\x04":
            self._mode, code, self._code = "raw", self._code, b""
            self.say(b"\x04")
            self._run(code)
        else:
            self._code += byte
            if len(self._code) % self.window == 0:
                self.say(b"\x01")

    def _run(self, code: bytes) -> None:
        self.executed += 1
        self.code = code
        if not self.trouble(self, self.executed):
            self.say(self.answer(code) + b"\x04\x04>")

    def answer(self, code: bytes) -> bytes:
        """What the code prints."""
        proof = re.match(rb"print\('hil',(\d+)\+1\)", code)
        if proof:
            return b"hil %d\r\n" % (int(proof[1]) + 1)
        if b"hil:up_ms" in code:
            up_ms = round((self.clock.now_s - self.booted_s) * 1000)
            return b"hil:up_ms=%d\r\nhil:wdt=%d\r\n" % (up_ms, self.by_watchdog)
        if b"hil:free" in code:
            return "".join(f"hil:{key}={value}\r\n" for key, value in FACTS.items()).encode()
        return b""


class ScriptedPort(BufferedPort):
    """The port of such a board."""

    def __init__(self, board: ScriptedBoard) -> None:
        super().__init__(SimpleNamespace(close=lambda: None), board.clock)
        self._board = board

    def write(self, data: bytes) -> int:
        self._check_usable()
        self._board.hear(data)
        return len(data)

    def receive(self, timeout_s: float) -> bytes:
        return self._board.receive(timeout_s)


class ScriptedBackend(Backend):
    """Reaches one such board."""

    name = "scripted"
    forms = "scripted"

    def __init__(self, board: ScriptedBoard) -> None:
        self.board = board

    def open(self, spec: BoardSpec) -> PortBoard:
        def opener(_port: str, _baudrate: int) -> Any:
            serial = ScriptedPort(self.board)

            def leave() -> None:
                serial.write(b"\r\x02")

            return SimpleNamespace(
                serial=serial, in_raw_repl=False, exit_raw_repl=leave, close=lambda: None
            )

        return PortBoard(spec, "scripted", contextlib.ExitStack(), opener=opener)

    @property
    def spec(self) -> BoardSpec:
        return BoardSpec("scripted", self)
