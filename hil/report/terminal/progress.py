"""Progress of a run: a bar on a terminal, plain lines elsewhere.

The display owns a duplicate of the process's standard output, taken before pytest begins to
capture, so that a running test's output and the bar never meet. Only one bar line is drawn, only
during a capture, and it is erased before pytest writes again.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from hil.model.board import DEFAULT_BOARD
from hil.model.printable import escaped_line
from hil.model.units import format_about, format_elapsed
from hil.protocol.stamp_count import StampCount
from hil.recording.interfaces import Observer
from hil.report.terminal.remaining_time import RemainingTime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import TextIO

    from rich.progress import TaskID

    from hil.model.captures import CapturePlan
    from hil.report.terminal.remaining_time import WindowPlan

LINE_EVERY_S = 10.0
"""Plain lines: at most one in so many seconds during a capture."""
REDRAW_EVERY_S = 0.1
_BAR_CELLS, _LEAST_PARTS, _LEAST_TITLE = 16, 3, 12


class RunProgress:
    """The progress of all captures of a run; :meth:`expect` says how many are to come.

    ``stream`` is where to draw (it is not closed); ``terminal`` forces the bar on or off, by
    default it follows the stream. ``before_bar`` is called before anything appears: pytest's
    unfinished line must be ended there (:func:`end_pytest_line`).
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        terminal: bool | None = None,
        width: int | None = None,
        before_bar: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._windows = self._to_capture = 0
        self._time = RemainingTime()
        self._stream = stream
        self._before = before_bar
        self._clock = clock
        self._began = clock()
        self._over = 0
        self._stamps = 0
        self._bar = stream.isatty() if terminal is None else terminal
        self._width = width

    def expect(self, windows: Iterable[WindowPlan]) -> None:
        """Say which windows are going to be captured; their cases are named as by ``case_name``."""
        expected = list(windows)
        self._windows = len(expected)
        self._to_capture = sum(window.window_s > 0 for window in expected)
        self._time.expect(expected)

    @property
    def announcement(self) -> str:
        """How much is to come, before it begins."""
        plural = "" if self._to_capture == 1 else "s"
        return f"{self._to_capture} window{plural}, about {format_about(self._time.left_s)}"

    @contextmanager
    def capturing(self, board: str, plan: CapturePlan) -> Iterator[Observer]:
        """Show one window's capture while the block runs; gives what the capture loop reports to.

        Nothing appears before the first report, so that a case that is skipped passes silently.
        """
        title = f"{plan.technique} {plan.load}"
        if board != DEFAULT_BOARD:
            title += f" on {board}"
        title = escaped_line(title)[:60]
        view = (
            _Bar(self._stream, self._width, self._before)
            if self._bar
            else _Lines(self._stream, self._before)
        )
        case, began = case_name(board, plan), self._clock()
        try:
            yield _Window(self, view, title, case, plan)
        except BaseException:
            # a case whose first window fails has no others
            (self._time.give_up if plan.window == 0 else self._time.pass_over)(case)
            raise
        else:
            self._time.done(case, self._clock() - began)
        finally:
            view.close()
            self._over += 1

    def pass_over(self, board: str, plan: CapturePlan) -> None:
        """A window that was expected is not captured."""
        self._over += 1
        self._time.pass_over(case_name(board, plan))

    def add_stamps(self, count: int) -> None:
        """Say how many stamps the last capture gave."""
        self._stamps += count

    def status(
        self, case: str, window_began: float, stamps: int | None, received: int
    ) -> list[str]:
        """The words beside the bar, also the text of a plain line, the most important first.

        ``stamps`` came so far in the window of ``case`` that goes on; ``None`` before any can.
        """
        now = self._clock()
        spent_s = min(now - window_began, self._time.of_next(case))
        total = self._stamps + (stamps or 0)
        counted = f"{total} stamps" if total or stamps is not None else "stamps after the window"
        parts = [
            f"{min(self._over + 1, self._windows)}/{self._windows}",
            f"{format_elapsed(now - self._began)} gone",
            f"about {format_elapsed(self._time.left_s - spent_s)} left",
            counted,
        ]
        if received:
            parts.append(f"{received / 1000:.1f} kB")
        return parts

    @property
    def now(self) -> float:
        """The clock that this progress goes by."""
        return self._clock()


