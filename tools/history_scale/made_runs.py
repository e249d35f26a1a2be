"""Runs of many boards over many nights, made of a few real ones and written in bulk.

A template is a run that the embedded board has measured (13 cases, some 1,000 figures, 66 sets of
stamps). Of it some variants are packed by the product's own code, with figures moved by up to 10 %
board by board; a run of a board in a night is one of these variants under its own name.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from hil.history.run_writer import add_run
from hil.history.sql_tables import (
    boards,
    case_figures,
    figure_details,
    figure_sets,
    runs,
    stamp_sets,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hil.history.database import History
    from hil.history.stored_records import HistoryRun
    from hil.model.results import Measurement

VARIANTS = 24
_CHUNK = 500
_PACKED = (case_figures, figure_sets, figure_details, stamp_sets)
MACHINES = (
    ("Raspberry Pi Pico with RP2040", "rp2"),
    ("Generic ESP32 module with ESP32", "esp32"),
    ("PYBv1.1 with STM32F405RG", "pyboard"),
    ("Arduino Nano 33 BLE with NRF52840", "nrf"),
)


@dataclass(frozen=True, slots=True)
class Farm:
    """So many boards, each measured once a night from ``first`` on, for so many nights."""

    boards: int
    nights: int
    first: datetime = datetime(2025, 1, 1, 2, tzinfo=UTC)

    def key(self, board: int) -> str:
        """The unique id of a board."""
        return f"e66{board:07d}"

    def run_name(self, board: int, night: int) -> str:
        """What a run is called."""
        return f"{self._began(board, night):%Y%m%dT%H%M%SZ}_port{board:04d}"

    def _began(self, board: int, night: int) -> datetime:
        return self.first + timedelta(days=night, seconds=7 * board)

    def started_utc(self, board: int, night: int) -> str:
        """When it began."""
        return f"{self._began(board, night):%Y-%m-%dT%H:%M:%SZ}"


def _moved(figure: Measurement, factor: float) -> Measurement:
    def move(value: float | None) -> float | None:
        if value is None or value == int(value):
            return value
        moved = value * factor
        return round(moved, 3) if round(value, 3) == value else moved

    return replace(figure, value=move(figure.value), lo=move(figure.lo), hi=move(figure.hi))  # type: ignore[arg-type]


def variant_of(template: HistoryRun, number: int, farm: Farm) -> HistoryRun:
    """The template as board ``number`` would have measured it, before the first night."""
    chance = random.Random(number)
    factor = 1.0 + 0.1 * chance.random()
    machine, platform = MACHINES[number % len(MACHINES)]
    (board,) = template.boards
    identity = replace(
        board.identity,
        name=f"port{number:04d}",
        unique_id=farm.key(number),
        source="hardware",
        machine=machine,
        platform=platform,
        micropython=("1.24.1", "1.25.0")[number // len(MACHINES) % 2],
    )
    cases = tuple(
        replace(case, measurements=tuple(_moved(m, factor) for m in case.measurements))
        for case in board.cases
    )
    name = farm.run_name(number, -1)
    info = replace(
        template.info, id=name, started_utc=farm.started_utc(number, -1), source="hardware"
    )
    return replace(
        template,
        info=info,
        fingerprint=f"{number:064x}",
        boards=(replace(board, identity=identity, cases=cases),),
    )


def fill(history: History, template: HistoryRun, farm: Farm, done: int = 0) -> None:
    """Store the farm's runs but for those of the nights that are ``done``."""
    count = min(VARIANTS, farm.boards)
    for number in range(count):
        add_run(history, variant_of(template, number, farm))
    packed = history.read(lambda connection: _packed_variants(connection, farm, count))
    for night in range(done, farm.nights):
        for begin in range(0, farm.boards, _CHUNK):
            chosen = range(begin, min(begin + _CHUNK, farm.boards))
            history.write(lambda c, n=night, b=chosen: _write(c, packed, farm, n, b))
    history.optimize()


@dataclass(frozen=True, slots=True)
class _Variant:
    run: dict[str, Any]
    board: dict[str, Any]
    rows: dict[str, list[dict[str, Any]]]


def _packed_variants(connection: Connection, farm: Farm, count: int) -> list[_Variant]:
    variants = []
    for number in range(count):
        name = farm.run_name(number, -1)
        run = connection.execute(sa.select(runs).where(runs.c.run == name)).one()
        board = connection.execute(sa.select(boards).where(boards.c.run_id == run.id)).one()
        rows = {
            table.name: [
                dict(row._mapping)
                for row in connection.execute(sa.select(table).where(table.c.board_id == board.id))
            ]
            for table in _PACKED
        }
        variants.append(_Variant(dict(run._mapping), dict(board._mapping), rows))
    return variants


def _write(
    connection: Connection, variants: list[_Variant], farm: Farm, night: int, chosen: range
) -> None:
    first = 1 + max(
        connection.execute(sa.select(sa.func.max(table.c.id))).scalar() or 0
        for table in (runs, boards)
    )
    rows: dict[str, list[dict[str, Any]]] = {}
    for number, board in enumerate(chosen, first):
        variant = variants[(board + 7 * night) % len(variants)]
        own = variants[board % len(variants)].board
        when = farm.started_utc(board, night)
        rows.setdefault("runs", []).append(
            {
                **variant.run,
                "id": number,
                "run": farm.run_name(board, night),
                "fingerprint": f"{night:032x}{board:032x}",
                "started_utc": when,
                "order_utc": when,
            }
        )
        rows.setdefault("boards", []).append(
            {
                **own,
                "id": number,
                "run_id": number,
                "name": f"port{board:04d}",
                "key": farm.key(board),
                "unique_id": farm.key(board),
                "order_utc": when,
            }
        )
        for name, packed in variant.rows.items():
            if packed:
                rows.setdefault(name, []).extend({**row, "board_id": number} for row in packed)
    for table in (runs, boards, *_PACKED):
        if table.name in rows:
            _bulk(connection, table, rows[table.name])
    if connection.dialect.name == "postgresql":
        for name in ("runs", "boards"):
            connection.execute(
                sa.text(f"SELECT setval('{name}_id_seq', (SELECT max(id) FROM {name}))")
            )


def _bulk(connection: Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    if connection.dialect.name != "postgresql":
        connection.execute(table.insert(), rows)
        return
    names = [column.name for column in table.c]
    driver: Any = connection.connection.driver_connection
    copy = f"COPY {table.name} ({', '.join(names)}) FROM STDIN"
    with driver.cursor() as cursor, cursor.copy(copy) as sink:
        for row in rows:
            sink.write_row([row[name] for name in names])
