"""What a run is going to take by its plan, before anything of it was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hil.agents.bundle import needed_capabilities, technique_names
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

    What needs more than the board's ``capabilities`` takes no time, if these are known.
    """
    for board, case in pairs:
        if capabilities is not None and not _can_run(case, capabilities):
            for _ in range(case.plan.windows):
                yield ExpectedWindow(f"{board} {case.id}", 0.0, 0.0)
            continue
        for number in range(case.plan.windows):
            window = case.in_window(number)
            extra_s = sum(
                workload.usual_s(options)
                for workload, options in chosen_workloads(window)
                if capabilities is None or set(needed_words(workload)).issubset(capabilities)
            )
            yield ExpectedWindow(f"{board} {case.id}", window.plan.duration_us / 1e6, extra_s)


def _can_run(case: Case, capabilities: Collection[str]) -> bool:
    plan = case.plan
    if case.program is not None or plan.technique not in technique_names():
        return True
    return set(needed_capabilities(plan.technique, plan.load)).issubset(capabilities)
