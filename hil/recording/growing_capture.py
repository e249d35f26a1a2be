"""A capture that is still being taken: what it would be if it ended where it has got to."""

from __future__ import annotations

import bisect
from array import array
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from hil.protocol.capture_limits import CaptureLimits
from hil.protocol.decoder import StreamDecoder
from hil.protocol.device_log import uncaught_exceptions
from hil.protocol.events import HostPing
from hil.protocol.reassembly import assemble
from hil.recording.validity import clock_step, truncate_capture

if TYPE_CHECKING:
    from hil.model.board import BoardIdentity
    from hil.model.captures import Calibration, Capture, CapturePlan

MAX_PINGS = 100_000


class CaptureSoFar(NamedTuple):
    """What came so far: ``capture`` gives figures, ``None`` where there are none yet, or none at
    all because of a warning. ``warnings`` are sentences."""

    capture: Capture | None
    warnings: tuple[str, ...]


class GrowingCapture:
    """Takes what a board sends as it comes, and gives the capture so far.

    Memory: 8 bytes a stamp, and as much again while :meth:`so_far` works. Whatever the board sends,
    there is no more of it than its plan allows.
    """

    def __init__(
        self, board: BoardIdentity, plan: CapturePlan, calibration: Calibration | None = None
    ) -> None:
        self._board, self._plan, self._calibration = board, plan, calibration
        self._decoder = StreamDecoder(CaptureLimits.of_plan(plan))
        self._pings: list[HostPing] = []
        self._ends, self._times = array("Q"), array("q")
        self.received_bytes = 0

    def feed(self, data: bytes, host_ns: int) -> None:
        """Take bytes that arrived at a monotonic host time."""
        self._decoder.feed(data)
        self.received_bytes += len(data)
        self._ends.append(self.received_bytes)
        self._times.append(host_ns)

    def ping(self, host_tx_ns: int, host_rx_ns: int) -> None:
        """Take the host's times of a clock exchange."""
        if len(self._pings) < MAX_PINGS:
            self._pings.append(HostPing(host_tx_ns, host_rx_ns))

    def so_far(self) -> CaptureSoFar:
        """The capture, each task's window ended at its last stamp until the board ends it."""
        decoded = self._decoder.so_far()
        pings = list(self._pings)
        capture = assemble(decoded, self._board, self._plan, pings, self._arrival_ns)
        capture = replace(capture, calibration=self._calibration)
        open_end = any(fault.kind == "truncated" for fault in capture.faults)
        warnings = [fault.detail for fault in capture.faults if fault.kind != "truncated"]
        warnings += uncaught_exceptions(capture.log)[-1:]
        step = clock_step(capture.pings, self._board.tick_resolution_us or 1.0)
        if step is not None:
            warnings.append(step)
        usable = truncate_capture(capture) if open_end else capture
        return CaptureSoFar(usable, tuple(dict.fromkeys(warnings)))

    def _arrival_ns(self, offset: int) -> int:
        at = bisect.bisect_right(self._ends, offset)
        return self._times[at] if at < len(self._times) else -1
