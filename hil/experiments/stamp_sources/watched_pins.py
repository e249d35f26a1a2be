"""A virtual board's pins as an instrument: every edge, without error, in the session's time."""

from __future__ import annotations

import re
from array import array
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from hil.model.captures import CaptureIssue
from hil.model.edges import (
    LOOP_LINE,
    RESPONSE_LINE,
    SYNC_LINE,
    EdgeLine,
    EdgeRecording,
    LostInterval,
    task_line,
)
from hil.model.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hil.boards.backend import PinWatch
    from hil.experiments.plan import CaptureJob
    from hil.experiments.workload import MeasuredBoard
    from hil.model.board import PinId, Wiring
    from hil.model.captures import CapturePlan
    from hil.model.edge_sources import EdgeSourceSpec
    from hil.recording.interfaces import CaptureSink

_NUMBER = re.compile(r"(?:ch|d|gp)?(\d{1,3})", re.ASCII | re.IGNORECASE)
MAX_EDGES = 20_000_000
"""Of one window; what comes after them is told as lost."""


class WatchedPins:
    """See :class:`~hil.experiments.edge_instruments.EdgeInstrument`."""

    def __init__(
        self, name: str, watch: PinWatch, given: Mapping[str, PinId] = MappingProxyType({})
    ) -> None:
        self.name = name
        self._watch = watch
        self._given = given

    def source(self, board: MeasuredBoard, job: CaptureJob) -> PinEdges:
        """What records the pins of one window.

        A program of the user's own is taken to use the outputs for its tasks, in their order.
        """
        outputs = board.wiring.outputs[: len(job.plan.tasks)]
        lines = {**watched_lines(outputs, board.wiring), **self._given}
        return PinEdges(self.name, self._watch, lines)

    def close(self) -> None:
        """Nothing is held between two windows."""


def open_watched_pins(spec: EdgeSourceSpec, board: MeasuredBoard) -> WatchedPins:
    """The pins of ``board``, if it is the virtual one that ``spec`` means.

    Raises :class:`~hil.model.errors.ConfigurationError` for another board.
    """
    watch = board.connection.board.pin_watch
    if watch is None or watch.name != spec.kind:
        raise ConfigurationError(
            f"--hil-edges={spec.text}: the edges of the board {spec.kind}; "
            f"{board.identity.name} is another one"
        )
    given: dict[str, PinId] = {line: _pin(channel) for channel, line in spec.lines.items()}
    for pin in given.values():
        watch.level(pin)  # a pin that is not there is refused before anything is measured
    return WatchedPins(spec.name, watch, given)


def _pin(channel: str) -> PinId:
    """The pin of a channel: its number, whatever is written before it."""
    match = _NUMBER.fullmatch(channel)
    return channel if match is None else int(match[1])


def watched_lines(tasks: Sequence[PinId], wiring: Wiring) -> dict[str, PinId]:
    """The lines of a window and their pins: those of its tasks, the loopback's, and the rest."""
    lines = {task_line(number): pin for number, pin in enumerate(tasks)}
    others = {
        LOOP_LINE: None if wiring.loopback is None else wiring.loopback[0],
        RESPONSE_LINE: wiring.response,
        SYNC_LINE: wiring.sync,
    }
    return lines | {name: pin for name, pin in others.items() if pin is not None}


class PinEdges:
    """See :class:`~hil.recording.interfaces.StampSource`; it begins and ends with the agent."""

    def __init__(self, name: str, watch: PinWatch, pins: Mapping[str, PinId]) -> None:
        self.name = name
        self._watch = watch
        self._pins = pins
        self._lines = {line: (array("q"), array("b")) for line in pins}
        self._initial: dict[str, int | None] = {}
        self._stops: list[Callable[[], None]] = []
        self._pairs: list[tuple[int, int]] = []
        self._left = MAX_EDGES
        self._full_ns: int | None = None
        self._start_ns = 0
        self._sink: CaptureSink | None = None

    @property
    def resolution_us(self) -> float:
        """The least step between two edges, in microseconds."""
        return self._watch.resolution_ns / 1000

    def begin(self, plan: CapturePlan, sink: CaptureSink) -> None:  # noqa: ARG002
        """Listen to the pins."""
        self._sink = sink
        self._take_pair()
        self._start_ns = self._watch.now_ns()
        for line, pin in self._pins.items():
            self._initial[line] = self._watch.level(pin)
            self._stops.append(self._watch.listen(pin, partial(self._edge, line)))

    def poll(self, timeout_s: float) -> bool:  # noqa: ARG002
        """The edges come while the board runs."""
        return True

    def end(self) -> None:
        """Stop listening, and hand over what was seen."""
        for stop in self._stops:
            stop()
        self._stops.clear()
        if self._sink is None:
            return
        self._take_pair()
        self._sink.edges(self._recording(self._watch.now_ns()))
        self._sink = None

    def _edge(self, line: str, ns: int, level: int) -> None:
        if self._left <= 0:
            if self._full_ns is None:
                self._full_ns = ns
            return
        self._left -= 1
        times, levels = self._lines[line]
        times.append(ns)
        levels.append(level)

    def _take_pair(self) -> None:
        pair = self._watch.clock_pair()
        if pair is not None:
            self._pairs.append(pair)

    def _recording(self, end_ns: int) -> EdgeRecording:
        import numpy as np

        lines = tuple(
            EdgeLine(
                line,
                np.array(times, np.int64),
                np.array(levels, np.int8),
                self._initial.get(line),
            )
            for line, (times, levels) in self._lines.items()
        )
        lost: tuple[LostInterval, ...] = ()
        issues: tuple[CaptureIssue, ...] = ()
        if self._full_ns is not None:
            reason = f"more than {MAX_EDGES} edges in one window"
            lost = (LostInterval(self._full_ns, end_ns, reason),)
            issues = (CaptureIssue("missing", reason),)
        pairs = np.array(self._pairs, np.int64).reshape(-1, 2)
        return EdgeRecording(
            instrument=self.name,
            lines=lines,
            start_ns=self._start_ns,
            end_ns=end_ns,
            resolution_ns=self._watch.resolution_ns,
            lost=lost,
            issues=issues,
            board_us=pairs[:, 0].copy(),
            seen_ns=pairs[:, 1].copy(),
        )
