"""Serial ports: those attached, those that answer, and a board's port after it re-appeared."""

from __future__ import annotations

import contextlib
import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from serial.tools import list_ports

from hil.boards.attach import AttachLimits
from hil.boards.backend import BAUDRATE, Backend, BoardSpec, Finding
from hil.boards.diagnosis import (
    check_device,
    check_lock,
    check_permission,
    is_locked,
    modem_manager_suspected,
    port_holders,
    second_readers,
)
from hil.boards.locks import BoardLock, brief_locks, device_lock_names, lock_holder
from hil.boards.other_firmware import ask
from hil.boards.port_board import PortBoard
from hil.boards.raw_repl import RawRepl
from hil.boards.silent_board import without_files
from hil.model.errors import BoardNotFoundError, ConfigurationError, HilError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Self

PORT_PREFIX, _NUMBER_PREFIX = "port:", "id:"
_SHORTCUT = re.compile(r"([auc])(\d+)(?=[?&]|\Z)")
_SHORTCUT_PORT = {"a": "/dev/ttyACM", "u": "/dev/ttyUSB", "c": "COM"}
_PORT_OPTION = re.compile(r"([?&])(baud|slow)=([^&]*)")
_LEAST_BAUD, _MOST_BAUD = 300, 12_000_000
_MOST_SLOW = 1000
_AT_ONCE = 16
_PATIENCE = AttachLimits(first_answer_s=3.0)


@dataclass(frozen=True, slots=True)
class AttachedPort:
    """A serial port with its USB identity (``usb_id`` is ``vid:pid``, empty if not USB)."""

    port: str
    usb_id: str
    serial_number: str
    description: str
    location: str = ""
    """Bus, sockets and interface, ``1-1.2:1.0``, where the system tells."""

    @property
    def identity(self) -> str:
        """What stays the same when the board is plugged in again; empty if it has no number."""
        return f"{self.usb_id}:{self.serial_number}" if self.serial_number else ""


def attached_ports() -> tuple[AttachedPort, ...]:
    """Every USB serial port that the system lists, ordered by name."""
    return tuple(
        AttachedPort(
            info.device,
            f"{info.vid:04x}:{info.pid or 0:04x}",
            info.serial_number or "",
            info.description or "",
            getattr(info, "location", None) or "",
        )
        for info in sorted(list_ports.comports(), key=lambda p: p.device)
        if info.vid is not None
    )


def find_port(serial_number: str) -> str:
    """The port of the board with this USB serial number.

    Raises :class:`~hil.model.errors.BoardNotFoundError` when it is not attached.
    """
    for port in attached_ports():
        if port.serial_number == serial_number:
            return port.port
    raise BoardNotFoundError(
        f"no attached board has the USB serial number {serial_number}; "
        "`hil boards` lists what is attached"
    )


def port_lock_names(port: str) -> tuple[str, ...]:
    """The names of the board behind ``port``, its USB identity among them."""
    device = _device(port)
    identity = next((p.identity for p in attached_ports() if _device(p.port) == device), "")
    return device_lock_names(port, identity)


@dataclass(frozen=True, slots=True)
class PortHistory:
    """What was known of a board's port while it was there, to find the board when it went away.

    ``board`` is its name in messages, ``known`` the port as USB knows it, ``None`` if it does not;
    ``others`` are the ports that were attached beside it.
    """

    board: str
    port: str
    known: AttachedPort | None
    others: frozenset[str]

    @classmethod
    def of(cls, board: str, port: str) -> Self:
        """Look at what is attached now."""
        attached = attached_ports()
        device = _device(port)
        known = next((p for p in attached if _device(p.port) == device), None)
        return cls(board, port, known, frozenset(p.port for p in attached if p is not known))

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
        if self.known is None:
            return (self.port,)
        attached = attached_ports()
        if not self.known.serial_number:
            kind = (self.known.usb_id, "")
            alike = [p.port for p in attached if (p.usb_id, p.serial_number) == kind]
            new = (port for port in alike if port not in self.others)
            return tuple(dict.fromkeys((self.port, *new)))
        vendor, number = self.known.usb_id[:4], self.known.serial_number
        by_number = [p for p in attached if (p.usb_id[:4], p.serial_number) == (vendor, number)]
        exact = [p for p in by_number if p.usb_id == self.known.usb_id]
        # a run-time USB device may give the same board another product id
        same = tuple(p.port for p in exact or by_number)
        device = _device(self.port)
        if not same and any(_device(p.port) == device for p in attached):
            raise BoardNotFoundError(
                f"{self.board}: another device is at this port now, and no port has the "
                f"board's USB serial number {self.known.serial_number}"
            )
        return same or (self.port,)


