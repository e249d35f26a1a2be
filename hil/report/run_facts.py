"""What was measured on each board, in a few words: the facts that an answer has to name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.model.board import SOURCES
from hil.model.techniques import load_rank
from hil.model.units import format_period_us

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hil.model.board import BoardIdentity
    from hil.model.captures import Capture
    from hil.model.results import Results
    from hil.report.result_tables import TechniqueRow

_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One board: ``facts`` are words with their values, such as ``("period", "10 ms")``."""

    board: str
    facts: list[tuple[str, str]]


def run_facts(
    results: Results, rows: Sequence[TechniqueRow], captures: Sequence[Capture]
) -> list[RunFacts]:
    """Board, firmware, period, load, window and n of every board that has a row.

    Period and window are those of ``captures``, and left out where these don't tell them.
    """
    identities = {identity.name: identity for identity in results.boards}
    return [
        RunFacts(board, list(_facts(board, identities.get(board), rows, captures)))
        for board in dict.fromkeys(row.board for row in rows)
    ]


def demonstrating_boards(results: Results) -> list[str]:
    """Boards that run on this computer: their figures say how a technique behaves, not how fast."""
    return [
        board.name
        for board in results.boards
        if SOURCES[board.source].embedded
        or SOURCES[board.source].demonstration
        or SOURCES[results.run.source].embedded
    ]


def _facts(
    board: str,
    identity: BoardIdentity | None,
    rows: Sequence[TechniqueRow],
    captures: Sequence[Capture],
) -> Iterable[tuple[str, str]]:
    yield "board", board if identity is None else f"{board}, {identity.machine}"
    if identity is not None:
        yield "firmware", f"MicroPython {identity.micropython}"
    plans = [capture.plan for capture in captures if capture.board.name == board]
    periods = sorted({task.period_us for plan in plans for task in plan.tasks})
    if periods:
        yield "period", _listed([format_period_us(period) for period in periods])
    own = [row for row in rows if row.board == board]
    yield "load", ", ".join(sorted({row.load for row in own}, key=load_rank))
    windows = dict.fromkeys(
        (
            max(1, len(capture.windows)),
            round(capture.plan.duration_us / max(1, len(capture.windows)) / 1e6, 2),
        )
        for capture in captures
        if capture.board.name == board
    )
    if windows:
        texts = [
            f"{count} windows of {s:g} s" if count > 1 else f"{s:g} s"
            for count, s in sorted(windows)
        ]
        yield "window", _listed(texts)
    counts = [row.cells["lateness_max_us"].n for row in own if "lateness_max_us" in row.cells]
    if counts:
        few, many = min(counts), max(counts)
        each = f"{few}" if few == many else f"{few} to {many}"
        yield "n", f"{each} activations each"


def _listed(texts: Sequence[str]) -> str:
    if len(texts) <= _MOST_NAMED:
        return ", ".join(texts)
    return f"{texts[0]} to {texts[-1]}"
