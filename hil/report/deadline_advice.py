"""Which techniques hold a deadline on this board, soft and hard real time apart.

Every case gives a :class:`~hil.report.deadline_limits.Limit`, which answers for any deadline. The
page's script holds the same limits and answers with them what is typed in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.model.techniques import load_rank, technique_rank
from hil.model.units import format_deadline, format_list, with_micro_sign
from hil.report.deadline_limits import FLOOR, hard_limit, soft_limit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from hil.model.results import ErrorRecord
    from hil.report.deadline_limits import Answer, Limit
    from hil.report.result_tables import TechniqueRow

DEADLINES_US = (100.0, 1_000.0, 10_000.0, 100_000.0)
"""The usual ones, answered without a script."""
FIRST_US = 1_000.0
"""The deadline that the page opens with."""
MOST_NAMED = 3
"""Techniques that an answer names beside the first; the script of the page has the same number."""
NO_CASE = "-"
"""What stands for the technique in an error of no case."""
_ORDER: tuple[Answer, ...] = ("yes", "open", "no")


@dataclass(frozen=True, slots=True)
class DeadlineAnswer:
    """One technique's answer for one deadline under all its loads; the worst load gives it.

    ``limit_us`` is the end of that load's :class:`Limit` that the answer goes by, ``floor_us`` the
    deadline below which none is held.
    """

    technique: str
    answer: Answer
    reason: str
    limit_us: float
    floor_us: float


@dataclass(frozen=True, slots=True)
class Usual:
    """One of the usual deadlines: who holds it, who may, and with whom nothing later was seen."""

    deadline: str
    soft: str
    undecided: str
    hard: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of the table at the deadline that the page opens with.

    ``invalid`` names the loads under which the technique gave no valid measurement.
    """

    technique: str
    soft: DeadlineAnswer
    hard: DeadlineAnswer
    invalid: str = ""


@dataclass(frozen=True, slots=True)
class Advice:
    """What to choose on one board; ``about`` says what it rests on.

    ``invalid`` are techniques with cases that gave no valid measurement, and which: the answer does
    not speak of these.
    """

    board: str
    about: str
    demonstration: bool
    deadline: str
    soft: str
    hard: str
    choices: list[Choice]
    usual: list[Usual]
    invalid: dict[str, str]

    @property
    def unmeasured(self) -> list[tuple[str, str]]:
        """The invalid techniques that have no line in the table, with their loads."""
        judged = {choice.technique for choice in self.choices}
        return [(name, loads) for name, loads in self.invalid.items() if name not in judged]

    @property
    def invalid_line(self) -> str:
        """The invalid cases in a sentence, empty where all were valid."""
        if not self.invalid:
            return ""
        cases = "; ".join(f"{name} ({loads})" for name, loads in self.invalid.items())
        return f"Without a valid measurement, so the answer leaves them out: {cases}."


def advise(
    rows: Sequence[TechniqueRow],
    simulated: Sequence[str] = (),
    errors: Sequence[ErrorRecord] = (),
) -> list[Advice]:
    """The advice for each board; boards in ``simulated`` demonstrate only.

    ``errors`` are those of the run: cases that gave no valid measurement.
    """
    result = []
    for board in dict.fromkeys(row.board for row in rows):
        of_board = [row for row in rows if row.board == board]
        loads = sorted({row.load for row in of_board}, key=load_rank)
        word = "load" if len(loads) == 1 else "each of the loads"
        soft_now, hard_now = (
            judge_techniques(of_board, FIRST_US, is_hard=hard) for hard in (False, True)
        )
        hards = {answer.technique: answer for answer in hard_now}
        invalid = _invalid_cases(board, errors)
        result.append(
            Advice(
                board=board,
                about=f"Measured under {word} {format_list(loads)}.{_allowance(of_board)}",
                demonstration=board in simulated,
                deadline=format_deadline(FIRST_US),
                soft=answer_line(soft_now),
                hard=answer_line(hard_now),
                choices=[
                    Choice(
                        *(answer.technique, answer, hards[answer.technique]),
                        invalid.get(answer.technique, ""),
                    )
                    for answer in soft_now
                ],
                usual=[_usual(of_board, deadline) for deadline in DEADLINES_US],
                invalid=invalid,
            )
        )
    return result


def _invalid_cases(board: str, errors: Sequence[ErrorRecord]) -> dict[str, str]:
    """Technique -> its loads without a valid measurement: ``load gc``, ``loads idle, gc``."""
    loads: dict[str, list[str]] = {}
    for error in errors:
        if error.board == board and error.technique != NO_CASE:
            loads.setdefault(error.technique, []).append(error.load)
    named = {name: list(dict.fromkeys(loads[name])) for name in sorted(loads, key=technique_rank)}
    return {
        name: f"load{'s' if len(several) > 1 else ''} {', '.join(several)}"
        for name, several in named.items()
    }


