"""What ``--board`` accepts, parsed: a string in, a :class:`BoardSpec` out, no I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from hil.boards.sim import SimKnobs, parse_sim_knobs
from hil.errors import ConfigurationError
from hil.records import Source
from hil.transport.opening import BAUDRATE

Kind = Literal["serial", "usb-id", "auto", "sim", "qemu", "labgrid", "replay"]

_SHORTCUT = re.compile(r"([auc])(\d+)\Z")
_SHORTCUT_PORT = {"a": "/dev/ttyACM", "u": "/dev/ttyUSB", "c": "COM"}
_URL_SCHEMES = ("rfc2217://", "socket://")
_BAUD = re.compile(r"[?&]baud=([^&]*)")
_BAUDRATES = range(300, 12_000_001)
_FORMS = (
    "a port such as /dev/ttyUSB0 or COM5, auto, a0/u0/c0, id:SERIAL, sim, qemu-microbit, "
    "rfc2217://HOST:PORT, socket://HOST:PORT, labgrid:PLACE or replay:FOLDER"
)


@dataclass(frozen=True, slots=True)
class BoardSpec:
    """One ``--board`` value: ``target`` is a port, a USB serial number or a folder by ``kind``.

    ``baudrate`` is what ``?baud=N`` behind a port says.
    """

    text: str
    kind: Kind
    target: str = ""
    knobs: SimKnobs | None = None
    baudrate: int = BAUDRATE

    @property
    def source(self) -> Source:
        """Where the figures of such a board come from."""
        if self.kind == "sim":
            return "sim"
        if self.kind == "qemu":
            return "emulator"
        return "replay" if self.kind == "replay" else "hardware"

    @property
    def slug(self) -> str:
        """The board's name as a folder name: letters, digits, ``-`` and ``_`` only."""
        text = "replay" if self.kind == "replay" else self.text.removeprefix("/dev/")
        return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-")[:40] or "board"


def parse_board(text: str) -> BoardSpec:
    """Parse one ``--board`` value.

    Raises :class:`~hil.errors.ConfigurationError` saying what is accepted.
    """
    text = text.strip()
    if not text:
        raise ConfigurationError(f"--board needs a value: {_FORMS}")
    if text == "sim" or text.startswith("sim:"):
        return BoardSpec(text, "sim", knobs=parse_sim_knobs(text.partition(":")[2]))
    if text == "auto":
        return BoardSpec(text, "auto")
    if text.startswith("replay:"):
        return BoardSpec(text, "replay", _needed(text, "replay:", "a run's folder"))
    if text.startswith("labgrid:"):
        return BoardSpec(text, "labgrid", _needed(text, "labgrid:", "a place's name"))
    if text == "qemu-microbit":
        return BoardSpec(text, "qemu")
    port, baudrate = _split_baudrate(text)
    if port.startswith("id:"):
        target = _needed(port, "id:", "a USB serial number")
        return BoardSpec(text, "usb-id", target, baudrate=baudrate)
    if port.startswith("port:"):
        return BoardSpec(text, "serial", _needed(port, "port:", "a port"), baudrate=baudrate)
    shortcut = _SHORTCUT.match(port)
    if shortcut:
        device = _SHORTCUT_PORT[shortcut[1]] + shortcut[2]
        return BoardSpec(text, "serial", device, baudrate=baudrate)
    if port.startswith(_URL_SCHEMES):
        _check_url(text, port)
        return BoardSpec(text, "serial", port, baudrate=baudrate)
    if port.startswith("/") or port.upper().startswith("COM"):
        return BoardSpec(text, "serial", port, baudrate=baudrate)
    raise ConfigurationError(f"--board={text}: not a board; use {_FORMS}")


def _split_baudrate(text: str) -> tuple[str, int]:
    """A port without its ``?baud=N``, and N."""
    found = _BAUD.search(text)
    if not found:
        return text, BAUDRATE
    number = found[1]
    if not (
        number.isascii() and number.isdecimal() and len(number) < 9 and int(number) in _BAUDRATES
    ):
        raise ConfigurationError(f"--board={text}: baud= needs a number from 300 to 12000000")
    rest = text[found.end() :]
    return text[: found.start()] + (f"?{rest[1:]}" if rest and found[0][0] == "?" else rest), int(
        number
    )


def _check_url(text: str, url: str) -> None:
    scheme = url.partition(":")[0]
    try:
        parts = urlsplit(url)
        complete = bool(parts.hostname) and parts.port is not None and 0 < parts.port < 65536
        complete = complete and not parts.path
    except ValueError:  # also for a bracket without its other one
        complete = False
    if not complete:
        raise ConfigurationError(
            f"--board={text}: a remote port is {scheme}://HOST:PORT, "
            "for example socket://192.168.1.5:4000"
        )


def _needed(text: str, prefix: str, what: str) -> str:
    target = text.removeprefix(prefix)
    if not target:
        raise ConfigurationError(f"--board={text}: {prefix} needs {what} behind it")
    return target
