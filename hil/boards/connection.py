"""The connection to one board: opened, looked at for leftover activity, recovered, given up."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from hil.boards.identity import find_leftover_activity
from hil.boards.last_reset import LastReset, ask_last_reset
from hil.boards.raw_repl import is_damage
from hil.boards.silent_board import START_WITHOUT
from hil.boards.slowness import slower_hint
from hil.model.errors import (
    BoardBrokenError,
    BoardResetError,
    BoardTimeoutError,
    HilError,
    RemoteCodeError,
    TransportError,
)
from hil.recording.interfaces import REAL_CLOCK, seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from hil.boards.attach import AttachLimits
    from hil.boards.backend import Board, BoardSpec, BoardTraits, RecoveryStep
    from hil.boards.fault_injection import LinkFaults
    from hil.recording.interfaces import Clock, Prompt

LOG = logging.getLogger("hil")
RECOVERY_S, RECOVERY_PER_SLOWNESS_S = 45.0, 15.0
"""How long all recovery steps together may take, and how much longer for each time that a board is
slower than a usual one."""
MOST_RESETS, RESETS_WITHIN_S = 3, 3600.0
"""A board that is reset so often in this time without having been asked to is given up."""


class Connection:
    """The connection to one board, from :meth:`open` to :meth:`close`.

    Once nothing brought the board back, ``broken`` says so and every further request fails at once.
    ``leftover_activity`` says what the board's own program had left running when it was opened.
    ``traits`` are the backend's, until the board's own words are known. ``last_reset`` is what the
    board told of it when it was last asked.
    """

    def __init__(
        self,
        spec: BoardSpec,
        *,
        limits: AttachLimits | None = None,
        faults: LinkFaults | None = None,
    ) -> None:
        self.spec = spec
        self.broken = ""
        self.leftover_activity: tuple[str, ...] = ()
        self.traits: BoardTraits = spec.backend.traits
        self._limits = limits
        self._faults = faults
        self._board: Board | None = None
        self._unexamined = False
        self.last_reset = LastReset()
        self._resets: dict[str, list[float]] = {}

    def open(self, *, gently: bool = False) -> None:
        """Take the board and bring it to a fresh prompt, whatever it is doing.

        With ``gently`` it is not reset by its lines or its power. Raises the kinds of
        :class:`~hil.model.errors.TransportError`; the caller closes.
        """
        self._board = self.spec.backend.open(self.spec)
        self.traits = self._board.traits
        with self.within("bringing the board to its prompt", RECOVERY_S, RECOVERY_PER_SLOWNESS_S):
            self._board.connect(self._limits, self._faults)
            self._unexamined = self.traits.own_programs
            self.recover(gently=gently)

    def close(self) -> None:
        """Leave the board at its prompt, let go of it; never raises."""
        if self._board is not None:
            self._board.close()

    @property
    def board(self) -> Board:
        """The board that is held."""
        assert self._board is not None, "the connection is not open"
        return self._board

    @property
    def repl(self) -> Prompt:
        """The board's prompt; at times another object after :meth:`recover`."""
        return self.board.prompt

    @property
    def clock(self) -> Clock:
        """The time of the board: the host's, or its own virtual one."""
        return REAL_CLOCK if self._board is None else self._board.clock

    @property
    def slowness(self) -> float:
        """How many times slower than a usual board it is, as far as that is known."""
        if self._board is not None:
            with contextlib.suppress(HilError):
                return self._board.prompt.slowness
        return self.spec.slow or 1.0

    def within(
        self, what: str, usual_s: float, per_slowness_s: float = 0.0, *, alone: bool = False
    ) -> contextlib.AbstractContextManager[None]:
        """See :meth:`~hil.boards.overall_limit.OverallLimit.within`; the board is held."""
        return self.board.overall_limit.within(what, usual_s, per_slowness_s, alone=alone)

    def count_reset(self, cause: str, why: str) -> str:
        """The board was reset without being asked to; ``why`` is all that is known of it.

        When that happened too often with the same ``cause``, the board is given up: what to say of
        it, else nothing.
        """
        if self._faults is not None:
            return ""  # that is on purpose
        now_s = seconds(REAL_CLOCK)
        times = [t for t in self._resets.get(cause, ()) if now_s - t < RESETS_WITHIN_S]
        self._resets[cause] = [*times, now_s]
        if len(times) + 1 < MOST_RESETS:
            return ""
        self.broken = f"it was reset {MOST_RESETS} times; the last time: {why}"
        return f"it is given up, for it was reset {MOST_RESETS} times"

    @contextlib.contextmanager
    def stage(self, what: str) -> Iterator[None]:
        """In a time-out say that it came while the board "was being ``what``", and what helps.

        Of every failure of the link, or damage on its way, say what disturbed the link meanwhile.
        """
        before = {} if self._board is None else dict(self._board.foreign.counts)
        try:
            yield
        except (TransportError, RemoteCodeError) as error:
            texts = [str(error)]
            if isinstance(error, BoardTimeoutError):
                texts[0] = f"while it was being {what}: {error}"
            link = isinstance(error, TransportError) or is_damage(error)
            cause = self._disturbance(before) if link else ""
            if cause:
                texts.append(cause)
            elif isinstance(error, BoardTimeoutError):
                texts.append(slower_hint(self.spec, self.slowness))
            error.args = ("; ".join(filter(None, texts)), *error.args[1:])
            raise

    def _disturbance(self, before: Mapping[str, int]) -> str:
        return "" if self._board is None else self._board.disturbance(before)

    @property
    def port(self) -> str:
        """The port that is open, empty before :meth:`open`."""
        return "" if self._board is None else self._board.port

    @property
    def reopened(self) -> int:
        """How often the port was opened again."""
        return self.board.reopened

    @property
    def guessed(self) -> bool:
        """Whether it is at another port, and USB does not tell if it is the same board."""
        return self.board.guessed

    @property
    def interrupt_power(self) -> Callable[[], None] | None:
        """Takes the board's power away for a moment; ``None`` where nothing can."""
        return self.board.interrupt_power

    @property
    def link_warnings(self) -> tuple[str, ...]:
        """What the reader of a run must know of the link so far, a sentence each."""
        return () if self._board is None else self._board.link_warnings

    def start_afresh(self) -> None:
        """Bring a board at its prompt to a fresh start: no timers, no threads, no names of ours."""
        self.board.reach()

    def rejoin(self) -> None:
        """Reach the prompt of a board that starts by itself, at its port or where it went to."""
        self.board.reach(booting=True, soft_reset=False)

    def lost(self) -> None:
        """The caller saw the port go away: the next :meth:`recover` opens it again."""
        self.board.lost()

    def check(self) -> None:
        """Raise :class:`~hil.model.errors.BoardBrokenError` at once if the board was given up."""
        if self.broken:
            raise BoardBrokenError(
                f"{self.spec.text}: not tried, the board was given up earlier: {self.broken}"
            )

    def recover(self, *, gently: bool = False, ask: bool = False) -> str:
        """Bring the board to a fresh prompt: no timers, no threads; says by what it came back.

        The board's recovery steps in order, each once; with ``gently`` the first alone, which
        resets nothing. With ``ask`` the board is first asked for its ``last_reset``. Raises
        :class:`~hil.model.errors.BoardBrokenError` if nothing helped, now and from then on.
        """
        self.check()
        before = dict(self.board.foreign.counts)
        first, *more = self.board.recovery_steps()
        if self._unexamined:
            first = replace(first, attempt=partial(self._examine_first, first.attempt))
        self.last_reset = LastReset()
        if ask:
            first = replace(first, attempt=partial(self._ask_first, first.attempt))
        steps = [first] if gently else [first, *more]
        try:
            with self.within("bringing it back", RECOVERY_S, RECOVERY_PER_SLOWNESS_S):
                return run_recovery_steps(self.spec.text, steps)
        except BoardBrokenError as error:
            text = str(error)
            if cause := self._disturbance(before):
                text = f"{self.spec.text}: {cause}; {text}"
            elif START_WITHOUT in text and (hint := self.board.without_files()):
                text += f"; this kind of board: {hint}"
            error.args = (text, *error.args[1:])
            if not gently:
                self.broken = str(error)
            raise

    def give_up(self, why: str) -> BoardBrokenError:
        """From now on every request fails at once; the error to raise."""
        self.broken = why
        return BoardBrokenError(f"{self.spec.text}: {why}")

    def _ask_first(self, attempt: Callable[[], None]) -> None:
        """Before a soft reset takes it away: what the board knows of its last reset."""
        self.board.reach(soft_reset=False)  # a board that does not come gets the other steps
        with contextlib.suppress(RemoteCodeError, BoardTimeoutError):
            self.last_reset = ask_last_reset(self.repl)
        attempt()

    def _examine_first(self, attempt: Callable[[], None]) -> None:
        """Before the board is brought to a fresh start: see what was left running on it."""
        self._unexamined = False
        self.board.reach(soft_reset=False)  # on a silent board there is nothing to see
        try:
            self.leftover_activity = find_leftover_activity(self.repl)
        except TransportError as error:
            if isinstance(error, BoardResetError):
                self.count_reset(error.cause, str(error))
            try:
                attempt()
            except HilError:
                raise error from None  # what went wrong first says most
        else:
            attempt()


def run_recovery_steps(board: str, steps: Sequence[RecoveryStep]) -> str:
    """Try the steps from the mildest on; returns the name of the step that helped.

    Raises :class:`~hil.model.errors.BoardBrokenError` with what the mildest said (it knows most of
    the state that the board was in) and the list of what was tried.
    """
    first: HilError | None = None
    tried = []
    for step in steps:
        if step.unavailable:
            tried.append(f"no {step.name} ({step.unavailable})")
            continue
        if first is not None:
            LOG.warning("%s: no answer; trying a %s", board, step.name)
        try:
            step.attempt()
        except HilError as error:
            first = first or error
            tried.append(f"{step.name}: no answer")
            LOG.info("%s: %s: %s", board, step.name, error)
        else:
            if first is not None:
                LOG.warning("%s: the board came back after a %s", board, step.name)
            return step.name
    raise BoardBrokenError(f"{first or board}; tried: {', '.join(tried)}") from first