def _device(port: str) -> str:
    return port if os.name != "posix" else os.path.realpath(port)


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
    answering = tuple(p for p, refusal in zip(ports, refusals, strict=True) if refusal is None)
    if not answering:
        why = "; ".join(refusal for refusal in refusals if refusal)
        raise BoardNotFoundError(f"--board=auto: no attached board answers as MicroPython: {why}")
    return answering


def holder_text(port: str) -> str:
    """Who holds a port, for a list; empty if it is free."""
    holder = lock_holder(port_lock_names(port))
    if holder is not None:
        return str(holder)
    if not is_locked(port):
        return ""
    return ", ".join(str(process) for process in port_holders(port)) or "another program"


def _refusal(port: AttachedPort) -> str | None:
    """Why the port is not taken by ``auto``; ``None`` when a MicroPython answers."""
    try:
        with (
            brief_locks(),
            BoardLock(port.port, device_lock_names(port.port, port.identity)),
            RawRepl(port.port, limits=_PATIENCE) as repl,
        ):
            repl.enter(soft_reset=False)
            firmware = ask(repl)
            if firmware is None:
                return f"{port.port}: what answers does not say what it is"
            return None if firmware.is_micropython else f"{port.port}: {firmware.refusal()}"
    except HilError as error:
        return str(error)


@dataclass(frozen=True, slots=True)
class SerialSpec(BoardSpec):
    """A board of this host; ``target`` is its USB serial number if ``by_number``, else its port."""

    by_number: bool = False


class SerialBoard(PortBoard):
    """A board at a port of this host; it is found again when it comes back at another port.

    ``number`` is the USB serial number that it was asked for by, empty if it was a port.
    """

    def __init__(self, spec: BoardSpec, port: str, number: str, held: contextlib.ExitStack) -> None:
        self._lock = held.enter_context(BoardLock(spec.text, port_lock_names(port)))
        self._number = number
        self._history = PortHistory.of(spec.text, port)
        super().__init__(spec, port, held)

    def candidates(self) -> tuple[str, ...]:
        """The port that has the board's number now, or those that the port's history tells."""
        return (find_port(self._number),) if self._number else self._history.candidates()

    def second_readers(self) -> str:
        """By what the system tells of other processes."""
        return second_readers(self.port)

    def disturbance(self, before: Mapping[str, int]) -> str:
        """What was seen; where that is nothing, what is known to disturb such ports."""
        return super().disturbance(before) or modem_manager_suspected(self.port)

    def without_files(self) -> str:
        """By its USB id."""
        return without_files(self._history.known.usb_id) if self._history.known else ""

    def claim(self, port: str) -> None:
        """Lock the board at this port too."""
        self._lock.extend(port_lock_names(port))

    def moved(self, port: str) -> None:
        """Only a USB serial number tells that it is the same board."""
        super().moved(port)
        self.guessed = not (self._number or self._history.has_number)


