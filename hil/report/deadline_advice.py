"""Which techniques hold a deadline on this board, soft and hard real time apart.

Soft: of a hundred activations at most one is later; decided by the bounds of the 99th percentile.
Hard: none may be later; a measurement can only refute it, so what is said is what was seen. Who
usually comes before the release by more than the deadline does not hold it either: a task that runs
early is as far off as one that runs late.

Every case gives a :class:`Limit`, which answers for any deadline. The page's script holds the same
limits and answers with them what is typed in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hil.analysis.uncertainty.order_statistics import covered_share, needed_samples
from hil.model.techniques import load_rank, technique_rank
from hil.model.units import format_deadline, format_digits, format_list, format_measurement

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from hil.model.results import Measurement
    from hil.report.result_tables import TechniqueRow

DEADLINES_US = (100.0, 1_000.0, 10_000.0, 100_000.0)
"""The usual ones, answered without a script."""
FIRST_US = 1_000.0
"""The deadline that the page opens with."""
DRIFT_PPM = 10.0
"""Drift that is certain and larger than this carries a technique past any deadline in time."""
Answer = Literal["yes", "no", "open"]
_ORDER: tuple[Answer, ...] = ("yes", "open", "no")


@dataclass(frozen=True, slots=True)
class Limit:
    """Which deadlines one case holds, and in words why.

    None below ``no_below_us`` and all from ``yes_from_us`` on (``inf``: none at all); what lies
    between is not decided. Each of the texts is the reason for one answer.
    """

    no_below_us: float
    yes_from_us: float
    no: str = ""
    open: str = ""
    yes: str = ""

    def answer(self, deadline_us: float) -> Answer:
        """Whether ``deadline_us`` is held."""
        if deadline_us < self.no_below_us or math.isinf(self.no_below_us):
            return "no"
        return "yes" if deadline_us >= self.yes_from_us else "open"


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
    """One line of the table at the deadline that the page opens with."""

    technique: str
    soft: DeadlineAnswer
    hard: DeadlineAnswer


@dataclass(frozen=True, slots=True)
class Advice:
    """What to choose on one board; ``about`` says what it rests on."""

    board: str
    about: str
    demonstration: bool
    deadline: str
    soft: str
    hard: str
    choices: list[Choice]
    usual: list[Usual]


def advise(rows: Sequence[TechniqueRow], simulated: Sequence[str] = ()) -> list[Advice]:
    """The advice for each board; boards in ``simulated`` demonstrate only."""
    result = []
    for board in dict.fromkeys(row.board for row in rows):
        of_board = [row for row in rows if row.board == board]
        loads = sorted({row.load for row in of_board}, key=load_rank)
        word = "load" if len(loads) == 1 else "each of the loads"
        soft_now, hard_now = (
            judge_techniques(of_board, FIRST_US, is_hard=hard) for hard in (False, True)
        )
        hards = {answer.technique: answer for answer in hard_now}
        result.append(
            Advice(
                board=board,
                about=f"Measured under {word} {format_list(loads)}.",
                demonstration=board in simulated,
                deadline=format_deadline(FIRST_US),
                soft=answer_line(soft_now),
                hard=answer_line(hard_now),
                choices=[
                    Choice(answer.technique, answer, hards[answer.technique]) for answer in soft_now
                ],
                usual=[_usual(of_board, deadline) for deadline in DEADLINES_US],
            )
        )
    return result


def judge_techniques(
    rows: Sequence[TechniqueRow], deadline_us: float, *, is_hard: bool
) -> list[DeadlineAnswer]:
    """Every technique of one board: who holds the deadline first, the shortest limit first."""
    rule = hard_limit if is_hard else soft_limit
    several = len({row.load for row in rows}) > 1
    judged = []
    for technique in sorted({row.technique for row in rows}, key=technique_rank):
        limits = [(rule(row), row.load) for row in rows if row.technique == technique]
        answers = [limit.answer(deadline_us) for limit, _ in limits]
        answer: Answer = "no" if "no" in answers else "open" if "open" in answers else "yes"
        decisive = [limit for limit, given in zip(limits, answers, strict=True) if given == answer]
        worst, load = max(decisive, key=lambda pair: _size(pair[0], answer))
        reason = getattr(worst, answer) + (f" (load {load})" if several else "")
        judged.append(
            DeadlineAnswer(technique, answer, reason, _size(worst, answer), worst.no_below_us)
        )
    return sorted(judged, key=_answer_order)


def _answer_order(answer: DeadlineAnswer) -> tuple[int, float, float]:
    return (_ORDER.index(answer.answer), answer.limit_us, answer.floor_us)


def answer_line(held: Sequence[DeadlineAnswer]) -> str:
    """The choice in one sentence, or which one comes nearest."""
    first = held[0]
    more = [other.technique for other in held[1:] if other.answer == "yes"]
    if first.answer == "yes":
        also = f" Also: {', '.join(more)}." if more else ""
        return f"choose {first.technique}: {first.reason}.{also}"
    word = "nothing is certain" if first.answer == "open" else "none holds it"
    if math.isinf(first.limit_us) and first.answer == "no":
        return f"{word}."
    return f"{word}; nearest is {first.technique}: {first.reason}."


def limits_for_script(rows: Sequence[TechniqueRow]) -> list[dict[str, Any]]:
    """The limits as plain data, ``null`` for infinite; the script's only source."""

    def plain(limit: Limit) -> list[Any]:
        ends = (limit.no_below_us, limit.yes_from_us)
        return [*(None if math.isinf(x) else x for x in ends), limit.no, limit.open, limit.yes]

    return [
        {
            "board": row.board,
            "technique": row.technique,
            "load": row.load,
            "soft": plain(soft_limit(row)),
            "hard": plain(hard_limit(row)),
        }
        for row in sorted(rows, key=lambda row: technique_rank(row.technique))
    ]


