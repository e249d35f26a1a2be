"""A case that was measured several times in a run: the worst attempt counts, all are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.model.errors import HilError
from hil.model.results import Attempt, Notice, worst_verdict
from hil.model.secrets import KNOWN_SECRETS
from hil.model.units import format_measurement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.experiments.evaluation import MeasuredCase
    from hil.model.results import CaseKey, Measurement

_RANK = ("fail", "undecided", "pass", "none", "invalid")
_WORDS = {
    "fail": "out of budget",
    "undecided": "undecided",
    "pass": "within its budget",
    "none": "without a limit",
}
_MOST_TOLD = 3


@dataclass(frozen=True, slots=True)
class JudgedAttempts:
    """``counted`` is the attempt whose figures are the case's, ``None`` where none gave figures.

    ``attempts`` are all of them, the worst first; empty where there was only one. ``replaced`` are
    the numbers, from 0 on, of those that gave no figures while a later one did.
    """

    counted: MeasuredCase | None
    attempts: tuple[Attempt, ...] = ()
    replaced: frozenset[int] = frozenset()

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What a reader must know of the figures, in one line."""
        if not self.attempts:
            return ()
        first = self.attempts[0]
        told = "; ".join(f"attempt {a.attempt}: {a.text}" for a in self.attempts)
        text = f"measured in {len(self.attempts)} attempts, the worst counts. {told}"
        return (Notice(first.board, first.technique, first.load, None, text),)


def judge_attempts(
    case: CaseKey, outcomes: Mapping[int, MeasuredCase | HilError]
) -> JudgedAttempts:
    """The worst of the attempts of ``case``, given by their numbers from 0 on.

    An attempt that gave no figures is no verdict: where another one did, that one counts. Of
    two that are as bad the one with more figures that fail counts, then the earlier.
    """
    valid = {n: o for n, o in outcomes.items() if not isinstance(o, HilError)}
    if len(outcomes) < 2:
        return JudgedAttempts(next(iter(valid.values()), None))
    told = [_attempt(case, number, outcome) for number, outcome in outcomes.items()]
    told.sort(key=lambda a: (_RANK.index(a.verdict), -_failed(a), a.attempt))
    counted = valid.get(told[0].attempt - 1)
    newest = max(valid, default=-1)
    replaced = frozenset(number for number in outcomes if number not in valid and number < newest)
    return JudgedAttempts(counted, tuple(told), replaced)


def _failed(attempt: Attempt) -> int:
    return sum(m.verdict in ("fail", "undecided") for m in attempt.measurements)


def _attempt(case: CaseKey, number: int, outcome: MeasuredCase | HilError) -> Attempt:
    if isinstance(outcome, HilError):
        return Attempt(
            *case, number + 1, "invalid", KNOWN_SECRETS.masked(f"not measured: {outcome}")
        )
    verdict = worst_verdict(outcome.measurements)
    text = _WORDS[verdict]
    if verdict in ("fail", "undecided"):
        bad = [_short(m) for m in outcome.measurements if m.verdict == verdict]
        more = f" and {len(bad) - _MOST_TOLD} more" if len(bad) > _MOST_TOLD else ""
        text += f": {', '.join(bad[:_MOST_TOLD])}{more}"
    return Attempt(*case, number + 1, verdict, text, outcome.measurements)


def _short(figure: Measurement) -> str:
    task = "" if figure.task is None else f" of {figure.task_label}"
    limit = "" if figure.budget is None else f" (limit {figure.budget:g})"
    return f"{figure.metric}{task} {format_measurement(figure).value}{limit}"
