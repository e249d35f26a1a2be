"""The way to one board: locked, opened, recovered step by step, found again at another port."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.boards.backends.labgrid import LabgridPlace
from hil.boards.backends.qemu import EmulatedMicrobit
from hil.boards.backends.registry import spec_lock_names
from hil.boards.backends.serial import Whereabouts, port_lock_names, resolve_ports
from hil.boards.backends.sim import VirtualBoard
from hil.boards.backends.sim_knobs import SimKnobs
from hil.boards.identity import find_leftover_activity
from hil.boards.locks import BoardLock
from hil.boards.raw_repl import RawRepl
from hil.model.errors import BoardBrokenError, HilError, LinkLostError, TransportError
from hil.recording.interfaces import REAL_CLOCK, seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hil.boards.attach import AttachLimits
    from hil.boards.backend import BoardSpec
    from hil.boards.fault_injection import LinkFaults
    from hil.recording.interfaces import Clock

INTERRUPT_STEP = "Ctrl-C"
_REAPPEAR_S = 8.0
_LOOK_S = 0.1


class Connection:
    """The way to one board. ``repl`` may be another object after :meth:`recover`.

    ``port`` is what was opened. Once nothing brought the board back, ``broken`` says so and every
    further request fails at once. ``reopened`` counts how often the port was opened again;
    ``guessed`` says that it is at another port, and USB does not tell whether it is the same board;
    ``strays`` says what the board's own program had left running when it was opened. ``clock`` is
    the time that the board lives in.
    """

    def __init__(
        self,
        spec: BoardSpec,
        *,
        limits: AttachLimits | None = None,
        faults: LinkFaults | None = None,
    ) -> None:
        self.spec = spec
        self.port = ""
        self.broken = ""
        self.reopened = 0
        self.guessed = False
        self.strays: tuple[str, ...] = ()
        self.repl: RawRepl
        self.clock: Clock = REAL_CLOCK
        self._limits = limits
        self._faults = faults
        self._cleanup = contextlib.ExitStack()
        self._board: VirtualBoard | None = None
        self._place: LabgridPlace | None = None
        self._lock: BoardLock | None = None
        self._where: Whereabouts | None = None
        self._lost = self._gone = self._look = False

    def open(self, *, gently: bool = False) -> None:
        """Take the board and bring it to a fresh raw REPL, whatever it is doing.

        With ``gently`` it is not reset by its lines or its power. Raises the kinds of
        :class:`~hil.model.errors.TransportError`; the caller closes.
        """
        spec = self.spec
        self._cleanup.callback(self._close_repl)
        if spec.kind == "sim":
            self._board = self._cleanup.enter_context(
                VirtualBoard(spec.knobs or SimKnobs(), hold=True)
            )
            self.port = self._board.port
            self.clock = self._board.new_clock()
        elif spec.kind == "qemu":
            self.port = self._cleanup.enter_context(EmulatedMicrobit()).port
        elif spec.kind == "labgrid":
            self._cleanup.enter_context(BoardLock(spec.text, spec_lock_names(spec)))
            self._place = self._cleanup.enter_context(LabgridPlace(spec.target))
            self.port = self._place.port
        else:
            self.port = resolve_ports(spec)[0]
            self._lock = BoardLock(spec.text, port_lock_names(self.port))
            self._cleanup.enter_context(self._lock)
            self._where = Whereabouts.of(spec, self.port)
        self._open_repl()
        self._look = self._board is None and spec.kind != "qemu"
        self.recover(gently=gently)

    def close(self) -> None:
        """Leave the board at its prompt, let go of it; never raises."""
        self._cleanup.close()

    def check(self) -> None:
        """Raise :class:`~hil.model.errors.BoardBrokenError` at once if the board was given up."""
        if self.broken:
            raise BoardBrokenError(
                f"{self.spec.text}: not tried, the board was given up earlier: {self.broken}"
            )

    def recover(self, *, gently: bool = False) -> str:
        """Bring the board to a fresh raw REPL: no timers, no threads; says by what it came back.

        In order, each once: Ctrl-C, soft reset, hardware reset, power cycle; with ``gently``
        Ctrl-C alone. Raises :class:`~hil.model.errors.BoardBrokenError` if nothing helped, now and
        from then on.
        """
        self.check()
        rungs = self._rungs()
        try:
            return run_recovery_steps(self.spec.text, rungs[:1] if gently else rungs)
        except BoardBrokenError as error:
            if not gently:
                self.broken = str(error)
            raise

    @property
    def can_cut_power(self) -> bool:
        """Whether :meth:`cut_power` ends this board's life: the embedded one's only."""
        return self._board is not None

    def cut_power(self) -> None:
        """End the embedded board's life at once, whatever it does; it boots anew by itself."""
        assert self._board is not None
        self._board.reset()

    def rejoin(self) -> None:
        """Reach the raw REPL of a board that starts by itself, at its port or where it went to."""
        self._enter(booting=True, soft_reset=False)

    def _rungs(self) -> list[RecoveryStep]:
        powered = self._place is not None and self._place.has_power
        return [
            RecoveryStep(INTERRUPT_STEP, self._interrupt),
            RecoveryStep("soft reset", self._soft_reset),
            RecoveryStep("hardware reset", self._hardware_reset),
            RecoveryStep(
                "power cycle", self._power_cycle, "" if powered else "no power switch is known"
            ),
        ]

    def _interrupt(self) -> None:
        if self._look:
            self._look = False
            with self._watched():
                self.repl.enter(soft_reset=False)  # a silent board has nothing to look for
            self.strays = find_leftover_activity(self.repl)
        self._enter()

    def _soft_reset(self) -> None:
        with self._watched():
            self.repl.reset_softly()
        self._enter()

    def _hardware_reset(self) -> None:
        if self._board is not None:
            self._board.reset()
        else:
            if self._lost:
                self._reopen()
            with self._watched():
                if not self.repl.reset_by_lines():
                    raise TransportError(f"{self.port}: the port has no reset line")
        self._enter(booting=True)

    def _power_cycle(self) -> None:
        assert self._place is not None
        self._close_repl()
        self._lost, self._gone = True, False
        self._place.power_cycle()
        self._enter(booting=True)

    def _enter(self, *, booting: bool = False, soft_reset: bool = True) -> None:
        if self._lost:
            self._reopen()
        with self._watched():
            self.repl.enter(booting=booting, soft_reset=soft_reset)

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        """Notice that the port went away: the next attempt opens it again."""
        try:
            yield
        except LinkLostError:
            self._lost = True
            raise

    def give_up(self, why: str) -> BoardBrokenError:
        """From now on every request fails at once; the error to raise."""
        self.broken = why
        return BoardBrokenError(f"{self.spec.text}: {why}")

    def lost(self) -> None:
        """The caller saw the port go away: the next :meth:`recover` opens it again."""
        self._lost = True

    def _reopen(self) -> None:
        """Wait for the port, which a reset board may offer under another name."""
        self._close_repl()
        end = seconds(self.clock) + (0.0 if self._gone else _REAPPEAR_S)
        while True:
            try:
                self._open_somewhere()
            except HilError:
                if seconds(self.clock) > end:
                    self._gone = True  # waiting once is enough
                    raise
                self.clock.sleep(_LOOK_S)
            else:
                self._lost = self._gone = False
                self.reopened += 1
                return

    def _open_somewhere(self) -> None:
        """At the port it has now; a place that is refused is no reason not to look at the next."""
        if self._place is not None:
            self.port = self._place.port
        if self._where is None:
            self._open_repl()
            return
        before, first = self.port, None
        for port in self._where.candidates():
            try:
                if self._lock is not None:
                    self._lock.extend(port_lock_names(port))
                self.port = port
                self._open_repl()
            except HilError as error:
                first = first or error
                self.port = before
            else:
                if port != before:
                    LOG.warning("%s: the board is at %s now", self.spec.text, port)
                    self.guessed = not self._where.has_number and self.spec.kind != "usb-id"
                return
        assert first is not None
        raise first

    def _open_repl(self) -> None:
        self.repl = RawRepl(
            self.port, baudrate=self.spec.baudrate, limits=self._limits, clock=self.clock
        )
        self.repl.inject(self._faults)

    def _close_repl(self) -> None:
        if hasattr(self, "repl"):
            self.repl.close()


LOG = logging.getLogger("hil")


@dataclass(frozen=True, slots=True)
class RecoveryStep:
    """One way to bring a board back; ``act`` raises when the board still does not answer.

    ``absent`` says why it can't be tried here, empty if it can.
    """

    name: str
    act: Callable[[], None]
    absent: str = ""


def run_recovery_steps(board: str, rungs: Sequence[RecoveryStep]) -> str:
    """Try the rungs from the mildest on; returns the name of the one that helped.

    Raises :class:`~hil.model.errors.BoardBrokenError` with what the mildest said (it knows most of
    the board's state as it was found) and the list of what was tried.
    """
    first: HilError | None = None
    told = []
    for rung in rungs:
        if rung.absent:
            told.append(f"no {rung.name} ({rung.absent})")
            continue
        if first is not None:
            LOG.warning("%s: no answer; trying a %s", board, rung.name)
        try:
            rung.act()
        except HilError as error:
            first = first or error
            told.append(f"{rung.name}: no answer")
            LOG.info("%s: %s: %s", board, rung.name, error)
        else:
            if first is not None:
                LOG.warning("%s: the board came back after a %s", board, rung.name)
            return rung.name
    raise BoardBrokenError(f"{first or board}; tried: {', '.join(told)}") from first