def case_name(board: str, plan: CapturePlan) -> str:
    """The name of a case among those of all boards; of a repeated one another than at first."""
    name = f"{board} {plan.technique}-{plan.load}"
    return f"{name} {plan.attempt}" if plan.attempt else name


class _Window(Observer):
    """What the capture loop talks to."""

    def __init__(
        self, run: RunProgress, view: _Bar | _Lines, title: str, case: str, plan: CapturePlan
    ) -> None:
        self._run, self._view, self._title, self._case = run, view, title, case
        self._window_s = plan.duration_us / 1e6
        self._streaming = plan.streaming
        self._began = run.now
        self._count = StampCount(len(plan.tasks))

    def rx(self, data: bytes, host_ns: int) -> None:  # noqa: ARG002
        self._count.feed(data)

    def advance(self, elapsed_s: float, received_bytes: int) -> None:
        stamps = self._count.stamps
        shown = stamps if stamps or self._streaming else None
        status = self._run.status(self._case, self._began, shown, received_bytes)
        self._view.show(self._title, elapsed_s, self._window_s, status)


class _Lines:
    """One plain line when a capture begins and a few on the way."""

    def __init__(self, stream: TextIO, before: Callable[[], None] | None) -> None:
        self._stream = stream
        self._before = before
        self._next_s: float | None = None

    def show(self, title: str, elapsed_s: float, window_s: float, parts: list[str]) -> None:
        status = ", ".join(parts)
        if self._next_s is None:
            self._write(f"{title}: window {window_s:g} s ({status})")
        elif elapsed_s < self._next_s:
            return
        else:
            over = elapsed_s > window_s
            where = "window over, receiving" if over else f"of {window_s:g} s"
            self._write(f"{title}: {elapsed_s:.0f} s {where} ({status})")
        self._next_s = elapsed_s + LINE_EVERY_S

    def close(self) -> None:
        pass

    def _write(self, text: str) -> None:
        if self._before is not None:
            self._before()
        with suppress(OSError, ValueError):
            self._stream.write(f"hil: {text}\n")
            self._stream.flush()


class _Bar:
    """One line with a bar, gone when the capture is."""

    def __init__(
        self, stream: TextIO, width: int | None, before: Callable[[], None] | None
    ) -> None:
        # here: a run has its first stamp sooner, and without a terminal there is no bar
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._before = before
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=_BAR_CELLS),
            TextColumn("{task.fields[status]}", markup=False),
            console=Console(
                file=stream,
                force_terminal=True,
                width=width,
                highlight=False,
                markup=False,
                emoji=False,
            ),
            transient=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task: TaskID | None = None
        self._drawn_s = 0.0

    def show(self, title: str, elapsed_s: float, window_s: float, parts: list[str]) -> None:
        done = min(elapsed_s, window_s)
        title, status = fitting_words(title, parts, self._progress.console.width - _BAR_CELLS - 2)
        if self._task is None:
            if self._before is not None:
                self._before()
            self._task = self._progress.add_task(title, total=window_s, status=status)
            self._progress.start()
        elif 0 <= elapsed_s - self._drawn_s < REDRAW_EVERY_S:
            return
        self._drawn_s = elapsed_s
        self._progress.update(self._task, completed=done, status=status)
        self._progress.refresh()

    def close(self) -> None:
        if self._task is not None:
            self._progress.stop()


def fitting_words(title: str, parts: list[str], room: int) -> tuple[str, str]:
    """Title and status that fit into ``room`` cells together, as far as they can.

    What is least important is left out first; then the title is cut.
    """
    shown = list(parts)
    while len(shown) > _LEAST_PARTS and len(title) + len(", ".join(shown)) > room:
        shown.pop()
    status = ", ".join(shown)
    return title[: max(_LEAST_TITLE, room - len(status))], status
