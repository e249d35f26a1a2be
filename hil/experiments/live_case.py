"""A case that is watched while it is measured: a short window first, then one that streams.

The short window is buffered, as in any run: nothing is sent while it is open. The long one sends
its stamps as they come and ends when its watcher has seen enough. What the sending costs on the
board is the difference between the two.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hil.experiments.plan import MAX_DURATION_S, Case, agent_case, find_profile, make_cases
from hil.model.board import SMALL_HEAP
from hil.model.errors import CapabilityMissing, ConfigurationError
from hil.protocol.capture_limits import MAX_STAMPS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.experiments.workloads.user_program import UserProgram
    from hil.model.board import BoardIdentity

REFERENCE_S, MOST_REFERENCE_S = 2.0, 10.0
REFERENCE_PERIODS = 330
"""How long the buffered window is unasked: so that it has a p99, but no longer than the second."""
MOST_S = 24 * 3600.0
"""How long the streaming window may be open unasked."""
PINGS = 100
_HALF_US = 1_000_000
_LEAST_HALF, _MOST_HALF = 2, 512
_CAPACITY = "capacity"


@dataclass(frozen=True, slots=True)
class LiveCase(Case):
    """A case of one streaming window, behind a buffered one where ``reference_us`` is not 0."""

    reference_us: int = 0

    def in_window(self, number: int) -> Case:
        """As of any case; all windows but the last are buffered."""
        case = Case.in_window(self, number)
        if number == self.plan.windows - 1:
            return case
        options = {name: value for name, value in case.plan.options.items() if name != _CAPACITY}
        plan = replace(case.plan, streaming=False, duration_us=self.reference_us, options=options)
        return replace(case, plan=plan)


def live_case(
    technique: str,
    load: str = "idle",
    *,
    period_ms: float | None = None,
    duration_s: float | None = None,
    reference_s: float | None = None,
) -> LiveCase:
    """The case of ``technique`` under ``load``.

    A half of the board's recorder holds a second's stamps, which are sent when it is full. Raises
    :class:`~hil.model.errors.ConfigurationError` for a number out of its range.
    """
    profile = find_profile("quick")
    (case,) = make_cases(
        *(profile, [technique], [load]),
        period_ms=period_ms,
        duration_s=_length_s(
            profile.period_us if period_ms is None else period_ms * 1000, duration_s
        ),
        windows=1,
    )
    return _streamed(case, {}, reference_s)


def live_program_case(
    program: UserProgram,
    *,
    period_ms: float | None = None,
    duration_s: float | None = None,
    reference_s: float | None = None,
) -> LiveCase:
    """The case of a user's own program, which is started anew for the second window.

    Errors as for :func:`live_case`.
    """
    profile = find_profile("quick")
    given_us = profile.period_us if period_ms is None else period_ms * 1000
    case = agent_case(
        *(program, profile),
        period_ms=period_ms,
        duration_s=_length_s(min(program.periods_us, default=given_us), duration_s),
        windows=1,
    )
    return _streamed(case, case.plan.options, reference_s)


def _length_s(period_us: float, duration_s: float | None) -> float:
    """How long the streaming window may be open."""
    if duration_s is None:
        return min(MOST_S, MAX_STAMPS * max(1.0, period_us) / 4e6)
    if duration_s > MAX_DURATION_S:
        raise ConfigurationError(f"--duration-s={duration_s:g}: at most {MAX_DURATION_S} (30 days)")
    return duration_s


def _streamed(case: Case, options: Mapping[str, int | str], reference_s: float | None) -> LiveCase:
    periods_us = [task.period_us for task in case.plan.tasks]
    half = min(max(_HALF_US // min(periods_us), _LEAST_HALF), _MOST_HALF)
    longest_us = max(periods_us)
    if reference_s is None:
        unasked_s = max(REFERENCE_S, REFERENCE_PERIODS * longest_us / 1e6)
        reference_s = max(min(unasked_s, MOST_REFERENCE_S), 3 * longest_us / 1e6)
    reference_us = round(reference_s * 1e6)
    if 0 < reference_us < 3 * longest_us:
        raise ConfigurationError(
            f"--reference-s={reference_s:g}: too short for three periods of "
            f"{longest_us / 1000:g} ms; give more, or 0 for none"
        )
    plan = replace(
        case.plan,
        streaming=True,
        options={**options, "pings": PINGS, _CAPACITY: 2 * half},
        windows=2 if reference_us else 1,
    )
    return LiveCase(plan, case.program, reference_us=reference_us)


def require_streaming(board: BoardIdentity) -> None:
    """Raise :class:`~hil.model.errors.CapabilityMissing` for a board that can't send meanwhile."""
    if SMALL_HEAP in board.capabilities:
        raise CapabilityMissing(
            f"{board.name} has too little memory to send stamps while it measures; "
            f"`hil run` measures it in short windows"
        )
