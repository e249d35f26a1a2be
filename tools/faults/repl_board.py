"""A board with a REPL that follows a script: attached, asked, given code, and measured.

It knows the code that it may be sent by heart (the pieces of the device files) and does what that
code would do. All else is damage, and answered as MicroPython answers what it can't parse. Time is
the scripted clock's; what the board does with it takes a usual board's time, times ``slow``.
"""

from __future__ import annotations

import ast
import heapq
import itertools
import random
import re
import zlib
from collections.abc import Callable

from hil.agents import bundle
from hil.agents.upload import UPLOAD_FILE
from hil.boards.identity import PROBE_PIECE_BYTES
from tools.faults.scripted_board import TICKS, Script, ScriptedBoard, ScriptedClock

GREETING = b"raw REPL; CTRL-B to exit\r\n>"
PROMPT = b"\r\nMicroPython v1.24.0 on 2026-01-01; scripted with nothing\r\n>>> "
BOOT_MESSAGES = (
    b"ets Jul 29 2019 12:21:46\r\n\r\nrst:0x8 (TG1WDT_SYS_RESET),boot:0x13 (SPI_FAST_FLASH)\r\n",
    b"ESP-ROM:esp32s3-20210327\r\nrst:0x7 (TG0WDT_SYS_RST),boot:0x8 (SPI_FAST_FLASH_BOOT)\r\n",
    b"MPY: soft reboot\r\n",
    b"",
)
FACTS = {
    "free": "120000", "tp": str(TICKS), "platform": "scripted", "version": "1.24.0",
    "machine": "scripted with nothing", "cpu_hz": "125000000", "uid": "5c21b7ed", "res_us": "1",
    "sched_depth": "8",
}  # fmt: skip
CAPABILITIES = (
    "raw_paste,pin,disable_irq,pin_irq,schedule,timer,timer_virtual,timer_init,timer_hard,thread,"
    "asyncio,tsf,stdin_poll,crc32,stdout_buffer,fs"
)
STAGES = ("attach", "identify", "calibrate", "upload", "window", "after")
"""What a session does one after the other; a fault is put into one of them."""
_WINDOW_BYTES = 128
_ANSWER_S, _LOOP_S, _REBOOT_S = 0.002, 0.0045, 0.05
_NEVER = [(1e18, 0, lambda: None)]
_NAME_ERROR = b"NameError: name 'hil_take' isn't defined\r\n"
_TRACEBACK = b'Traceback (most recent call last):\r\n  File "<stdin>", line 1, in <module>\r\n'
_PROOF = re.compile(r"print\('hil',(\d+)\+1\)")
_TAKE = re.compile(r"hil_take\((\d+),(\d+),(\d+),(\d+),'''(.*)'''\)", re.DOTALL)
_CONFIG = re.compile(r"^hil_main\(\w+,(\{.*?\}),", re.DOTALL)


def _pieces(*paths: str, **options: int) -> dict[str, bytes]:
    return {piece: b"" for path in paths for piece in bundle.pieces(path, **options)}


def _probe_answers() -> dict[str, bytes]:
    """What each piece of the probe prints."""
    answers = {}
    for piece in bundle.pieces("board/probe.py", piece_bytes=PROBE_PIECE_BYTES):
        keys = [key for key in FACTS if f"hil:{key}=" in piece]
        answers[piece] = b"".join(f"hil:{key}={FACTS[key]}\r\n".encode() for key in keys)
        if "hil:end=" in piece:
            answers[piece] += f"hil:cap={CAPABILITIES}\r\nhil:end=1\r\n".encode()
    return answers


