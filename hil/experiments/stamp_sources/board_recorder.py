"""The board's own recorder: an agent is started, and its stamps are read from its output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.agents.deploy import start_agent
from hil.agents.upload import CODE_TIMEOUT_S
from hil.model.board import SMALL_HEAP
from hil.model.captures import BOARD_SOURCE
from hil.recording.capture_loop import INTERRUPT_EVERY_S, AgentOutput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.experiments.plan import CaptureJob
    from hil.experiments.workload import MeasuredBoard
    from hil.model.captures import CapturePlan
    from hil.recording.interfaces import CaptureSink, Companion

_PING_EVERY_S = 1.0
_INTERRUPT_AFTER_S = 0.3


class BoardRecorder:
    """See :class:`~hil.recording.interfaces.StampSource`; the agent of ``job`` is on the board."""

    name = BOARD_SOURCE

    def __init__(
        self, board: MeasuredBoard, job: CaptureJob, companions: Sequence[Companion]
    ) -> None:
        self._connection = board.connection
        self._identity = board.identity
        self._job = job
        self._companions = companions
        self._at_end = False

    @property
    def resolution_us(self) -> float:
        """The step of the board's clock."""
        return self._identity.tick_resolution_us or 1.0

    def begin(self, plan: CapturePlan, sink: CaptureSink) -> None:
        """Start the agent; on a small heap its first stages have run by then."""
        job = self._job
        if SMALL_HEAP in self._identity.capabilities:  # the stages need all of it
            self._connection.start_afresh()
        self._prompt = self._connection.repl
        start_agent(self._prompt, job.config, self._identity, sink, after=job.after_files)
        interrupt_after_s = plan.duration_us / 1e6 + _INTERRUPT_AFTER_S
        self._output = AgentOutput(
            self._prompt,
            sink,
            companions=self._companions,
            ping_every_s=_PING_EVERY_S if plan.streaming and not job.interrupt else None,
            interrupt_after_s=interrupt_after_s if job.interrupt else None,
            interrupt_every_s=INTERRUPT_EVERY_S * self._prompt.slowness,
            clock=self._prompt.clock,
            name=self._prompt.port,
            window_s=None if plan.streaming else plan.duration_us / 1e6,
        )

    def poll(self, timeout_s: float) -> bool:
        """Read what the agent has sent; ``False`` at the end of its output."""
        self._at_end = not self._output.poll(timeout_s)
        return not self._at_end

    def end_window(self) -> None:
        """Let the window end before its time."""
        self._output.end_window()

    def end(self) -> None:
        """Bring the prompt behind the agent's output; after an error the session recovers it."""
        if not self._at_end:
            return
        prompt = self._prompt
        prompt.unread(self._output.rest)
        prompt.end_of_program(prompt.deadline(CODE_TIMEOUT_S * prompt.slowness))


def make_board_recorder(
    board: MeasuredBoard, job: CaptureJob, companions: Sequence[Companion]
) -> BoardRecorder:
    """The recorder of a board for a capture."""
    return BoardRecorder(board, job, companions)
