"""What a stored capture says of itself: board, plan and harness version, as strict JSON."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, Self

from hil import __version__
from hil.errors import CaptureError
from hil.records import BoardIdentity, CapturePlan, TaskPlan

_MAX_TASKS = 1000
_MAX_TEXT = 10_000
_SOURCES = ("hardware", "emulator", "sim", "replay")


@dataclasses.dataclass(frozen=True, slots=True)
class StoredMeta:
    """Board and plan of a stored capture, and the version of the harness that took it."""

    board: BoardIdentity
    plan: CapturePlan
    harness_version: str

    @classmethod
    def of(cls, board: BoardIdentity, plan: CapturePlan) -> Self:
        """For a capture that this version takes."""
        return cls(board, plan, __version__)


def dump_meta(meta: StoredMeta) -> bytes:
    """The JSON of ``meta``; fields that are not set are left out."""
    plan = {name.name: getattr(meta.plan, name.name) for name in dataclasses.fields(meta.plan)}
    plan["tasks"] = [dataclasses.asdict(task) for task in meta.plan.tasks]
    plan["options"] = dict(meta.plan.options)
    document = {
        "harness": meta.harness_version,
        "board": dataclasses.asdict(meta.board),
        "plan": plan,
    }
    return json.dumps(document, ensure_ascii=True, sort_keys=True).encode("ascii")


def load_meta(payload: bytes, path: Path) -> StoredMeta:
    """Read what :func:`dump_meta` wrote; ``CaptureError`` names what is missing or malformed."""
    try:
        document = json.loads(payload)
        board = _take(document, "board", dict)
        plan = _take(document, "plan", dict)
        return StoredMeta(_board(board), _plan(plan), _take(document, "harness", str))
    except (ValueError, KeyError, RecursionError) as error:
        text = f"{path} does not say properly what was measured: {error}"
        raise CaptureError(text) from None


def _board(fields: dict[str, Any]) -> BoardIdentity:
    source = _take(fields, "source", str)
    if source not in _SOURCES:
        raise ValueError(f"the source {source[:40]!r} is unknown")
    capabilities = _take(fields, "capabilities", list)
    if not all(isinstance(word, str) and len(word) <= _MAX_TEXT for word in capabilities):
        raise ValueError("capabilities are not words")
    return BoardIdentity(
        name=_take(fields, "name", str),
        port=_take(fields, "port", str),
        source=source,
        platform=_take(fields, "platform", str),
        machine=_take(fields, "machine", str),
        micropython=_take(fields, "micropython", str),
        tick_period=_take(fields, "tick_period", int),
        cpu_hz=_maybe(fields, "cpu_hz", int),
        unique_id=_maybe(fields, "unique_id", str),
        tick_resolution_us=_maybe(fields, "tick_resolution_us", float),
        stamp_cost_us=_maybe(fields, "stamp_cost_us", float),
        free_bytes=_maybe(fields, "free_bytes", int),
        capabilities=tuple(capabilities),
        clock_jump_us=_maybe(fields, "clock_jump_us", int),
        clock="virtual" if fields.get("clock") == "virtual" else "real",
    )


def _plan(fields: dict[str, Any]) -> CapturePlan:
    tasks = _take(fields, "tasks", list)
    options = _take(fields, "options", dict)
    if len(tasks) > _MAX_TASKS or not all(isinstance(task, dict) for task in tasks):
        raise ValueError("tasks are malformed")
    if not all(isinstance(value, int | str) for value in options.values()):
        raise ValueError("options are malformed")
    return CapturePlan(
        technique=_take(fields, "technique", str),
        load=_take(fields, "load", str),
        tasks=tuple(
            TaskPlan(
                _take(task, "index", int),
                _take(task, "period_us", int),
                _take(task, "phase_us", int),
            )
            for task in tasks
        ),
        duration_us=_take(fields, "duration_us", int),
        streaming=_take(fields, "streaming", bool),
        options=options,
    )


def _take(fields: Any, name: str, kind: type) -> Any:
    if not isinstance(fields, dict) or name not in fields:
        raise ValueError(f"{name} is missing")
    value = fields[name]
    if kind is float and isinstance(value, int):
        value = float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"{name} is not {kind.__name__}")
    if isinstance(value, str) and len(value) > _MAX_TEXT:
        raise ValueError(f"{name} is too long")
    if isinstance(value, int) and abs(value) >> 63:
        raise ValueError(f"{name} is out of range")
    return value


def _maybe(fields: dict[str, Any], name: str, kind: type) -> Any:
    return None if fields.get(name) is None else _take(fields, name, kind)