class CalibratedBoard(ScriptedBoard):
    """The program by which the instrument measures itself."""

    def _program(self):  # type: ignore[no-untyped-def]
        values = {"read": 32, "stamp": 180, "keep": 40, "rounds": 8, "task": 300, "empty": 130}
        self._out += self._text("H", v=1, technique="calibrate", tp=TICKS, tasks=0)
        channels = [*values.items(), ("step", 1)]
        for index, (name, _) in enumerate(channels):
            self._out += self._text("C", i=index, name=f"cal.{name}", kind="value")
        yield ("until", self.clock.now + 0.4)
        for index, (_, value) in enumerate(channels):
            numbers = [value + (k % 2) * (value > 1) for k in range(100)]
            self._out += self._values(index, numbers)
            self._out += self._text("T", i=index, n=len(numbers), dropped=0)
        batches = {f"{name}_batch": 16 for name in values}
        us1 = (self.script.us0 + 400_000) % TICKS
        ms0 = (self.script.us0 // 1000) % TICKS
        self._out += self._text(
            "E", us0=self.script.us0 % TICKS, us1=us1, ms0=ms0, ms1=(ms0 + 400) % TICKS,
            status="ok", rounds=1, **batches,
        )  # fmt: skip
        self._out += b"\x04\x04"


class ReplBoard:
    """The board: bytes in by :meth:`write`, out by :meth:`read`, both on ``clock``.

    ``stage`` says what the session is at; ``strike`` is called once when ``at`` bytes have passed
    in the stage ``when``, and ``struck_in_window`` says whether its program was at work then.
    ``on_soft_reset`` is told of soft resets.
    """

    def __init__(self, script: Script, clock: ScriptedClock, chance: random.Random) -> None:
        self.script, self.clock, self.chance = script, clock, chance
        self.slow = 1.0
        self.stage = "attach"
        self.passed = dict.fromkeys(STAGES, 0)
        self.when, self.at = "", 0
        self.strike: Callable[[], None] | None = None
        self.struck_in = ""
        self.struck_in_window = False
        self.on_soft_reset: Callable[[], None] | None = None
        self.echoes = False
        self.facts: dict[str, str] = {}
        self.program: ScriptedBoard | None = None
        self.interrupted = False
        self.started: list[str] = []
        self._out = bytearray()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._plans: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._busy_until = 0.0
        self._mode = "friendly"
        self._line = bytearray()
        self._paste = bytearray()
        self._granted = 0
        self._deaf_until = 0.0
        self._loaded: set[str] = set()
        self._uploaded = -1
        self._known: dict[str, bytes] = {
            **_pieces("board/leftover_activity.py", "board/wiring_check.py"),
            **_pieces("board/temperature.py", piece_bytes=PROBE_PIECE_BYTES),
            **_probe_answers(),
        }
        self._upload_pieces = set(bundle.pieces(UPLOAD_FILE))

    # what the session does

    def write(self, data: bytes) -> int:
        """Take bytes of the host; how many."""
        self._catch_up()
        self._count(len(data))
        if self.clock.now < self._deaf_until:
            return len(data)
        if self.echoes:
            self._out += data
        self._take(bytes(data))
        return len(data)

    def read(self, timeout_s: float) -> bytes:
        """What the board says first, waiting for it so long."""
        end = self.clock.now + max(0.0, timeout_s)
        while True:
            self._catch_up()
            if self._out:
                size = self.chance.choice((1, 16, 64, 500, 4096))
                data = bytes(self._out[:size])
                del self._out[:size]
                self._count(len(data))
                return data
            due = min(events[0][0] for events in (self._events, self._plans, _NEVER) if events)
            if self.program is not None:
                data = self.program.read(max(0.0, min(end, due) - self.clock.now))
                if data:
                    self._out += data
                    self._after_program()
                    continue
                if self._after_program():
                    continue
            elif due <= end:
                self.clock.now = max(self.clock.now, due)
                continue
            if self.clock.now >= end or due > end:
                self.clock.now = max(self.clock.now, end)
                return b""

    # what happens to it

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Let something happen to it by then, whatever becomes of what it does itself."""
        heapq.heappush(self._plans, (self.clock.now + seconds, next(self._order), action))

    def say(self, text: bytes) -> None:
        """Something that is no answer stands in its output."""
        self._out += text

    def reset(self, message: bytes, boot_s: float, *, prompt: bool = True) -> None:
        """As by a watchdog: nothing of before is left, and for a while nothing is heard."""
        self._forget()
        self._out += message
        self._deaf_until = self.clock.now + boot_s
        self._events.clear()
        self._mode = "friendly"
        if prompt:
            self._answer(PROMPT, boot_s / self.slow)

    def press_reset(self) -> None:
        """The reset button."""
        self.reset(b"", 0.2)

    def stand_still(self, seconds: float) -> None:
        """Nothing goes on in it for so long, and it hears what came when it goes on."""
        self._busy_until = max(self._busy_until, self.clock.now) + seconds
        if self.program is not None:
            self.program.stand_still(seconds)

    def _forget(self) -> None:
        self.program = None
        self._line.clear()
        self._paste.clear()
        self._loaded.clear()
        self._uploaded = -1
        self._busy_until = 0.0

    def _count(self, size: int) -> None:
        self.passed[self.stage] += size
        if self.strike is not None and self.stage == self.when and self.passed[self.when] > self.at:
            strike, self.strike, self.struck_in = self.strike, None, self.when
            measuring = self.when == "window" and self.program is not None
            self.struck_in_window = measuring and not self.program.told_all
            strike()

    def _catch_up(self) -> None:
        while True:
            events = min(self._events or _NEVER, self._plans or _NEVER, key=lambda e: e[0][0])
            if events[0][0] > self.clock.now:
                return
            heapq.heappop(events)[2]()

    def _answer(self, text: bytes, cost_s: float = _ANSWER_S) -> None:
        due = max(self._busy_until, self.clock.now) + cost_s * self.slow
        self._busy_until = due
        heapq.heappush(self._events, (due, next(self._order), lambda: self.say(text)))

    def _after_program(self) -> bool:
        """Back at the prompt when the program is at its end; whether it just came to it."""
        program = self.program
        if program is None or not program.ended:
            return False
        self.program = None
        self._mode = "raw"
        self._out += b">"
        if isinstance(program, CalibratedBoard):
            self.stage = "upload"
        else:
            self.interrupted = self.interrupted or program.interrupted
            self.stage = "after"
        return True

    # its REPL

    def _take(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            if self.program is not None:
                self.program.write(data[at:])
                return
            if self._mode == "paste":
                at = self._take_paste(data, at)
            else:
                self._take_key(data[at : at + 1])
                at += 1

    def _take_key(self, key: bytes) -> None:
        raw = self._mode == "raw"
        if key == b"\x03":
            self._line.clear()
            if not raw:
                self._answer(b"\r\n>>> ")
        elif key == b"\x01":
            if raw and bytes(self._line) == b"\x05A":
                self._line.clear()
                self._paste.clear()
                self._mode, self._granted = "paste", _WINDOW_BYTES
                self._answer(b"R\x01" + _WINDOW_BYTES.to_bytes(2, "little") + b"\x01")
                return
            self._mode = "raw"
            self._line.clear()
            self._answer((b"" if raw else b"\r\n") + GREETING)
        elif key == b"\x02":
            self._mode = "friendly"
            self._line.clear()
            self._answer(PROMPT)
        elif key == b"\x04":
            code = bytes(self._line)
            self._line.clear()
            if code.strip():
                if raw:
                    self._answer(b"OK")
                    self._execute(code)
                return
            self._reset_softly(raw)
        elif len(self._line) < 100_000:
            self._line += key
            if not raw and key >= b" ":
                self._answer(key, 0.0)

    def _reset_softly(self, raw: bool) -> None:
        self._forget()
        if raw:
            self._answer(b"OK\r\nMPY: soft reboot\r\n", _REBOOT_S)
            self._answer(GREETING, _REBOOT_S)
        else:
            self._answer(b"\r\nMPY: soft reboot\r\n" + PROMPT, _REBOOT_S)
        if self.on_soft_reset is not None:
            self.on_soft_reset()

    def _take_paste(self, data: bytes, at: int) -> int:
        ends = [index for mark in b"\x03\x04" if (index := data.find(mark, at)) >= 0]
        end = min(ends, default=len(data))
        self._paste += data[at:end]
        while len(self._paste) >= self._granted:
            self._granted += _WINDOW_BYTES
            self._answer(b"\x01", 0.0005)
        if not ends:
            return end
        self._mode = "raw"
        code = bytes(self._paste)
        self._paste.clear()
        self._answer(b"\x04", 0.0005)
        if data[end] == 3:
            self._answer(b"\x04" + _TRACEBACK + b"KeyboardInterrupt: \r\n\x04>")
        else:
            self._execute(code)
        return end + 1

    def _execute(self, code: bytes) -> None:
        """Run code, of which the answer comes when it has run."""
        printed, error = self._run(code.decode("ascii", "replace"))
        if error is None:
            return
        trace = _TRACEBACK + error if error else b""
        self._answer(printed + b"\x04" + trace + b"\x04>")

    def _run(self, code: str) -> tuple[bytes, bytes | None]:
        """What code prints and what it raises; ``None``: it is a program, and has begun."""
        if proof := _PROOF.match(code):
            self._answer(b"hil %d\r\n" % (int(proof[1][:15]) + 1))
            self._busy_until += (_LOOP_S if "range" in code else 0.0) * self.slow
            return b"", b""
        if code in self._upload_pieces:
            self.stage = "upload"
            self._loaded.add(code)
            return b"", b""
        if code in self._known:
            if self.stage == "attach" and "hil:tp=" in code:
                self.stage = "identify"
            printed = self._known[code]
            for key, value in self.facts.items():
                printed = printed.replace(f"hil:{key}={FACTS[key]}".encode(), value.encode())
            return printed, b""
        if code.startswith("hil_take("):
            return self._take_code(code)
        return b"", b"" if code.strip() in (
            "",
            "gc.collect()",
        ) else b"SyntaxError: invalid syntax\r\n"

    def _take_code(self, code: str) -> tuple[bytes, bytes | None]:
        if self._loaded != self._upload_pieces:
            return b"", _NAME_ERROR
        call = _TAKE.fullmatch(code)
        if call is None:
            return b"", b"SyntaxError: invalid syntax\r\n"
        number, size, crc = (int(call[k][:12]) for k in (1, 2, 3))
        text = re.sub(r"\\(.)", r"\1", call[5], flags=re.DOTALL)
        if len(text) != size or zlib.crc32(text.encode("ascii", "replace"), number) != crc:
            return b"", b"ValueError: hil:damaged %d\r\n" % len(text)
        if number == self._uploaded:
            return b"", b""
        self._uploaded = number
        config = _CONFIG.match(text)
        if config is None:
            return b"", b""
        self._start(str(ast.literal_eval(config[1])["technique"]))
        return b"", None

    def _start(self, technique: str) -> None:
        self.started.append(technique)
        kind = CalibratedBoard if technique == "calibrate" else ScriptedBoard
        self.stage = "calibrate" if kind is CalibratedBoard else "window"

        def begin() -> None:
            self.program = kind(self.script, self.clock, self.chance)

        due = max(self._busy_until, self.clock.now) + _ANSWER_S * self.slow
        heapq.heappush(self._events, (due, next(self._order), begin))