def soft_limit(row: TechniqueRow) -> Limit:
    """From when on at most one in a hundred activations is later, as far as the bounds tell."""
    return _not_early(row, _soft(row))


def hard_limit(row: TechniqueRow) -> Limit:
    """From when on no activation was seen later, or missed; open where stamps are lacking."""
    return _not_early(row, _hard(row))


def early_us(row: TechniqueRow) -> tuple[float, float] | None:
    """Bounds of how early half of the activations come, where that is certain."""
    half = row.cells.get("lateness_p50_us")
    if half is None or (half.value if half.hi is None else half.hi) >= 0.0:
        return None
    ends = (half.value if end is None else end for end in (half.hi, half.lo))
    least, most = (-end for end in ends)
    return least, most


def _not_early(row: TechniqueRow, limit: Limit) -> Limit:
    """``limit``, with no deadline by which half of the activations come too early."""
    early = early_us(row)
    if early is None or early[1] <= limit.no_below_us:
        return limit
    early_text = f"half of the activations come {format_deadline(early[1])} early"
    late = limit.no_below_us >= early[0]
    return Limit(
        max(limit.no_below_us, early[0]),
        max(limit.yes_from_us, early[1]),
        limit.no if late else early_text,
        early_text if early[1] > limit.yes_from_us or not limit.open else limit.open,
        f"{limit.yes}; {early_text}" if limit.yes else "",
    )


def _soft(row: TechniqueRow) -> Limit:
    never = _never(row)
    if never:
        return never
    missed = row.cells.get("missed")
    if missed is not None and missed.value > 0.01 * (missed.n + missed.value):
        return _no(
            f"{format_measurement(missed).value} activations missed beside {missed.n} that came"
        )
    half, p99 = row.cells.get("lateness_p50_us"), row.cells.get("lateness_p99_us")
    least = half.lo if half is not None and half.lo is not None else 0.0
    if p99 is None:
        no = f"half of the activations are later than {format_deadline(least)}"
        return Limit(least, math.inf, no, _too_few(row))
    shown = f"p99 is {format_measurement(p99).line}"
    low = p99.value if p99.lo is None else p99.lo
    high = math.inf if p99.hi is None else p99.hi
    inside = f"{shown}: the bounds do not decide" if p99.hi is not None else _unbounded(p99, shown)
    yes = "" if p99.hi is None else f"99 of 100 come within {format_deadline(p99.hi)} ({shown})"
    return Limit(max(least, low), high, shown, inside, yes)


