"""A run stored in the history: once, and whole or not at all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import sqlalchemy as sa

from hil.history.case_rows import find_plan, pack_cases, write_cases
from hil.history.run_order import order_time
from hil.history.sql_tables import boards, errors, runs, skips
from hil.history.stamp_packing import finite_or_none
from hil.model.codec import field_keys, write_record
from hil.model.printable import database_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from sqlalchemy import Connection

    from hil.history.case_rows import PackedCases
    from hil.history.database import History
    from hil.history.stored_records import HistoryBoard, HistoryRun
    from hil.model.codec import StoredRecord

_USUAL = {"source": "board", "clock": "real"}


def add_run(
    history: History, run: HistoryRun, *, worse: int | None = None, just_ended: bool = False
) -> tuple[str, bool]:
    """Store ``run``; the name it has there and whether it is new.

    Where a run has ``just_ended``, a clock that is known to be wrong does not tell its place.

    A run with the same stamps that is there already stays as it is. One of the same id with other
    stamps (two hosts began in the same second) gets its fingerprint behind its id.
    Raises :class:`~hil.history.database.HistoryError`.
    """
    packed = [pack_cases(board.cases) for board in run.boards]
    return history.write(lambda connection: _add(connection, run, packed, worse, just_ended))


def _add(
    connection: Connection,
    run: HistoryRun,
    packed: Sequence[PackedCases],
    worse: int | None,
    just_ended: bool,
) -> tuple[str, bool]:
    name = database_text(run.info.id, 180)
    known_runs = connection.execute(
        sa.select(runs.c.run).where(runs.c.fingerprint == run.fingerprint).order_by(runs.c.id)
    ).scalars()
    for known_run in known_runs:
        if known_run in (name, f"{name}~{run.fingerprint[:8]}"):
            return known_run, False
    if connection.execute(sa.select(runs.c.id).where(runs.c.run == name)).first():
        name = f"{name}~{run.fingerprint[:8]}"
    profile = database_text(run.info.profile, 200)
    order_utc = database_text(
        order_time(connection, run) if just_ended else run.info.started_utc, 40
    )
    run_id = _insert(
        connection,
        runs,
        {
            "run": name,
            "fingerprint": run.fingerprint,
            "started_utc": database_text(run.info.started_utc, 40),
            "duration_s": finite_or_none(run.info.duration_s) or 0.0,
            "profile": profile,
            "harness_version": database_text(run.info.harness_version),
            "host": database_text(run.info.host),
            "source": run.info.source,
            "verdict": run.verdict,
            "revision": run.revision,
            "modified": run.modified,
            "worse": worse,
            "more": _more(run.info, runs, "id"),
            "order_utc": order_utc,
        },
    )
    _notes(connection, run_id, run)
    for board, cases in zip(run.boards, packed, strict=True):
        board_id = _board(connection, run_id, board, profile, order_utc)
        write_cases(connection, board_id, cases)
    return name, True


def _notes(connection: Connection, run_id: int, run: HistoryRun) -> None:
    skipped = [
        {
            "run_id": run_id,
            "board": database_text(skip.board),
            "technique": database_text(skip.technique),
            "load": database_text(skip.load),
            "reason": database_text(skip.reason),
        }
        for skip in run.skipped
    ]
    if skipped:
        connection.execute(skips.insert(), skipped)
    failed = [
        {
            "run_id": run_id,
            "board": database_text(error.board),
            "technique": database_text(error.technique),
            "load": database_text(error.load),
            "error": database_text(error.error),
            "detail": database_text(error.detail),
        }
        for error in run.errors
    ]
    if failed:
        connection.execute(errors.insert(), failed)


def _board(
    connection: Connection, run_id: int, board: HistoryBoard, profile: str, order_utc: str
) -> int:
    identity = board.identity
    return _insert(
        connection,
        boards,
        {
            "run_id": run_id,
            "key": database_text(board.key, 400),
            "firmware": database_text(board.firmware, 200),
            "name": database_text(identity.name),
            "source": identity.source,
            "platform": database_text(identity.platform),
            "machine": database_text(identity.machine),
            "micropython": database_text(identity.micropython),
            "unique_id": None if identity.unique_id is None else database_text(identity.unique_id),
            "cpu_hz": identity.cpu_hz,
            "tick_period": str(identity.tick_period),
            "tick_resolution_us": finite_or_none(identity.tick_resolution_us),
            "stamp_cost_us": finite_or_none(identity.stamp_cost_us),
            "capabilities": database_text(" ".join(identity.capabilities)),
            "more": _more(identity, boards, "port"),
            "profile": profile,
            "order_utc": order_utc,
            "plan_id": find_plan(connection, board.cases),
        },
    )


def _insert(connection: Connection, table: Any, row: dict[str, Any]) -> int:
    key = connection.execute(table.insert().values(row)).inserted_primary_key
    assert key is not None
    return int(key[0])


def _more(record: StoredRecord, table: Any, *elsewhere: str) -> str | None:
    """What the record holds beside the table's columns and the fields that are ``elsewhere``."""
    columns = {key for key in field_keys(type(record)) if key in table.c or key in elsewhere}
    rest = {
        key: value
        for key, value in write_record(record).items()
        if key not in columns and not (key in _USUAL and _USUAL[key] == value)
    }
    return json.dumps(rest, ensure_ascii=True) if rest else None
