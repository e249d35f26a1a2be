"""What a run is going to take by its plan, before anything of it was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hil.experiments.plan import needed_words
from hil.experiments.registry import chosen_workloads

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from hil.experiments.plan import Case


class ExpectedWindow(NamedTuple):
    """A window to come: board and case, its length, and what usually follows it, in seconds."""

    case: str
    window_s: float
    extra_s: float


def expected_windows(
    pairs: Iterable[tuple[str, Case]], capabilities: Collection[str] | None = None
) -> Iterator[ExpectedWindow]:
    """Every window of the cases, each with its board.

    Workloads that need more than the board's ``capabilities`` take no time, if these are known.
    """
    for board, case in pairs:
        for number in range(case.plan.windows):
            window = case.in_window(number)
            extra_s = sum(
                workload.usual_s(options)
                for workload, options in chosen_workloads(window)
                if capabilities is None or set(needed_words(workload)).issubset(capabilities)
            )
            yield ExpectedWindow(f"{board} {case.id}", window.plan.duration_us / 1e6, extra_s)
