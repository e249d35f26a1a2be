"""Agents put on a board, configured from plan, pins and memory, and started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.agents import bundle, staged_bundle
from hil.agents.upload import CODE_TIMEOUT_S, execute_checked, load_upload, start_checked
from hil.model.board import SMALL_HEAP
from hil.model.errors import CapabilityMissing, RemoteCodeError
from hil.recording.capture_loop import run_capture

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hil.model.board import BoardIdentity, Wiring
    from hil.model.captures import CapturePlan
    from hil.recording.interfaces import CaptureSink, Prompt

STAGE_TIMEOUT_S = 30.0


class Deployment:
    """The files that one board holds; a reset takes them away (:meth:`clear`)."""

    def __init__(self, board: str) -> None:
        self._board = board
        self._files: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._files)

    def clear(self) -> None:
        """Note that the board holds no device file any more."""
        self._files.clear()

    def put(
        self,
        prompt: Prompt,
        program: str,
        load: str,
        identity: BoardIdentity,
        after: Iterable[str] = (),
    ) -> None:
        """Execute the files that are not on the board yet; nothing reaches its flash.

        The files ``after`` follow the window of ``program``; a small heap has no room for them.
        """
        if SMALL_HEAP in identity.capabilities:
            return
        files = bundle.sources(program, load, identity.capabilities, after=after)
        follows = bool(self._files)
        if not follows:
            load_upload(prompt)
        for name, pieces in files:
            if name in self._files:
                continue
            for piece in pieces:
                try:
                    execute_checked(prompt, piece, follows=follows)
                    follows = True
                except RemoteCodeError as error:
                    raise RemoteCodeError(
                        f"{self._board}: could not load {name}: {error}",
                        traceback=error.traceback,
                    ) from error
            self._files.add(name)


def execute(prompt: Prompt, code: str, identity: BoardIdentity) -> None:
    """Execute code that an agent needs; on a small heap there is no room to check it first."""
    if SMALL_HEAP in identity.capabilities:
        prompt.exec(code, timeout_s=CODE_TIMEOUT_S)
    else:
        execute_checked(prompt, code)


def start_agent(
    prompt: Prompt,
    config: Mapping[str, object],
    identity: BoardIdentity,
    sink: CaptureSink,
    after: Iterable[str] = (),
) -> None:
    """Start the agent; on a small heap in stages, of which the last one is left running.

    The stages begin on a board that was just started afresh.

    Raises :class:`~hil.model.errors.CapabilityMissing` where even those do not fit.
    """
    if SMALL_HEAP not in identity.capabilities:
        start_checked(prompt, bundle.start_code(config, after))
        return
    free = identity.free_bytes or 0
    window_s = float(str(config["duration"])) / 1e6
    first = True
    for stage in staged_bundle.stages(config, identity.capabilities, free):
        if not first:
            limit_s = (2 * window_s + STAGE_TIMEOUT_S) * prompt.slowness
            rest = run_capture(
                *(prompt, sink, prompt.deadline(limit_s)), clock=prompt.clock, name=prompt.port
            )
            prompt.unread(rest)
            prompt.end_of_program(prompt.deadline(CODE_TIMEOUT_S * prompt.slowness))
        first = False
        try:
            for piece in stage.pieces:
                _exec_again(prompt, piece)
                _exec_again(prompt, "gc.collect()")
        except RemoteCodeError as error:
            if "MemoryError" not in str(error):
                raise
            raise CapabilityMissing(
                f"it does not fit into the board's memory ({free} bytes of heap are free; "
                f"{str(error).rpartition('raised ')[2]})"
            ) from error
        prompt.start(stage.start)


def _exec_again(prompt: Prompt, code: str, times: int = 3) -> None:
    """Execute code on a board whose serial port loses characters: what it can't parse again.

    There is no room to check it: the function that takes checked code needs 620 bytes of a
    micro:bit's 9.4 kB for good, and the code as a text lies beside what is compiled of it.
    """
    for left in reversed(range(times)):
        try:
            prompt.exec(code, timeout_s=CODE_TIMEOUT_S)
            return
        except RemoteCodeError as error:
            if not left or not ("SyntaxError" in str(error) or "Indentation" in str(error)):
                raise


BYTES_PER_STAMP = 8
CAPTURE_SHARE = 0.4


def agent_config(
    plan: CapturePlan, wiring: Wiring, identity: BoardIdentity
) -> Mapping[str, object]:
    """The dictionary that the agent's entry point takes; times in microseconds.

    The recorder's capacity is left to the agent where the board has room for the whole window,
    and otherwise set to what fits into a share of its free memory.
    """
    count = len(plan.tasks)
    config: dict[str, object] = {
        "technique": plan.technique,
        "load": plan.load,
        "periods": tuple(task.period_us for task in plan.tasks),
        "phases": tuple(task.phase_us for task in plan.tasks),
        "duration": plan.duration_us,
        "pins": wiring.outputs[:count],
        "spare": wiring.outputs[count : count + 2],
        "levels": tuple(1 - index % 2 for index in range(count)),
        "loop": wiring.loopback,
        "timers": wiring.timers,
        "mode": "streaming" if plan.streaming else "buffered",
        **plan.options,
    }
    capacity = _capacity(plan, identity)
    if capacity is not None:
        config["capacity"] = capacity
    return config


def _capacity(plan: CapturePlan, identity: BoardIdentity) -> int | None:
    """Stamps a task may record if the window does not fit, else ``None``."""
    if identity.free_bytes is None or plan.streaming or not plan.tasks:
        return None
    room = int(identity.free_bytes * CAPTURE_SHARE) // BYTES_PER_STAMP // len(plan.tasks)
    wanted = max(plan.duration_us // task.period_us for task in plan.tasks)
    return None if room >= wanted * 1.1 + 16 else max(16, room)
