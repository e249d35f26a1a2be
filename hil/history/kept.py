"""What is kept of a run: records that a database stores and a comparison reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from hil.records import BoardIdentity, ErrorRecord, Measurement, RunInfo, Skip

StampKind = Literal["task", "series", "isr", "defer"]
RunVerdict = Literal["pass", "fail", "error", "none"]
_FIRMWARE = re.compile(r"v?(\d+(?:\.\d+)*(?:-(?:preview|alpha|beta|rc)\d*)?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class KeptStamps:
    """One task's, series' or event set's stamps, packed; ``taken`` of which ``kept`` are in it.

    ``cost_us`` is what is taken off each lateness or latency, ``counts`` in how many separate
    stretches a count of this task came, by metric.
    """

    kind: StampKind
    task: int | None
    method: str | None
    period_us: float
    cost_us: float
    step_us: float
    taken: int
    kept: int
    counts: Mapping[str, int]
    format: int
    data: bytes


@dataclass(frozen=True, slots=True)
class KeptCase:
    """One technique under one load; without a capture it has no window and no stamps."""

    technique: str
    load: str
    duration_us: int | None
    periods: str | None
    measurements: tuple[Measurement, ...]
    stamps: tuple[KeptStamps, ...] = ()


@dataclass(frozen=True, slots=True)
class KeptBoard:
    """A board in one run, with its cases."""

    identity: BoardIdentity
    cases: tuple[KeptCase, ...]

    @property
    def key(self) -> str:
        """What the board is known by in every run; see :func:`board_key`."""
        return board_key(self.identity)

    @property
    def firmware(self) -> str:
        """The firmware line; see :func:`firmware_line`."""
        return firmware_line(self.identity.micropython)


@dataclass(frozen=True, slots=True)
class KeptRun:
    """A run as the history holds it; ``revision`` is the git commit that was measured from."""

    info: RunInfo
    fingerprint: str
    verdict: RunVerdict
    boards: tuple[KeptBoard, ...]
    skipped: tuple[Skip, ...] = ()
    errors: tuple[ErrorRecord, ...] = ()
    revision: str | None = None
    modified: bool | None = None


def board_key(board: BoardIdentity) -> str:
    """What tells this board from others: its unique id, else its name.

    The embedded board and emulators go by their name: their id says nothing of their settings.
    """
    if board.unique_id and board.source == "hardware":
        return board.unique_id[:400]
    return board.name[:400]


def firmware_line(micropython: str) -> str:
    """MicroPython's version without the build: ``1.29.0-preview`` of ``v1.29.0-preview.92.gd71…``.

    What is no version is taken as it is.
    """
    found = _FIRMWARE.match(micropython)
    return found[1] if found else micropython[:200]
