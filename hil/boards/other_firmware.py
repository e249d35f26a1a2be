"""What answers behind a port if it is not the MicroPython that hil measures, in one sentence.

By what it wrote (:func:`recognise_other`), or by what it says when it is asked (:func:`ask`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.model.errors import HilError
from hil.model.printable import escaped_bytes

if TYPE_CHECKING:
    from hil.recording.interfaces import Prompt

OLDEST = (1, 20)
"""The oldest MicroPython of which every part of hil is promised to run."""
DOWNLOAD = "https://micropython.org/download"
_FLASH = f"flash MicroPython ({DOWNLOAD})"
_OTHER_PORT = "choose another port (`hil boards` lists them)"
_ASK_S = 3.0
_MOST = 80
_MARK = b"hil:is="
# nothing that any Python lacks; CPython's implementation is no tuple
_QUESTION = """
import sys
i=getattr(sys,'implementation',None)
try:
 i=list(i[:2])+[getattr(i,'_machine','')]
except TypeError:
 i=[getattr(i,'name','python'),sys.version_info,'']
print('hil:is=%s|%s|%s'%(i[0],'.'.join(str(n) for n in list(i[1])[:3]),i[2]))
"""
_CIRCUITPYTHON = re.compile(
    rb"Adafruit CircuitPython (\S{1,40})(?: on [^;\r\n]{0,40}; ([ -~]{1,80}))?"
)
_CPYTHON = re.compile(rb"Python (3\.\d{1,2}\.\d{1,3}\S{0,10}) \(")
_CONSOLES = tuple(
    (re.compile(pattern), what, advice)
    for pattern, what, advice in (
        (rb"login: ?|Password: ?", "a login prompt", _OTHER_PORT),
        (rb"(?m)^[\w.-]{1,64}@[\w.-]{1,64}:\S{0,200}[#$] ", "a shell", _OTHER_PORT),
        (rb"(?:ba|da|a)?sh: .{0,80}: (?:command )?not found", "a shell", _OTHER_PORT),
        (rb"(?m)^(?:/|~)\S{0,80} [#$] ?\Z", "a shell", _OTHER_PORT),
        (
            rb"Hit any key to stop autoboot|U-Boot \d|(?m:^)=> ?\Z",
            "a boot loader (U-Boot)",
            _OTHER_PORT,
        ),
        (rb"Espruino|Execution Interrupted|Uncaught \w*Error", "Espruino (JavaScript)", _FLASH),
        (rb"NodeMCU|(?:stdin|lua):\d+: |Lua 5\.\d|lua\.org", "a Lua prompt (NodeMCU)", _FLASH),
        (rb"[Tt]iny[Gg]o|panic: runtime error", "a TinyGo program", _FLASH),
        (rb"uart:~\$|\*\*\* Booting Zephyr|Zephyr version", "a Zephyr shell", _FLASH),
        (rb"(?m)^(?:\x1b\[[0-9;]*m)?esp(?:32\w*)?> ", "an ESP-IDF console", _FLASH),
        (rb"msh\w* ?/?[\w/]*>|RT-Thread|(?m:^)nsh> |NuttX", "the shell of another system", _FLASH),
        (rb"Grbl \d|Marlin \d|echo:Marlin", "a motion controller", _OTHER_PORT),
        (rb"(?m)^(?:\+CM[ES] ERROR|AT version:)", "an AT modem", _OTHER_PORT),
    )
)


@dataclass(frozen=True, slots=True)
class Firmware:
    """What a board calls its Python, the version, and the machine; text from a board, made safe."""

    name: str
    version: str
    machine: str = ""

    @property
    def is_micropython(self) -> bool:
        """Whether it is one, of whatever age."""
        return self.name.lower() == "micropython"

    def refusal(self) -> str:
        """Why hil does not measure it, and what to do; empty for a MicroPython that it should."""
        what = f"{_CALLED.get(self.name.lower(), self.name)} {self.version}".strip()
        if self.machine:
            what += f" on {self.machine}"
        if not self.is_micropython:
            return f"this is {what}; hil measures MicroPython: flash it ({DOWNLOAD})"
        number = re.match(r"(\d{1,4})\.(\d{1,4})", self.version)
        if number and (int(number[1]), int(number[2])) < OLDEST:
            oldest = ".".join(map(str, OLDEST))
            return f"this is {what}; hil needs {oldest} or newer: flash a current one ({DOWNLOAD})"
        return ""


_CALLED = {"micropython": "MicroPython", "circuitpython": "CircuitPython", "cpython": "CPython"}


def ask(prompt: Prompt) -> Firmware | None:
    """Ask what runs code at ``prompt``; ``None`` for what can't say it."""
    try:
        said = prompt.exec(_QUESTION, timeout_s=_ASK_S)
    except HilError:
        return None
    _, mark, answer = said.partition(_MARK)
    words = [escaped_bytes(word)[:_MOST].strip() for word in answer.splitlines()[:1] or [b""]]
    name, _, more = words[0].partition("|")
    version, _, machine = more.partition("|")
    return Firmware(name, version, machine) if mark and name else None


def recognise_other(seen: bytes) -> str:
    """What wrote ``seen``, if it tells itself from MicroPython, and what to do; else empty."""
    if match := _CIRCUITPYTHON.search(seen):
        version, machine = (escaped_bytes(part or b"").strip() for part in match.groups())
        return Firmware("circuitpython", version, machine).refusal()
    if match := _CPYTHON.search(seen):
        return Firmware("cpython", escaped_bytes(match[1])).refusal() + f", or {_OTHER_PORT}"
    for pattern, what, advice in _CONSOLES:
        if pattern.search(seen):
            return f"{what} answers, and no MicroPython; {advice}"
    return ""
