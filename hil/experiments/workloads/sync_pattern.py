"""The sync pattern: edges at irregular distances by which an instrument's time is found."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hil.experiments.workload import AgentSetup, Workload, option_count
from hil.model.board import SMALL_HEAP
from hil.model.captures import SYNC

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hil.experiments.plan import Case
    from hil.experiments.workload import MeasuredBoard, Options

SYNC_EDGES = 16
"""Edges before a window, and as many behind it; an even number, so that the line ends low."""
SHORTEST_US = 1000
"""The shortest distance of two edges; the longest one is four times as much."""
_STAMPS_APART = 20
"""On a slow board the shortest distance holds so many stamps."""
_SLACK_S = 5.0
_MODULUS = 65537
_WINDOWS_APART = 16
"""How far the seeds of two cases are apart: more than a case has windows."""


def with_sync(cases: Iterable[Case], edges: int = SYNC_EDGES) -> tuple[Case, ...]:
    """``cases`` with a sync pattern in each window, of ``edges`` on each side of it.

    No two windows of the first 4,000 cases have the same pattern.
    """
    planned = []
    for number, case in enumerate(cases):
        seed = 1 + number * _WINDOWS_APART % (_MODULUS - 1)
        options = {**case.plan.options, "sync": edges, "sync_seed": seed}
        planned.append(replace(case, plan=replace(case.plan, options=options)))
    return tuple(planned)


class SyncEdges(Workload):
    """Edges at irregular distances before a window and behind all that follows it.

    It is planned only where an instrument sees edges (:func:`with_sync`). With it, interrupt
    handlers answer on the response pin, where the wiring has one.
    """

    name = "sync pattern"
    needs = ("pins",)
    device_file = "workloads/sync_pattern.py"
    option_names = ("sync", "sync_seed")
    channels = (SYNC,)
    runs_last = True  # the window and what follows it lie between its two sides
    every_window = True

    def in_window(self, options: Options, number: int) -> Options:
        """Another pattern in each window: in a longer recording none can be taken for another."""
        seed = options["sync_seed"]
        assert isinstance(seed, int)
        return {**options, "sync_seed": 1 + (seed - 1 + number) % (_MODULUS - 1)}

    def limit_s(self, options: Options) -> float:
        """Generous also for a slow board, whose distances are longer."""
        return _SLACK_S * option_count(options, "sync")

    def setup(self, board: MeasuredBoard, case: Case) -> AgentSetup:
        """The line and the shortest distance; nothing where the heap has no room for it."""
        if SMALL_HEAP in board.identity.capabilities:
            return AgentSetup()
        wiring = board.wiring
        cost_us = board.identity.stamp_cost_us or 0.0
        config: dict[str, object] = {
            "sync_pin": wiring.outputs[0] if wiring.sync is None else wiring.sync,
            "sync_us": max(SHORTEST_US, round(_STAMPS_APART * cost_us)),
        }
        if wiring.sync is None and case.program is not None:
            config["sync_task"] = 0  # the program has the pins of the tasks to itself
        if wiring.response is not None:
            config["response"] = wiring.response
        return AgentSetup(config=config)
