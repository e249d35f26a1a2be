"""The tables of workloads and stamp sources: one row for each.

The order of :data:`WORKLOADS` is that of their figures, and that of their code on the board but for
those that run last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.experiments.stamp_sources.board_recorder import make_board_recorder
from hil.experiments.stamp_sources.saleae import open_saleae
from hil.experiments.stamp_sources.sigrok import open_sigrok
from hil.experiments.stamp_sources.watched_pins import open_watched_pins
from hil.experiments.stamp_sources.witness_board import open_witness
from hil.experiments.workloads.after_window import (
    AsyncioVariants,
    BackgroundShare,
    CallbackVariants,
    ClockExchanges,
    CounterLatency,
    InterruptLatency,
    Restarts,
    SchedulerVariants,
)
from hil.experiments.workloads.reset_persistence import ResetPersistence
from hil.experiments.workloads.sync_pattern import SyncEdges
from hil.experiments.workloads.user_program import UserProgramRun
from hil.experiments.workloads.web_traffic import WebTraffic
from hil.model.captures import CAPTURE_CHANNELS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from hil.analysis.summary import Analysis
    from hil.experiments.edge_instruments import OpenInstrument
    from hil.experiments.plan import CaptureJob, Case, Profile
    from hil.experiments.workload import MeasuredBoard, Options, Workload
    from hil.model.captures import Channel
    from hil.model.edge_sources import EdgeSourceKind
    from hil.recording.interfaces import Companion, StampSource

    MakeStampSource = Callable[[MeasuredBoard, CaptureJob, Sequence[Companion]], StampSource | None]

WORKLOADS: tuple[Workload, ...] = (
    InterruptLatency(),
    BackgroundShare(),
    Restarts(),
    CallbackVariants(),
    AsyncioVariants(),
    SchedulerVariants(),
    CounterLatency(),
    ResetPersistence(),
    ClockExchanges(),
    WebTraffic(),
    UserProgramRun(),
    SyncEdges(),
)
STAMP_SOURCES: Mapping[str, MakeStampSource] = {
    "board": make_board_recorder,
}
"""The name of a source -> a function that makes it for a capture, or ``None`` where it has no part
in it. The first one says when the capture is over."""


EDGE_SOURCES: Mapping[EdgeSourceKind, OpenInstrument] = {
    "board": open_witness,
    "pico": open_watched_pins,
    "saleae": open_saleae,
    "sigrok": open_sigrok,
    "sim": open_watched_pins,
}
"""The word of ``--hil-edges`` -> a function that opens the instrument for a board. Its source joins
those of every window. A file has no row: something else records it."""


def unasked_options(case: Case, profile: Profile) -> Options:
    """The options of every workload that a run plans for ``case`` unasked."""
    options: dict[str, int | str] = {}
    for workload in WORKLOADS:
        options |= workload.options(case, profile) or {}
    return options


def window_options(case: Case, number: int) -> Options:
    """The options of window ``number`` of a planned case.

    They are those that belong to every window; the last one has all.
    """
    options = dict(case.plan.options)
    is_last = number == case.plan.windows - 1
    for workload in WORKLOADS:
        if not (is_last or workload.every_window):
            for name in workload.option_names:
                options.pop(name, None)
        elif (chosen := workload.chosen(case)) is not None:
            options |= workload.in_window(chosen, number)
    return options


def analyses() -> list[Analysis]:
    """The analyses of all workloads, in the order of their figures."""
    return [workload.analyse for workload in WORKLOADS]


def chosen_workloads(case: Case) -> Iterator[tuple[Workload, Options]]:
    """The workloads that have a part in a planned case, with their options, in their order."""
    for workload in sorted(WORKLOADS, key=lambda workload: workload.runs_last):
        options = workload.chosen(case)
        if options is not None:
            yield workload, options


def channels() -> Iterator[Channel]:
    """Every channel that a capture may have: those of all captures, and the workloads' own."""
    yield from CAPTURE_CHANNELS
    for workload in WORKLOADS:
        yield from (channel for channel in workload.channels if channel not in CAPTURE_CHANNELS)
