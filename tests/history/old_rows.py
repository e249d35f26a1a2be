"""A run as schema 0004 kept it: one row for each figure and each set of stamps."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from hil.model.codec import field_keys, write_record
from hil.model.results import Measurement

_COLUMNS = (
    *("task", "method", "metric", "unit", "value", "lo", "hi", "n", "confidence", "note"),
    *("where_us", "budget", "verdict"),
)
_STAMPS = ("kind", "task", "method", "period_us", "cost_us", "step_us", "taken", "format", "data")


def add_old_run(connection: sa.Connection, run: Any, number: int) -> None:
    """Store a run of :mod:`runs` as number ``number``, by the statements of that schema."""

    def insert(table: str, row: dict[str, Any]) -> None:
        names = ", ".join(row)
        values = ", ".join(f":{name}" for name in row)
        connection.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)

    info = run.info
    insert(
        "runs",
        {
            **{"id": number, "run": info.id, "fingerprint": run.fingerprint},
            **{"started_utc": info.started_utc, "order_utc": info.started_utc},
            **{"duration_s": info.duration_s, "profile": info.profile, "host": info.host},
            **{"harness_version": info.harness_version, "source": info.source},
            "verdict": run.verdict,
        },
    )
    case_id = 100 * number
    for offset, board in enumerate(run.boards):
        identity = board.identity
        board_id = 10 * number + offset
        insert(
            "boards",
            {
                **{"id": board_id, "run_id": number, "key": board.key, "firmware": board.firmware},
                **{"name": identity.name, "source": identity.source},
                **{"platform": identity.platform, "machine": identity.machine},
                **{"micropython": identity.micropython, "unique_id": identity.unique_id},
                **{"tick_period": str(identity.tick_period)},
                **{"tick_resolution_us": identity.tick_resolution_us},
                **{"stamp_cost_us": identity.stamp_cost_us},
                "capabilities": " ".join(identity.capabilities),
            },
        )
        for case in board.cases:
            case_id += 1
            insert(
                "cases",
                {
                    **{"id": case_id, "board_id": board_id, "technique": case.technique},
                    **{"load": case.load, "duration_us": case.duration_us},
                    "periods": case.periods,
                    "windows": case.windows if case.windows > 1 else None,
                },
            )
            for figure in case.measurements:
                known = field_keys(Measurement) & {*_COLUMNS, "board", "technique", "load"}
                rest = {k: v for k, v in write_record(figure).items() if k not in known}
                if rest.get("source") == "board":
                    del rest["source"]
                row = {name: getattr(figure, name) for name in _COLUMNS}
                more = json.dumps(rest) if rest else None
                insert("measurements", {"case_id": case_id, **row, "more": more})
            for stamps in case.stamps:
                row = {name: getattr(stamps, name) for name in _STAMPS}
                counts = json.dumps(dict(stamps.counts))
                row |= {"kept": stamps.stored, "counts": counts, "case_id": case_id}
                insert("stamps", row)
