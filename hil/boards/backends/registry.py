"""What ``--board`` accepts: each text parsed to a :class:`BoardSpec`, ``auto`` expanded."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hil.boards.backend import BoardSpec
from hil.boards.backends.serial import (
    answering_ports,
    attached_ports,
    port_lock_names,
    resolve_ports,
)
from hil.boards.backends.sim_knobs import parse_sim_knobs
from hil.boards.locks import lock_names
from hil.boards.serial_port import BAUDRATE
from hil.model.errors import BoardNotFoundError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHORTCUT = re.compile(r"([auc])(\d+)\Z")
_SHORTCUT_PORT = {"a": "/dev/ttyACM", "u": "/dev/ttyUSB", "c": "COM"}
_URL_SCHEMES = ("rfc2217://", "socket://")
_BAUD = re.compile(r"[?&]baud=([^&]*)")
_BAUDRATES = range(300, 12_000_001)
_FORMS = (
    "a port such as /dev/ttyUSB0 or COM5, auto, a0/u0/c0, id:SERIAL, sim, qemu-microbit, "
    "rfc2217://HOST:PORT, socket://HOST:PORT, labgrid:PLACE or replay:FOLDER"
)


def parse_board(text: str) -> BoardSpec:
    """Parse one ``--board`` value.

    Raises :class:`~hil.model.errors.ConfigurationError` saying what is accepted.
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


def expand_boards(specs: Iterable[BoardSpec]) -> tuple[BoardSpec, ...]:
    """``auto`` replaced by every attached board that answers, each named so that it stays found.

    A board with a USB serial number of its own becomes ``id:...``, another one its port.
    Raises :class:`~hil.model.errors.BoardNotFoundError` when ``auto`` finds none, and
    :class:`~hil.model.errors.ConfigurationError` when one board is meant twice.
    """
    expanded: list[BoardSpec] = []
    for spec in specs:
        expanded += _auto_boards() if spec.kind == "auto" else [spec]
    taken: dict[str, str] = {}
    for spec in expanded:
        for name in spec_lock_names(spec):
            if name in taken:
                raise ConfigurationError(
                    f"--board: {taken[name]} and {spec.text} are the same board"
                )
            taken[name] = spec.text
    return tuple(expanded)


def spec_lock_names(spec: BoardSpec) -> tuple[str, ...]:
    """The names under which a board is locked; empty for one that can't be shared."""
    if spec.kind == "labgrid":
        return lock_names(f"labgrid:{spec.target}")
    if spec.kind not in ("serial", "usb-id"):
        return ()
    try:
        return port_lock_names(resolve_ports(spec)[0])
    except BoardNotFoundError:
        return ()


def _auto_boards() -> list[BoardSpec]:
    ports = answering_ports()
    numbers = [p.serial_number for p in attached_ports()]
    return [
        parse_board(
            f"id:{p.serial_number}"
            if p.serial_number and numbers.count(p.serial_number) == 1
            else f"port:{p.port}"
        )
        for p in ports
    ]
