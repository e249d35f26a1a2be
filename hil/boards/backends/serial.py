"""Serial ports that are attached, those that answer, and a board's port after it re-appeared."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from serial.tools import list_ports

from hil.boards.attach import AttachLimits
from hil.boards.diagnosis import is_locked, port_holders
from hil.boards.locks import BoardLock, lock_holder, lock_names
from hil.boards.raw_repl import RawRepl
from hil.model.errors import BoardNotFoundError, HilError

if TYPE_CHECKING:
    from typing import Self

    from hil.boards.backend import BoardSpec

_AT_ONCE = 16
_HELLO = "import sys\nprint('hil', sys.implementation[0])"
_HELLO_ANSWER = b"hil micropython"
_PATIENCE = AttachLimits(first_answer_s=3.0)


@dataclass(frozen=True, slots=True)
class AttachedPort:
    """A serial port with its USB identity (``usb_id`` is ``vid:pid``, empty if not USB)."""

    port: str
    usb_id: str
    serial_number: str
    description: str

    @property
    def identity(self) -> str:
        """What stays the same when the board is plugged in again; empty if it has no number."""
        return f"{self.usb_id}:{self.serial_number}" if self.serial_number else ""


def attached_ports() -> tuple[AttachedPort, ...]:
    """Every USB serial port that the system lists, ordered by name."""
    found = []
    for info in sorted(list_ports.comports(), key=lambda p: p.device):
        if info.vid is None:
            continue
        found.append(
            AttachedPort(
                info.device,
                f"{info.vid:04x}:{info.pid or 0:04x}",
                info.serial_number or "",
                info.description or "",
            )
        )
    return tuple(found)


def resolve_ports(spec: BoardSpec) -> tuple[str, ...]:
    """The ports that a serial, ``id:`` or ``auto`` board string stands for.

    Raises :class:`~hil.model.errors.BoardNotFoundError` when there is none.
    """
    if spec.kind == "serial":
        return (spec.target,)
    if spec.kind == "auto":
        return tuple(p.port for p in answering_ports())
    matching = tuple(p.port for p in attached_ports() if p.serial_number == spec.target)
    if not matching:
        raise BoardNotFoundError(
            f"no attached board has the USB serial number {spec.target}; "
            "`hil boards` lists what is attached"
        )
    return matching[:1]


def port_lock_names(port: str) -> tuple[str, ...]:
    """The names of the board behind ``port``, its USB identity among them."""
    device = _device(port)
    identity = next((p.identity for p in attached_ports() if _device(p.port) == device), "")
    return lock_names(port, identity)


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What is known of a board's port while it is there, to find the board when it went away.

    ``others`` are the ports that were attached beside it.
    """

    spec: BoardSpec
    known: AttachedPort | None
    others: frozenset[str]

    @classmethod
    def of(cls, spec: BoardSpec, port: str) -> Self:
        """Look at what is attached now."""
        attached = attached_ports()
        device = _device(port)
        known = next((p for p in attached if _device(p.port) == device), None)
        return cls(spec, known, frozenset(p.port for p in attached if p is not known))

    @property
    def has_number(self) -> bool:
        """Whether USB itself tells this board from all others."""
        return bool(self.known and self.known.serial_number)

    def candidates(self) -> tuple[str, ...]:
        """Where the board may be now, the likeliest first.

        With a USB serial number only the port that has it; without one its old port, then ports
        with its USB id that were not there before. Raises
        :class:`~hil.model.errors.BoardNotFoundError` when it is known not to be attached.
        """
        if self.spec.kind != "serial" or self.known is None:
            return resolve_ports(self.spec)
        attached = attached_ports()
        if not self.known.serial_number:
            kind = (self.known.usb_id, "")
            alike = [p.port for p in attached if (p.usb_id, p.serial_number) == kind]
            new = (port for port in alike if port not in self.others)
            return tuple(dict.fromkeys((self.spec.target, *new)))
        same = tuple(p.port for p in attached if p.identity == self.known.identity)
        device = _device(self.spec.target)
        if not same and any(_device(p.port) == device for p in attached):
            raise BoardNotFoundError(
                f"{self.spec.text}: another device is at this port now, and no port has the "
                f"board's USB serial number {self.known.serial_number}"
            )
        return same or (self.spec.target,)


def _device(port: str) -> str:
    return port if "://" in port or os.name != "posix" else os.path.realpath(port)


def answering_ports() -> tuple[AttachedPort, ...]:
    """The attached ports behind which a MicroPython answers; busy ones are left alone.

    Asking stops the program that runs on a board. Raises
    :class:`~hil.model.errors.BoardNotFoundError` that tells what each port said.
    """
    ports = attached_ports()
    if not ports:
        raise BoardNotFoundError(
            "--board=auto: no USB serial port is attached; plug a board in, "
            "or use --board=sim for the embedded one"
        )
    with ThreadPoolExecutor(min(_AT_ONCE, len(ports))) as pool:
        refusals = list(pool.map(_refusal, ports))
    found = tuple(port for port, refusal in zip(ports, refusals, strict=True) if refusal is None)
    if not found:
        why = "; ".join(refusal for refusal in refusals if refusal)
        raise BoardNotFoundError(f"--board=auto: no attached board answers as MicroPython: {why}")
    return found


def holder_text(port: str) -> str:
    """Who holds a port, for a list; empty if it is free."""
    holder = lock_holder(port_lock_names(port))
    if holder is not None:
        return str(holder)
    if "://" in port or not is_locked(port):
        return ""
    return ", ".join(str(one) for one in port_holders(port)) or "another program"


def _refusal(port: AttachedPort) -> str | None:
    """Why the port is not taken by ``auto``; ``None`` when a MicroPython answers."""
    try:
        with (
            BoardLock(port.port, lock_names(port.port, port.identity)),
            RawRepl(port.port, limits=_PATIENCE) as repl,
        ):
            repl.enter(soft_reset=False)
            if _HELLO_ANSWER in repl.exec(_HELLO):
                return None
            return f"{port.port}: another Python answers"
    except HilError as error:
        return str(error)
