"""What was sent of a run, kept in its folder, so that nobody is told of one night twice."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hil.model.errors import CaptureError
from hil.recording.atomic_file import write_json_atomically
from hil.recording.stored_file import read_stored

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NOTIFICATION_NAME = "notification.json"
INVOCATION_VARIABLE = "INVOCATION_ID"
"""Set by systemd: which start of a unit this process belongs to."""
_MOST_BYTES = 1_000_000


def keep_told(folder: Path, status: int, lines: Sequence[str]) -> None:
    """Write what was sent, and by which start of a service, into the run's folder."""
    told = {
        "schema": 1,
        "utc": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "invocation": os.environ.get(INVOCATION_VARIABLE, ""),
        "status": status,
        "outcomes": list(lines),
    }
    write_json_atomically(folder / NOTIFICATION_NAME, told)


def was_told(folder: Path, invocation: str) -> bool:
    """Whether the run in ``folder`` is that of this start of a service and was told to somebody."""
    try:
        told = json.loads(read_stored(folder / NOTIFICATION_NAME, _MOST_BYTES))
    except (OSError, ValueError, RecursionError, CaptureError):
        return False
    if not (invocation and isinstance(told, dict) and told.get("invocation") == invocation):
        return False
    outcomes = told.get("outcomes")
    return isinstance(outcomes, list) and any(str(line).endswith(": sent") for line in outcomes)