def _allowance(rows: Sequence[TechniqueRow]) -> str:
    """How the answers allow for being many, and on how little none is given."""
    floor = f" None is recommended on fewer than {FLOOR} activations."
    compared = _compared(rows)
    if compared == 1:
        return floor
    return (
        f" {compared} techniques are compared, so the bounds are widened until all their answers "
        f"hold together with 95 % confidence (Bonferroni).{floor}"
    )


def judge_techniques(
    rows: Sequence[TechniqueRow], deadline_us: float, *, is_hard: bool
) -> list[DeadlineAnswer]:
    """Every technique of one board: who holds the deadline first, the shortest limit first."""
    rule = hard_limit if is_hard else soft_limit
    several = len({row.load for row in rows}) > 1
    compared = _compared(rows)
    judged = []
    for technique in sorted({row.technique for row in rows}, key=technique_rank):
        limits = [(rule(row, compared), row.load) for row in rows if row.technique == technique]
        answers = [limit.answer(deadline_us) for limit, _ in limits]
        answer: Answer = "no" if "no" in answers else "open" if "open" in answers else "yes"
        decisive = [limit for limit, given in zip(limits, answers, strict=True) if given == answer]
        worst, load = max(decisive, key=lambda pair: _size(pair[0], answer))
        reason = getattr(worst, answer) + (f" (load {load})" if several else "")
        judged.append(
            DeadlineAnswer(technique, answer, reason, _size(worst, answer), worst.no_below_us)
        )
    return sorted(judged, key=_answer_order)


def _compared(rows: Sequence[TechniqueRow]) -> int:
    """How many techniques share the confidence of the answers for one board."""
    return len({row.technique for row in rows})


def _answer_order(answer: DeadlineAnswer) -> tuple[int, float, float]:
    return (_ORDER.index(answer.answer), answer.limit_us, answer.floor_us)


def answer_line(held: Sequence[DeadlineAnswer]) -> str:
    """The choice in one sentence, or which one comes nearest.

    Techniques that hold the deadline and whose bounds overlap those of the first are named apart
    from the others that hold it: which of them is best is not known.
    """
    first = held[0]
    if first.answer == "yes":
        more = [other for other in held[1:] if other.answer == "yes"]
        alike = [other.technique for other in more if other.floor_us <= first.limit_us]
        also = [other.technique for other in more if other.floor_us > first.limit_us]
        alike_text = f" As good, as far as the bounds tell: {_some(alike)}." if alike else ""
        also_text = f" Also: {_some(also)}." if also else ""
        return f"choose {first.technique}: {first.reason}.{alike_text}{also_text}"
    word = "nothing is certain" if first.answer == "open" else "none holds it"
    if math.isinf(first.limit_us) and first.answer == "no":
        return f"{word}."
    return f"{word}; nearest is {first.technique}: {first.reason}."


def _some(names: Sequence[str]) -> str:
    """The first names, and how many more there are: the table has all."""
    if len(names) <= MOST_NAMED + 1:
        return ", ".join(names)
    return f"{', '.join(names[:MOST_NAMED])} and {len(names) - MOST_NAMED} more"


def limits_for_script(rows: Sequence[TechniqueRow]) -> list[dict[str, Any]]:
    """The limits as plain data, ``null`` for infinite; the script's only source."""

    def plain(limit: Limit) -> list[Any]:
        ends = (limit.no_below_us, limit.yes_from_us)
        texts = (with_micro_sign(text) for text in (limit.no, limit.open, limit.yes))
        return [*(None if math.isinf(x) else x for x in ends), *texts]

    compared = {
        board: _compared([row for row in rows if row.board == board])
        for board in {row.board for row in rows}
    }
    return [
        {
            "board": row.board,
            "technique": row.technique,
            "load": row.load,
            "soft": plain(soft_limit(row, compared[row.board])),
            "hard": plain(hard_limit(row, compared[row.board])),
        }
        for row in sorted(rows, key=lambda row: technique_rank(row.technique))
    ]


def _size(limit: Limit, answer: Answer) -> float:
    return limit.no_below_us if answer == "no" else limit.yes_from_us


def _usual(rows: Sequence[TechniqueRow], deadline_us: float) -> Usual:
    softs = judge_techniques(rows, deadline_us, is_hard=False)
    hards = judge_techniques(rows, deadline_us, is_hard=True)

    def names(held: Sequence[DeadlineAnswer], answer: Answer) -> str:
        return ", ".join(other.technique for other in held if other.answer == answer) or "none"

    soft, undecided = names(softs, "yes"), names(softs, "open")
    return Usual(format_deadline(deadline_us), soft, undecided, names(hards, "yes"))
