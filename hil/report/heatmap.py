"""Technique against load: how late and how often missed, as a map; and what is left of the CPU."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hil.metrics import load_rank, technique_rank
from hil.records import Measurement
from hil.report.rows import Row

STEPS = (0.001, 0.01, 0.1, 0.5, 1.0)
"""Lateness as a share of the period at which the next warmer colour begins."""


@dataclass(frozen=True, slots=True)
class HeatCell:
    """One technique under one load; ``heat`` is 0 (on time) to 5 (a period late, or many missed).

    ``None`` figures were not measured; ``worst`` is the largest lateness where p99 can't be named.
    """

    late: Measurement | None
    is_p99: bool
    missed: Measurement | None
    heat: int


@dataclass(frozen=True, slots=True)
class HeatLine:
    """One technique: a cell for each load in order, ``None`` where nothing was measured."""

    technique: str
    cells: list[HeatCell | None]
    share: Measurement | None


@dataclass(frozen=True, slots=True)
class HeatMap:
    """The map of one board."""

    board: str
    loads: list[str]
    lines: list[HeatLine]


def heat_maps(rows: Sequence[Row]) -> list[HeatMap]:
    """A map for every board, techniques and loads in their usual order."""
    maps = []
    for board in dict.fromkeys(row.board for row in rows):
        mine = {(row.technique, row.load): row for row in rows if row.board == board}
        loads = sorted({load for _, load in mine}, key=load_rank)
        lines = []
        for technique in sorted({name for name, _ in mine}, key=technique_rank):
            found = [mine.get((technique, load)) for load in loads]
            shares = [row.cells["background_share"] for row in found if row and _has_share(row)]
            cells = [None if row is None else _cell(row) for row in found]
            lines.append(HeatLine(technique, cells, shares[0] if shares else None))
        maps.append(HeatMap(board, loads, lines))
    return maps


def _has_share(row: Row) -> bool:
    return "background_share" in row.cells


def _cell(row: Row) -> HeatCell:
    p99 = row.cells.get("lateness_p99_us")
    late = p99 or row.cells.get("lateness_max_us")
    missed = row.cells.get("missed")
    period = row.cells.get("period_mean_us")
    heat = 0
    if late is not None and period is not None and period.value > 0:
        heat = sum(late.value / period.value >= step for step in STEPS)
    if missed is not None and missed.value > 0:
        share = missed.value / max(1.0, missed.n + missed.value)
        heat = max(heat, min(5, 2 + math.floor(20 * share)))
    return HeatCell(late, p99 is not None, missed, heat)
