"""``hil boards``: what is attached, what it says of itself, and who holds what is busy."""

from __future__ import annotations

import dataclasses
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.boards.backends.registry import parse_board
from hil.boards.backends.serial import AttachedPort, attached_ports
from hil.boards.locks import brief_locks
from hil.boards.udev_rules import udev_rules
from hil.experiments.session import Session
from hil.model.errors import BoardNotFoundError, HilError
from hil.model.printable import escaped_line
from hil.model.redaction import without_credentials
from hil.report.terminal.console import TextConsole
from hil.report.terminal.tables import Cell, Column, Table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_AT_ONCE = 16
_HINT = "--json and a wider terminal have them"
_NOTHING = "no USB serial port is attached; --board=sim measures the embedded board"


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One port: what the system says of it, then what the board does; ``problem`` if it can't.

    ``clock_hz`` and ``tick_us`` are ``None`` where the board does not tell.
    """

    port: str
    usb_id: str = ""
    serial_number: str = ""
    description: str = ""
    held_by: str = ""
    platform: str = ""
    machine: str = ""
    micropython: str = ""
    clock_hz: int | None = None
    tick_us: float | None = None
    capabilities: tuple[str, ...] = ()
    problem: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("ports", nargs="*", metavar="PORT", help="these (default: every USB port)")
    parser.add_argument("--no-probe", action="store_true", help="ask no board, stop no program")
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help="for programs")
    shown.add_argument(
        "--udev", action="store_true", help="print rules for udev: names that stay, no ModemManager"
    )


def run(args: argparse.Namespace) -> int:
    """See :func:`list_boards`."""
    if args.udev:
        return print_udev_rules(args.ports, probe=not args.no_probe)
    return list_boards(args.ports, probe=not args.no_probe, as_json=args.json)


def print_udev_rules(ports: Sequence[str] = (), *, probe: bool = True) -> int:
    """Print rules for the attached boards, or those at ``ports``; exit status 1 where none is.

    With ``probe`` the boards are asked what they are, so that their names say it.
    """
    attached = [p for p in attached_ports() if not ports or p.port in ports]
    if not attached:
        raise BoardNotFoundError(
            "no USB serial port is attached: plug the boards in, and run again"
        )
    rows = inspect_ports([p.port for p in attached], probe=True) if probe else []
    print(udev_rules(attached, {row.port: row.machine for row in rows}), end="")
    return 0


def list_boards(ports: Sequence[str] = (), *, probe: bool = True, as_json: bool = False) -> int:
    """Print what is behind ``ports`` (default: every USB serial port); always exit status 0.

    With ``probe`` the boards are asked, which stops the programs that run on them.
    """
    rows = inspect_ports(ports, probe=probe)
    if as_json:
        print(json.dumps({"schema": 1, "boards": [dataclasses.asdict(row) for row in rows]}))
    elif not rows:
        print(_NOTHING)
    else:
        _print(rows)
    return 0


def inspect_ports(ports: Sequence[str], *, probe: bool) -> list[BoardRow]:
    """One row a port, in order; boards are asked side by side."""
    known = {p.port: p for p in attached_ports()}
    wanted = [known.get(text) or _named(text) for text in ports] or list(known.values())
    if not wanted:
        return []
    with brief_locks(), ThreadPoolExecutor(min(_AT_ONCE, len(wanted))) as pool:
        return list(pool.map(lambda port: _row(port, probe), wanted))


def _named(text: str) -> AttachedPort:
    """A port that the user names: any form of ``--board`` with a port behind it."""
    return AttachedPort(without_credentials(text), "", "", "")


def _row(port: AttachedPort, probe: bool) -> BoardRow:
    row = BoardRow(port.port, port.usb_id, port.serial_number, port.description)
    try:
        spec = parse_board(port.port)
        row = dataclasses.replace(row, held_by=spec.backend.holder(spec))
        if row.held_by or not probe:
            return row
        session = Session(spec)
        try:
            board = session.open(gently=True).identity
        finally:
            session.close()
    except HilError as error:
        return dataclasses.replace(row, problem=str(error))
    return dataclasses.replace(
        row,
        platform=board.platform,
        machine=board.machine,
        micropython=board.micropython,
        clock_hz=board.cpu_hz,
        tick_us=board.tick_resolution_us,
        capabilities=board.capabilities,
    )


def _print(rows: Sequence[BoardRow]) -> None:
    """A table; what a board says of itself is text, never markup."""
    columns = (
        Column("port"),
        Column("USB", keep=3, folds=True),
        Column("board", folds=True),
        Column("MicroPython", keep=1, folds=True),
        Column("clock", keep=2, folds=True),
        Column("can", keep=4, folds=True),
    )
    console = TextConsole.of_output()
    cells = [[Cell(escaped_line(text)) for text in _texts(row)] for row in rows]
    console.table(Table(columns, cells, _HINT, spaced=False))
    console.write()


def _texts(row: BoardRow) -> tuple[str, ...]:
    usb = " ".join(filter(None, (row.usb_id, row.serial_number and f"id:{row.serial_number}")))
    if row.held_by or row.problem or not row.machine:
        said = f"busy: {row.held_by}" if row.held_by else row.problem or row.description
        return (row.port, usb, said, "", "", "")
    clock = (
        f"{row.clock_hz / 1e6:g} MHz" if row.clock_hz else "",
        f"{row.tick_us:g} us" if row.tick_us else "",
    )
    return (
        row.port,
        usb,
        f"{row.machine} ({row.platform})",
        row.micropython,
        " ".join(filter(None, clock)),
        " ".join(row.capabilities),
    )
