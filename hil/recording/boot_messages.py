"""What boards say when they start: by it a reset in the middle of something is recognised.

A program may print such words itself. So a line must be exactly as a boot prints it, and a frame
of the agent that comes behind it clears the suspicion: an agent does not survive a reset.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hil.model.errors import BoardResetError
from hil.model.printable import escaped_bytes
from hil.recording.interfaces import REAL_CLOCK, seconds

if TYPE_CHECKING:
    from hil.recording.interfaces import Clock

ResetKind = Literal["watchdog", "supply", "crash", "soft reboot", "sleep", "other"]
CONFIRMED_S, DOUBTED_S = 1.5, 10.0
"""How long a boot's lines of two kinds, or of one, are believed to be a program's own text."""
_TAIL = 2000
_MAX_SAID = 90
_LINE, _ENDS = rb"(?:\A|(?<=[\r\n]))", rb"[ \t]*(?=[\r\n])"
_SIGNS = {
    name: re.compile(pattern)
    for name, pattern in {
        "ROM": _LINE
        + rb" ?(?:ets [A-Z][a-z]{2} [ \d]\d \d{4}\b|ESP-ROM:esp|\*\*\* Booting Zephyr OS )"
        + rb"[^\r\n]{0,80}",
        "cause": rb"(?:" + _LINE + rb"rst:0x[0-9a-fA-F]{1,2} \((?P<esp>\w{1,40})\)"
        rb"|,rst cause:(?P<esp8266>\d)\b)[^\r\n]{0,60}",
        "crash": _LINE
        + rb" ?(?:(?:Soft )?(?P<wdt>(?:wdt|WDT) reset)"
        + _ENDS
        + rb"|Guru Meditation Error: [^\r\n]{0,60}|abort\(\) was called at PC 0x[^\r\n]{0,60}"
        + rb"|(?P<brownout>Brownout detector was triggered)|Rebooting\.\.\."
        + _ENDS
        + rb"|E \(\d+\) (?P<task>task_wdt): Task watchdog got triggered)",
        "soft": _LINE + rb"(?:MPY: )?soft reboot" + _ENDS,
        "banner": _LINE
        + rb"(?:MicroPython \S+ on \d{4}-\d\d-\d\d|Adafruit CircuitPython \d\S* on \d{4}-)"
        + rb"[^\r\n]{0,90}",
        "prompt": _LINE + rb">>> \Z",
        "raw prompt": _LINE + rb"raw REPL; CTRL-B to exit\r?\n>\Z",
    }.items()
}
_WORDS = {
    "ROM": (b"ets ", b"ESP-ROM:", b"Zephyr OS"),
    "cause": (b"rst:0x", b"rst cause:"),
    "crash": (b" reset", b"Guru ", b"abort() ", b"Brownout ", b"Rebooting", b"task_wdt"),
    "soft": (b"soft reboot",),
    "banner": (b"MicroPython ", b"CircuitPython "),
    "prompt": (b">>> ",),
    "raw prompt": (b"raw REPL",),
}
"""One of them is in each such line: looked for first, which is fast in a flood of something."""
_ESP8266_CAUSES = {b"1": "power-on", b"2": "its reset pin", b"3": "software", b"4": "watchdog"}
_WATCHDOG = re.compile(r"WDT|watchdog", re.IGNORECASE)
_SUPPLY = re.compile(r"BROWN|POWERON|POWER_ON|power-on", re.IGNORECASE)
_CAUSES: dict[ResetKind, str] = {
    "watchdog": "the board was reset by its watchdog",
    "supply": "the board's supply failed or its reset button was pressed, and it started anew",
    "crash": "the board's firmware crashed, and it started anew",
    "soft reboot": "the board was reset softly",
    "sleep": "the board woke from a deep sleep and started anew",
    "other": "the board was reset",
}
_FEED_IT = (
    "main.py or boot.py starts a watchdog that only its own program feeds, and nothing but a reset "
    "stops it: take it out there, or run without main.py"
)
_LOOK_AT_IT = (
    "look at main.py and boot.py for a watchdog or a call of machine.reset(), and at its supply"
)
_REMEDIES: dict[ResetKind, str] = {
    "watchdog": _FEED_IT,
    "supply": "look at its cable, hub and supply",
    "crash": "update its firmware (https://micropython.org/download)",
    "soft reboot": (
        "something sent it a Ctrl-D or ended its program: look for another program that has the "
        "port open"
    ),
    "sleep": (
        "its main.py or boot.py calls machine.deepsleep(): press reset and run again at once, or "
        "take that out of it"
    ),
    "other": _LOOK_AT_IT,
}
RESET_BY_WATCHDOG = f"{_CAUSES['watchdog']}; {_FEED_IT}"
RESET_SOMEHOW = _LOOK_AT_IT
"""What to say of a reset that the board told of only when it was asked."""


@dataclass(frozen=True, slots=True)
class BoardReset:
    """A reset by what the board said; ``cause`` is its own word for it, empty if it has none."""

    kind: ResetKind
    said: str
    cause: str = ""

    def error(self, port: str, *, when: str = "") -> BoardResetError:
        """The error that tells it, and what to do."""
        named = f" ({self.cause})" if self.cause else ""
        text = f"{port}: {_CAUSES[self.kind]}{named}{when and ' '}{when}"
        said = f", it said {self.said!r}" if self.said else ""
        return BoardResetError(
            f"{text}{said}; {_REMEDIES[self.kind]}", cause=self.cause or self.kind
        )


def find_reset(text: bytes, *, running: bool = False) -> tuple[BoardReset | None, int]:
    """The reset that ``text`` tells of, and how many kinds of a boot's lines are in it.

    Of a board where a program is ``running`` even the raw REPL's greeting is one.
    """
    matches = {
        name: match
        for name, words in _WORDS.items()
        if any(word in text for word in words) and (match := _SIGNS[name].search(text))
    }
    if not running:
        matches.pop("raw prompt", None)
    if not matches:
        return None, 0
    first = matches.get("cause") or next(iter(matches.values()))
    said = escaped_bytes(first[0].strip()[:_MAX_SAID])
    return BoardReset(*_kind_of(matches, said)), len(matches)


def find_boot_loop(text: bytes) -> BoardReset | None:
    """The reset that ``text`` tells of more than once: one comes of opening a port."""
    told = [match.end() for match in _SIGNS["cause"].finditer(text)]
    return find_reset(text[told[-2] :])[0] if len(told) > 1 else None


def _kind_of(matches: dict[str, re.Match[bytes]], said: str) -> tuple[ResetKind, str, str]:
    crash, told = matches.get("crash"), matches.get("cause")
    cause = ""
    if told is not None:
        number = told["esp8266"]
        cause = (told["esp"] or b"").decode("ascii") if number is None else ""
        if number is not None:
            cause = _ESP8266_CAUSES.get(number, f"cause {number.decode('ascii')}")
    if crash is not None and (crash["wdt"] or crash["task"]):
        return "watchdog", said, (crash["wdt"] or crash["task"]).decode("ascii")
    if _SUPPLY.search(cause) or (crash is not None and crash["brownout"]):
        return "supply", said, cause
    if _WATCHDOG.search(cause):
        return "watchdog", said, cause
    if crash is not None:
        return "crash", said, cause
    if "SLEEP" in cause:
        return "sleep", said, cause
    return ("soft reboot" if "soft" in matches else "other"), said, cause


class ResetWatch:
    """Looks for a reset in what a board sends while something runs on it; ``port`` names it."""

    def __init__(self, port: str, clock: Clock = REAL_CLOCK) -> None:
        self._port = port
        self._clock = clock
        self._tail = b""
        self._reset: BoardReset | None = None
        self._kinds = 0
        self._since_s = self._silent_until_s = 0.0

    def feed(self, data: bytes) -> None:
        """Take what came."""
        text = self._tail + data
        self._tail = text[-_TAIL:]
        reset, kinds = find_reset(text, running=True)
        if reset is not None and kinds >= self._kinds:
            if self._reset is None:
                self._since_s = seconds(self._clock)
            self._reset, self._kinds = reset, kinds

    def clear(self) -> None:
        """What runs has spoken: it was not reset."""
        self._tail, self._reset, self._kinds = b"", None, 0
        self._silent_until_s = 0.0

    def check(self, *, when: str = "", silent_s: float = 0.0, at_once: bool = False) -> None:
        """Raise :class:`~hil.model.errors.BoardResetError` if there was a reset.

        For the next ``silent_s`` nothing can be expected of a program that was not reset: before
        that a single line of a boot is not believed, at most for :data:`DOUBTED_S`; ``at_once``
        everything is.
        """
        if self._reset is None:
            return
        now_s = seconds(self._clock)
        if silent_s > 0:
            self._silent_until_s = now_s + silent_s
        told_s = self._since_s + CONFIRMED_S
        if self._kinds == 1:
            told_s = min(self._since_s + DOUBTED_S, max(told_s, self._silent_until_s + CONFIRMED_S))
        if at_once or now_s >= told_s:
            raise self._reset.error(self._port, when=when)
