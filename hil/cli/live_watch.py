"""Follows one measurement: takes what came from the capture loop, computes, and shows it.

The capture loop only hands over bytes; a thread of its own decodes them, computes the figures and
draws. So that neither disturbs the other, figures are computed for a small share of the time.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from typing import TYPE_CHECKING, Protocol

from hil.recording.growing_capture import GrowingCapture
from hil.recording.interfaces import Observer
from hil.recording.joined_windows import join_windows
from hil.report.live_figures import figures_so_far

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.experiments.plan import Case
    from hil.experiments.run import Bench
    from hil.model.captures import Capture
    from hil.report.live_state import LiveBoard

FIGURES_EVERY_S = 1.0
FIGURES_SHARE = 1 / 6
"""The most of the time that is spent on computing figures."""
_TURN_S = 0.25
_SILENT_S = 3.0


class View(Protocol):
    """Shows the newest state; called some times a second, from one thread."""

    def show(self) -> None:
        """Draw it."""

    def close(self) -> None:
        """Draw no more, and leave the output as it was."""


class LiveWatch:
    """Shows the windows of a :class:`~hil.experiments.live_case.LiveCase` while they are captured.

    For :meth:`~hil.experiments.run.Bench.measured`, as its display.
    """

    def __init__(self, bench: Bench, live: LiveBoard, view: View) -> None:
        self._bench, self._live, self._view = bench, live, view
        self._window: StreamedWindow | None = None

    @contextlib.contextmanager
    def capturing(self, board: str, case: Case) -> Iterator[Observer]:
        """Show one window; only the streaming one has figures on its way."""
        if not case.plan.streaming:
            yield _ReferenceWindow(self._live, self._view)
            return
        growing = GrowingCapture(self._bench.boards[0], case.plan, self._bench.calibration(board))
        before = self._bench.captures_of(board, case)
        self._window = StreamedWindow(growing, before, self._live, self._view)
        try:
            yield self._window
        finally:
            self._window.close()

    def pass_over(self, board: str, case: Case) -> None:
        """Nothing to show of a window that is not captured."""

    def end(self) -> bool:
        """Let the window that streams end now; false if none does, or it was asked before."""
        window = self._window
        if window is None or window.wants_end:
            return False
        window.wants_end = True
        self._live.update(phase="ending")
        return True


class _ReferenceWindow(Observer):
    """A window of which nothing is known before its end."""

    def __init__(self, live: LiveBoard, view: View) -> None:
        self._live, self._view = live, view
        self._shown_s = -1.0

    def advance(self, elapsed_s: float, received_bytes: int) -> None:  # noqa: ARG002
        if elapsed_s - self._shown_s >= _TURN_S:
            self._shown_s = elapsed_s
            self._view.show()


class StreamedWindow(Observer):
    """A window that streams, decoded and drawn by a thread; ``before`` are the windows before."""

    def __init__(
        self, growing: GrowingCapture, before: list[Capture], live: LiveBoard, view: View
    ) -> None:
        self.wants_end = False
        self._growing, self._before = growing, before
        self._live, self._view = live, view
        self._arrived: queue.SimpleQueue[tuple[bytes | None, int, int]] = queue.SimpleQueue()
        self._elapsed_s = 0.0
        self._ended = threading.Event()
        self._newest_s: float | None = None
        live.update(phase="measuring")
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def advance(self, elapsed_s: float, received_bytes: int) -> None:  # noqa: ARG002
        """Note the time of the window."""
        self._elapsed_s = elapsed_s

    def rx(self, data: bytes, host_ns: int) -> None:
        """Hand over bytes."""
        self._arrived.put((data, host_ns, 0))

    def ping(self, host_tx_ns: int, host_rx_ns: int) -> None:
        """Hand over a clock exchange."""
        self._arrived.put((None, host_tx_ns, host_rx_ns))

    def close(self) -> None:
        """All has come: compute and draw once more."""
        self._ended.set()
        self._thread.join()

    def _follow(self) -> None:
        next_s = time.monotonic()
        while not self._ended.wait(_TURN_S):
            self._take()
            if time.monotonic() >= next_s:
                took_s = self._compute()
                next_s = time.monotonic() + max(FIGURES_EVERY_S, took_s / FIGURES_SHARE)
            self._live.update(elapsed_s=self._elapsed_s)
            self._view.show()
        self._take()
        self._compute()
        self._live.update(phase="over", elapsed_s=self._elapsed_s)
        self._view.show()

    def _take(self) -> None:
        while True:
            try:
                data, first_ns, second_ns = self._arrived.get_nowait()
            except queue.Empty:
                return
            if data is None:
                self._growing.ping(first_ns, second_ns)
            else:
                self._growing.feed(data, first_ns)
                self._newest_s = time.monotonic()

    def _compute(self) -> float:
        """Figures and warnings anew; how long that took, in seconds."""
        began = time.monotonic()
        so_far = self._growing.so_far()
        warnings = list(so_far.warnings)
        if self._newest_s is not None and began - self._newest_s > _SILENT_S:
            silent_s = began - self._newest_s
            warnings.insert(0, f"nothing has come from the board for {silent_s:.0f} s")
        if so_far.capture is None:
            self._live.update(warnings=tuple(warnings))
            return time.monotonic() - began
        figures = figures_so_far(join_windows([*self._before, so_far.capture]))
        lost = sum(
            track.dropped + sum(gap.count for gap in track.gaps) for track in so_far.capture.tracks
        )
        if lost:
            warnings.insert(0, f"{lost} stamps are lost: host or line is too slow for the board")
        stamps = sum(task.n for task in figures.tasks)
        self._live.update(figures=figures, stamps=stamps, warnings=tuple(warnings))
        return time.monotonic() - began
