"""What a stored capture says of itself: board, plan and harness version, as strict JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from hil import __version__
from hil.errors import CaptureError
from hil.model.codec import StoredRecord, check_plain, read_record, stored_as, write_record
from hil.model.schema import parse_json
from hil.records import BoardIdentity, CapturePlan

_MAX_TASKS = 1000
_MAX_TEXT = 10_000
_BITS = 63


@dataclass(frozen=True, slots=True)
class StoredMeta(StoredRecord):
    """Board and plan of a stored capture, and the version of the harness that took it."""

    board: BoardIdentity
    plan: CapturePlan
    harness_version: str = field(metadata=stored_as("harness"))

    @classmethod
    def of(cls, board: BoardIdentity, plan: CapturePlan) -> Self:
        """For a capture that this version takes."""
        return cls(board, plan, __version__)


def dump_meta(meta: StoredMeta) -> bytes:
    """The JSON of ``meta``, in ASCII."""
    text = json.dumps(write_record(meta), ensure_ascii=True, allow_nan=False, sort_keys=True)
    return text.encode("ascii")


def load_meta(payload: bytes, path: Path) -> StoredMeta:
    """Read what :func:`dump_meta` wrote; ``CaptureError`` names what is missing or malformed.

    Earlier versions wrote NaN where a board's own number was none; it is read as unknown.
    """
    try:
        document = parse_json(payload, constant=lambda _name: None)
        check_plain(document, longest_text=_MAX_TEXT, bits=_BITS)
        meta = read_record(StoredMeta, document)
        if len(meta.plan.tasks) > _MAX_TASKS:
            raise CaptureError(f"plan.tasks: more than {_MAX_TASKS}")
    except CaptureError as error:
        text = f"{path} does not say properly what was measured: {error}"
        raise CaptureError(text) from None
    return meta
