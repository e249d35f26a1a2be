"""Agents on a board: which files are there already, and how a run is started on a large heap or a
small one.
"""

from __future__ import annotations

from collections.abc import Mapping

from hil import agents, small_agents
from hil.boards.identity import SMALL_HEAP
from hil.capture import CaptureSink, run_capture
from hil.errors import CapabilityMissing, RemoteCodeError
from hil.records import BoardIdentity, CapturePlan
from hil.transport.raw_repl import RawRepl

CODE_TIMEOUT_S = 20.0
STAGE_TIMEOUT_S = 30.0


class Deployment:
    """The files that one board holds; a reset takes them away (:meth:`clear`)."""

    def __init__(self, board: str) -> None:
        self._board = board
        self._files: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._files)

    def clear(self) -> None:
        """Nothing of ours is on the board any more."""
        self._files.clear()

    def put(self, repl: RawRepl, program: str, plan: CapturePlan, identity: BoardIdentity) -> None:
        """Execute the files that are not on the board yet; nothing reaches its flash."""
        if SMALL_HEAP in identity.capabilities:
            return
        files = agents.sources(program, plan.load, identity.capabilities, options=plan.options)
        for name, pieces in files:
            if name in self._files:
                continue
            for piece in pieces:
                try:
                    repl.exec(piece, timeout_s=CODE_TIMEOUT_S)
                except RemoteCodeError as error:
                    raise RemoteCodeError(
                        f"{self._board}: could not load {name}: {error}",
                        traceback=error.traceback,
                    ) from error
            self._files.add(name)


def start_agent(
    repl: RawRepl, config: Mapping[str, object], identity: BoardIdentity, sink: CaptureSink
) -> None:
    """Start the agent; on a small heap in stages, of which the last one is left running.

    Raises :class:`~hil.errors.CapabilityMissing` where even those do not fit.
    """
    if SMALL_HEAP not in identity.capabilities:
        repl.start(agents.start_code(config))
        return
    free = identity.free_bytes or 0
    window_s = float(str(config["duration"])) / 1e6
    repl.enter()
    first = True
    for stage in small_agents.stages(config, identity.capabilities, free):
        if not first:
            limit_s = 2 * window_s + STAGE_TIMEOUT_S * repl.slowness
            repl.unread(run_capture(repl, sink, repl.deadline(limit_s), clock=repl.clock))
            repl.end_of_program(repl.deadline(CODE_TIMEOUT_S * repl.slowness))
        first = False
        try:
            for piece in stage.pieces:
                _exec_again(repl, piece)
                _exec_again(repl, "gc.collect()")
        except RemoteCodeError as error:
            if "MemoryError" not in str(error):
                raise
            raise CapabilityMissing(
                f"it does not fit into the board's memory ({free} bytes of heap are free; "
                f"{str(error).rpartition('raised ')[2]})"
            ) from error
        repl.start(stage.start)


def _exec_again(repl: RawRepl, code: str, times: int = 3) -> None:
    """Execute code on a board whose serial port loses characters: what it can't parse again."""
    for left in reversed(range(times)):
        try:
            repl.exec(code, timeout_s=CODE_TIMEOUT_S)
            return
        except RemoteCodeError as error:
            if not left or not ("SyntaxError" in str(error) or "Indentation" in str(error)):
                raise
