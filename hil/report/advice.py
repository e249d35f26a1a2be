"""Which techniques hold a deadline on this board, in plain words, soft and hard real time apart.

Soft: of a hundred activations at most one is later; told by the bounds of the 99th percentile.
Hard: none may be later; a measurement can only refute it, so what is said is what was seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hil.analysis.limits import covered_share
from hil.metrics import load_rank
from hil.report.numbers import digits, pick_unit
from hil.report.rows import Row

DEADLINES_US = (100.0, 1_000.0, 10_000.0)
DRIFT_PPM = 10.0
"""Drift that is certain and larger than this carries a technique past any deadline in time."""
Answer = Literal["yes", "no", "open"]


@dataclass(frozen=True, slots=True)
class Advice:
    """Sentences about one board; ``about`` says what they rest on."""

    board: str
    about: str
    sentences: list[str]


def advise(rows: Sequence[Row]) -> list[Advice]:
    """Plain words for each board: a technique holds a deadline if it does under every load."""
    result = []
    for board in dict.fromkeys(row.board for row in rows):
        mine = [row for row in rows if row.board == board]
        loads = sorted({row.load for row in mine}, key=load_rank)
        word = "load" if len(loads) == 1 else "each of the loads"
        groups = {name: [r for r in mine if r.technique == name] for name in _names(mine)}
        sentences = [
            _deadline(groups, deadline, hard) for hard in (False, True) for deadline in DEADLINES_US
        ]
        drifting = [name for name, group in groups.items() if any(map(drifts, group))]
        if drifting:
            verb = "drifts" if len(drifting) == 1 else "drift"
            sentences.append(
                f"{_list(drifting)} {verb} away from the grid that was asked for: "
                "no deadline against it is held for long, whatever a short run shows."
            )
        result.append(Advice(board, f"Measured under {word} {_list(loads)}.", sentences))
    return result


def soft(row: Row, deadline_us: float) -> Answer:
    """Whether at most one in a hundred activations is later, as far as the bounds tell."""
    if drifts(row):
        return "no"
    missed = row.cells.get("missed")
    if missed is not None and missed.value > 0.01 * (missed.n + missed.value):
        return "no"
    half = row.cells.get("lateness_p50_us")
    if half is not None and half.lo is not None and half.lo > deadline_us:
        return "no"  # more than half are later
    one = row.cells.get("lateness_p99_us")
    if one is None:
        return "open"
    if one.hi is not None and one.hi <= deadline_us:
        return "yes"
    if (one.value if one.lo is None else one.lo) > deadline_us:
        return "no"
    return "open"


def hard(row: Row, deadline_us: float) -> Answer:
    """Whether no activation was seen later, or missed; ``open`` where stamps are lacking."""
    worst, missed, dropped = (
        row.cells.get(name) for name in ("lateness_max_us", "missed", "dropped")
    )
    if drifts(row) or (missed is not None and missed.value > 0):
        return "no"
    if worst is None or missed is None:
        return "open"
    if worst.value > deadline_us:
        return "no"
    return "open" if dropped is not None and dropped.value > 0 else "yes"


def drifts(row: Row) -> bool:
    """Whether the schedule certainly runs away from the grid."""
    one = row.cells.get("schedule_drift_ppm")
    if one is None or one.lo is None or one.hi is None:
        return False
    return one.lo > DRIFT_PPM or one.hi < -DRIFT_PPM


def _deadline(groups: dict[str, list[Row]], deadline_us: float, is_hard: bool) -> str:
    rule = hard if is_hard else soft
    answers = {name: _together([rule(row, deadline_us) for row in g]) for name, g in groups.items()}
    yes = [name for name, answer in answers.items() if answer == "yes"]
    unsure = [name for name, answer in answers.items() if answer == "open"]
    kind = "Hard" if is_hard else "Soft"
    text = f"{kind} real time, {_time(deadline_us)}: "
    if yes:
        text += _list(yes)
    else:
        text += "nothing certain" if unsure else "none"
    if is_hard and yes:
        fewest = min(row.cells["lateness_max_us"].n for name in yes for row in groups[name])
        share = digits(100 * covered_share(fewest))
        text += f" (none later in {fewest} activations each: 95 % sure of {share} %, no proof)"
    if unsure:
        text += f"; not decided for {_list(unsure)}"
    return f"{text}."


def _together(answers: Sequence[Answer]) -> Answer:
    return "no" if "no" in answers else "open" if "open" in answers else "yes"


def _names(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row.technique for row in rows))


def _list(names: Sequence[str]) -> str:
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)


def _time(us: float) -> str:
    if 1_000 <= us < 1_000_000:
        return f"{us / 1000:g} ms"
    unit, factor = pick_unit(us, "us")
    return f"{us * factor:g} {unit}"