class SerialBackend(Backend):
    """Ports of this host, by their names, by shortcuts or by the board's USB serial number."""

    name = "serial"
    forms = "a port such as /dev/ttyUSB0 or COM5, a0/u0/c0, id:SERIAL"
    takes_slow = True

    def parse(self, text: str) -> BoardSpec | None:
        """A port in any of its forms, maybe with ``?baud=N&slow=N``; a URL is no port."""
        known = text.startswith(("/", _NUMBER_PREFIX)) or text.upper().startswith("COM")
        if text.startswith(PORT_PREFIX):
            known = "://" not in text
        if not (known or _SHORTCUT.match(text)):
            return None
        port, baudrate, slow = split_port_options(text)
        if port.startswith(_NUMBER_PREFIX):
            number = _needed(text, port, _NUMBER_PREFIX, "a USB serial number")
            return SerialSpec(text, self, number, baudrate, slow, by_number=True)
        if port.startswith(PORT_PREFIX):
            port = _needed(text, port, PORT_PREFIX, "a port")
        elif not known:
            shortcut = _SHORTCUT.fullmatch(port)
            if shortcut is None:
                return None
            port = _SHORTCUT_PORT[shortcut[1]] + shortcut[2]
        return SerialSpec(text, self, port, baudrate, slow)

    def open(self, spec: BoardSpec) -> SerialBoard:
        """Lock the port, in every name that it has."""
        with contextlib.ExitStack() as held:
            return SerialBoard(spec, _port_of(spec), _number_of(spec), held)

    def attached(self) -> Iterable[BoardSpec]:
        """Every attached board that answers, each named so that it stays the same.

        A board with a USB serial number of its own is ``id:...``, another one its port.
        """
        numbers = [p.serial_number for p in attached_ports()]
        for port in answering_ports():
            number = port.serial_number
            if number and numbers.count(number) == 1:
                yield SerialSpec(f"{_NUMBER_PREFIX}{number}", self, number, by_number=True)
            else:
                yield SerialSpec(f"{PORT_PREFIX}{port.port}", self, port.port)

    def lock_names(self, spec: BoardSpec) -> tuple[str, ...]:
        """The port's names; none for a board that is not attached."""
        try:
            return port_lock_names(_port_of(spec))
        except BoardNotFoundError:
            return ()

    def holder(self, spec: BoardSpec) -> str:
        """Another run, or another program that has the port open."""
        try:
            return holder_text(_port_of(spec))
        except BoardNotFoundError:
            return ""

    def checks(self, spec: BoardSpec) -> Iterator[Finding]:
        """Whether the port is there, may be opened, and is free."""
        try:
            port = _port_of(spec)
        except HilError as error:
            yield Finding("port", "wrong", str(error), "plug the board in; look at the cable")
            return
        yield check_device(port)
        yield check_permission(port)
        yield check_lock(holder_text(port))


def split_port_options(text: str) -> tuple[str, int, float | None]:
    """A port without its ``baud=N`` and ``slow=N``, and both numbers; what else it says stays.

    ``slow`` is how many times slower than a usual board it is, ``None`` where it does not say.
    Raises :class:`~hil.model.errors.ConfigurationError` for a number that is out of its range.
    """
    rest, given = text, dict[str, str]()
    while option := _PORT_OPTION.search(rest):
        mark, name, number = option.groups()
        if name in given:
            raise ConfigurationError(f"--board={text}: {name}= is given twice")
        given[name] = number
        behind = rest[option.end() :]
        rest = rest[: option.start()] + (mark + behind[1:] if behind else "")
    baudrate = _number(text, "baud", given, _LEAST_BAUD, _MOST_BAUD)
    slow = _number(text, "slow", given, 1, _MOST_SLOW)
    return rest, baudrate or BAUDRATE, slow


def _number(text: str, name: str, given: Mapping[str, str], least: int, most: int) -> int | None:
    number = given.get(name)
    if number is None:
        return None
    decimal = number.isascii() and number.isdecimal() and len(number) < 9
    if not (decimal and least <= int(number) <= most):
        raise ConfigurationError(f"--board={text}: {name}= needs a number from {least} to {most}")
    return int(number)


def _port_of(spec: BoardSpec) -> str:
    """The port at which the board is now."""
    number = _number_of(spec)
    return find_port(number) if number else spec.target


def _number_of(spec: BoardSpec) -> str:
    return spec.target if isinstance(spec, SerialSpec) and spec.by_number else ""


def _needed(text: str, port: str, prefix: str, what: str) -> str:
    target = port.removeprefix(prefix)
    if not target:
        raise ConfigurationError(f"--board={text}: {prefix} needs {what} behind it")
    return target