def _hard(row: TechniqueRow) -> Limit:
    never = _never(row)
    if never:
        return never
    worst, missed, dropped = (
        row.cells.get(name) for name in ("lateness_max_us", "missed", "dropped")
    )
    if missed is not None and missed.value > 0:
        return _no(f"{format_measurement(missed).value} missed")
    if worst is None or missed is None:
        return Limit(0.0, math.inf, open="the largest lateness has no figure")
    largest = f"the latest came {format_measurement(worst).value} late"
    if dropped is not None and dropped.value > 0:
        lost = f"{format_measurement(dropped).value} stamps were lost, so the worst is not known"
        return Limit(worst.value, math.inf, largest, lost)
    share = format_digits(100 * (1.0 - covered_share(worst.n)))
    seen = (
        f"worst of {worst.n} activations: {format_deadline(worst.value)} late; with 95 % "
        f"confidence fewer than {share} % are later, which is not a guarantee"
    )
    return Limit(worst.value, worst.value, largest, yes=seen)


def _unbounded(p99: Measurement, shown: str) -> str:
    """Why a percentile without an upper bound decides nothing."""
    reason = p99.remarks or ""
    if not reason or "too few" in reason:
        return f"{shown}; too little data to bound it, run with --hil-profile=nightly"
    return f"{shown}, without bounds: {reason}"


def drifts(row: TechniqueRow) -> bool:
    """Whether the schedule certainly runs away from the grid."""
    return _is_certain(row)


def _is_certain(row: TechniqueRow) -> bool:
    """A slope beyond its bounds that also took the schedule farther than its own jitter.

    A busy stretch at one end of a window tilts the line through absolute deadlines too; what it
    tilts stays below the jitter that it brings, while a schedule that runs away passes any.
    """
    drift = row.cells.get("schedule_drift_ppm")
    if drift is None or drift.lo is None or drift.hi is None:
        return False
    if drift.lo <= DRIFT_PPM and drift.hi >= -DRIFT_PPM:
        return False
    period, jitter = row.cells.get("period_mean_us"), row.cells.get("period_jitter_rms_us")
    if period is None or jitter is None:
        return True
    return abs(drift.value) * 1e-6 * drift.n * period.value > jitter.value


def _never(row: TechniqueRow) -> Limit | None:
    if not _is_certain(row):
        return None
    drift = row.cells["schedule_drift_ppm"]
    return _no(
        f"runs away from the grid by {format_measurement(drift).line}: past any deadline in time"
    )


def _too_few(row: TechniqueRow) -> str:
    worst = row.cells.get("lateness_max_us")
    needs = f"the 99th percentile needs {needed_samples(0.99)} activations"
    if worst is None:
        return f"{needs}, so measure longer"
    seen = f"there are {worst.n}, the latest came {format_measurement(worst).value} late"
    return f"{needs}, {seen}: measure longer"


def _no(reason: str) -> Limit:
    return Limit(math.inf, math.inf, reason)


def _size(limit: Limit, answer: Answer) -> float:
    return limit.no_below_us if answer == "no" else limit.yes_from_us


def _usual(rows: Sequence[TechniqueRow], deadline_us: float) -> Usual:
    softs = judge_techniques(rows, deadline_us, is_hard=False)
    hards = judge_techniques(rows, deadline_us, is_hard=True)

    def names(held: Sequence[DeadlineAnswer], answer: Answer) -> str:
        return ", ".join(other.technique for other in held if other.answer == answer) or "none"

    soft, undecided = names(softs, "yes"), names(softs, "open")
    return Usual(format_deadline(deadline_us), soft, undecided, names(hards, "yes"))
