"""What is known of a measurement that goes on: written by who measures, read by who shows it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from hil.report.live_figures import FiguresSoFar

if TYPE_CHECKING:
    from typing import Any

    from hil.model.results import Measurement

Phase = Literal["reference", "measuring", "ending", "over"]
PHASES: dict[Phase, str] = {
    "reference": "first a short window in which nothing is sent, to know what sending costs",
    "measuring": "provisional: no verdicts before the end",
    "ending": "ending: the board closes its window",
    "over": "over",
}
NO_FIGURES = FiguresSoFar()
MOST_WARNINGS, MOST_TEXT, MOST_TASKS = 5, 300, 16


@dataclass(frozen=True, slots=True)
class LiveState:
    """One moment. ``late_s`` is how old the newest stamps may be, ``warnings`` are sentences."""

    board: str
    technique: str
    load: str
    period_us: float
    limit_s: float
    phase: Phase = "reference"
    elapsed_s: float = 0.0
    stamps: int = 0
    late_s: float = 1.0
    figures: FiguresSoFar = NO_FIGURES
    warnings: tuple[str, ...] = ()


class LiveBoard:
    """The newest state, for any number of readers in other threads."""

    def __init__(self, state: LiveState) -> None:
        self._state = state
        self._lock = threading.Lock()

    @property
    def state(self) -> LiveState:
        """The newest one."""
        with self._lock:
            return self._state

    def update(self, **changes: Any) -> None:
        """Change some of it; texts of warnings are cut, and only the first ones stay."""
        if "warnings" in changes:
            shown = [text[:MOST_TEXT] for text in changes["warnings"][:MOST_WARNINGS]]
            changes["warnings"] = tuple(shown)
        with self._lock:
            self._state = replace(self._state, **changes)


def plain_state(state: LiveState) -> dict[str, object]:
    """The state for a program: numbers and texts only."""
    group = state.figures.lateness
    return {
        "board": state.board,
        "technique": state.technique,
        "load": state.load,
        "period_ms": state.period_us / 1000,
        "phase": state.phase,
        "told": PHASES[state.phase],
        "elapsed_s": round(state.elapsed_s, 1),
        "limit_s": state.limit_s,
        "stamps": state.stamps,
        "cost_ms": round(state.figures.cost_ms, 1),
        "warnings": list(state.warnings),
        "tasks": [
            {
                "task": task.name or task.index,
                "n": task.n,
                "figures": {name: _plain(figure) for name, figure in task.figures.items()},
                "last_us": task.last_us.tolist(),
                "sending": task.sending,
            }
            for task in state.figures.tasks[:MOST_TASKS]
        ],
        "lateness": None
        if group is None
        else {
            "edges_us": group.edges_us.tolist(),
            "counts": group.rows[0].counts.tolist(),
            "ticks": [[float(group.axis.position(at)), text] for at, text in group.axis.ticks()],
        },
    }


def _plain(figure: Measurement) -> dict[str, object]:
    return {"value": figure.value, "lo": figure.lo, "hi": figure.hi, "unit": figure.unit}
