"""A board with its raw REPL behind a port: opened, reset, lost and found again.

What differs between backends comes in as a function: how the port is opened, its reset button, its
power switch. :class:`~hil.boards.backends.serial.SerialBoard` also looks for its port elsewhere.
"""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

from hil.boards.backend import BoardTraits, RecoveryStep
from hil.boards.foreign_bytes import ESP_LOG, QUIET_ANSWER, QUIET_CODE, ForeignBytes
from hil.boards.overall_limit import OverallLimit
from hil.boards.raw_repl import RawRepl, new_upload_numbers
from hil.boards.serial_port import open_device
from hil.boards.silent_board import LEFT_FOR_GOOD
from hil.boards.slowness import Slowness
from hil.model.errors import (
    BoardTimeoutError,
    HilError,
    LinkLostError,
    RemoteCodeError,
    TransportError,
)
from hil.recording.interfaces import REAL_CLOCK, seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from hil.boards.attach import AttachLimits
    from hil.boards.backend import BoardSpec, PinWatch
    from hil.boards.fault_injection import LinkFaults
    from hil.boards.serial_port import Opener
    from hil.recording.interfaces import Clock, StampSource

LOG = logging.getLogger("hil")
INTERRUPT_STEP = "Ctrl-C"
_REAPPEAR_S = 8.0
_RETRY_S = 0.1
_MOST_TIMES_AWAY = 4
LEAVES_AT_RESET = (
    "its USB goes away at each soft reset and comes back, as that of a run-time USB device does; "
    "the port was opened again each time"
)


class PortBoard:
    """See :class:`~hil.boards.backend.Board`.

    ``held`` are the lock, the process or the place that :meth:`close` lets go of. ``opener`` opens
    the port, with the clock that belongs to it. Without a ``reset_button`` the port's control lines
    reset the board; without a ``power_switch`` nothing switches it off and on.
    """

    interrupt_power: Callable[[], None] | None = None
    process_id: int | None = None
    stamp_sources: tuple[StampSource, ...] = ()
    pin_watch: PinWatch | None = None

    def __init__(
        self,
        spec: BoardSpec,
        port: str,
        held: contextlib.ExitStack,
        *,
        opener: Opener = open_device,
        traits: BoardTraits | None = None,
        reset_button: Callable[[], None] | None = None,
        power_switch: Callable[[], None] | None = None,
    ) -> None:
        self.spec = spec
        self.port = port
        self.traits = traits or spec.backend.traits
        self.reopened = 0
        self.guessed = False
        self.limits: AttachLimits | None = None
        self.slowness = Slowness(spec.slow)
        self.overall_limit = OverallLimit(spec.text, self.slowness)
        self._faults: LinkFaults | None = None
        self._held = held.pop_all()
        self._opener = opener
        self._reset_button = reset_button
        self._power_switch = power_switch
        self._upload_numbers = new_upload_numbers()
        self._prompt: RawRepl | None = None
        self._lost = self._gone = self._leaves_at_reset = False
        self.foreign = ForeignBytes()
        self._silenced = 0
        self._readers: list[str] = []

    @property
    def prompt(self) -> RawRepl:
        """The raw REPL; another object after the port was opened again."""
        if self._prompt is None:
            raise TransportError(f"{self.spec.text}: the board's port is not open")
        return self._prompt

    @property
    def clock(self) -> Clock:
        """The clock of the opened port."""
        return REAL_CLOCK if self._prompt is None else self._prompt.clock

    def connect(self, limits: AttachLimits | None = None, faults: LinkFaults | None = None) -> None:
        """Open the port; errors as for :class:`~hil.boards.raw_repl.RawRepl`."""
        self.limits, self._faults = limits, faults
        self._open_prompt()
        self.look_for_second_readers()

    def reach(self, *, booting: bool = False, soft_reset: bool = True) -> None:
        """Enter the raw REPL, at the port where the board is now.

        With a run-time USB device the port goes away when the board is reset softly, and once more
        when its boot.py sets USB up: it is opened again then, and the reset is not asked for again.
        """
        was_reset = False
        for left in reversed(range(_MOST_TIMES_AWAY)):
            if self._lost:
                try:
                    self._reopen()
                except HilError as error:
                    if was_reset:
                        error.args = (f"{error}; {LEFT_FOR_GOOD}", *error.args[1:])
                    raise
            try:
                with self._watched():
                    self.prompt.enter(booting=booting, soft_reset=soft_reset)
            except LinkLostError:
                was_reset = self.prompt.reset_asked
                if not (left and (booting or was_reset)):
                    raise
                self._leaves_at_reset |= was_reset
                soft_reset &= not was_reset
                booting = True
            else:
                break
        self.silence_log()

    def silence_log(self) -> None:
        """Switch an ESP chip's own log off if lines of it came since that was last done."""
        if self.foreign.counts[ESP_LOG] == self._silenced:
            return
        with contextlib.suppress(RemoteCodeError, BoardTimeoutError):
            self.foreign.quiet = QUIET_ANSWER in self.prompt.exec(QUIET_CODE)
        self._silenced = self.foreign.counts[ESP_LOG]

    @property
    def link_warnings(self) -> tuple[str, ...]:
        """See :class:`~hil.boards.backend.Board`."""
        told = [LEAVES_AT_RESET] if self._leaves_at_reset else []
        return (*told, *self.foreign.warnings, *self._readers)

    def without_files(self) -> str:
        """See :class:`~hil.boards.backend.Board`; empty where nothing tells what board it is."""
        return ""

    def disturbance(self, before: Mapping[str, int]) -> str:
        """See :class:`~hil.boards.backend.Board`."""
        texts = (self.foreign.since(dict(before)), self.look_for_second_readers())
        return "; ".join(filter(None, texts))

    def look_for_second_readers(self) -> str:
        """Other processes that read from the port now, and what to do; kept for the warnings."""
        text = self.second_readers()
        if text and text not in self._readers:
            self._readers.append(text)
        return text

    def second_readers(self) -> str:
        """Who has the port open beside this process; empty where nothing tells it."""
        return ""

    def lost(self) -> None:
        """The next attempt opens the port again."""
        self._lost = True

    def recovery_steps(self) -> Sequence[RecoveryStep]:
        """Ctrl-C, soft reset, hardware reset, power cycle."""
        return [
            RecoveryStep(INTERRUPT_STEP, self.reach),
            RecoveryStep("soft reset", self._soft_reset),
            RecoveryStep("hardware reset", self._hardware_reset),
            RecoveryStep(
                "power cycle",
                self._power_cycle,
                "" if self._power_switch else "no power switch is known",
            ),
        ]

    def close(self) -> None:
        """Leave the board at its friendly prompt, then let go of what is held; never raises."""
        self._close_prompt()
        self._held.close()

    def candidates(self) -> Iterable[str]:
        """The ports at which the board may be now, the likeliest first."""
        return (self.port,)

    def claim(self, port: str) -> None:
        """Before ``port`` is opened: lock it too; raises if another process has it."""

    def moved(self, port: str) -> None:
        """The board answers at ``port`` now, which is another one than before."""
        LOG.warning("%s: the board is at %s now", self.spec.text, port)

    def _soft_reset(self) -> None:
        try:
            with self._watched():
                self.prompt.reset_softly()
        except LinkLostError:
            if not self.prompt.reset_asked:
                raise
            self._leaves_at_reset = True
            self.reach(booting=True, soft_reset=False)
        else:
            self.reach(booting=True)

    def _hardware_reset(self) -> None:
        if self._reset_button is not None:
            self._reset_button()
        else:
            if self._lost:
                self._reopen()
            with self._watched():
                if not self.prompt.reset_by_lines():
                    raise TransportError(f"{self.port}: the port has no reset line")
        self.reach(booting=True)

    def _power_cycle(self) -> None:
        assert self._power_switch is not None
        self._close_prompt()
        self._lost, self._gone = True, False
        self._power_switch()
        self.reach(booting=True)

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        """Notice that the port went away: the next attempt opens it again."""
        try:
            yield
        except LinkLostError:
            self._lost = True
            raise

    def _reopen(self) -> None:
        """Wait for the port, which a reset board may offer under another name."""
        self._close_prompt()
        end = seconds(self.clock) + (0.0 if self._gone else _REAPPEAR_S * self.slowness.factor)
        while True:
            try:
                self._open_at_candidates()
            except HilError:
                self.overall_limit.check(self.clock)
                if seconds(self.clock) > end:
                    self._gone = True  # waiting once is enough
                    raise
                self.clock.sleep(_RETRY_S)
            else:
                self._lost = self._gone = False
                self.reopened += 1
                return

    def _open_at_candidates(self) -> None:
        """At the port it has now; a port that is refused is no reason not to try the next."""
        before, first = self.port, None
        for port in self.candidates():
            try:
                self.claim(port)
                self.port = port
                self._open_prompt()
            except HilError as error:
                first = first or error
                self.port = before
            else:
                if port != before:
                    self.moved(port)
                return
        assert first is not None
        raise first

    def _open_prompt(self) -> None:
        prompt = RawRepl(
            self.port,
            baudrate=self.spec.baudrate,
            limits=self.limits,
            opener=self._opener,
            slowness=self.slowness,
            upload_numbers=self._upload_numbers,
            limit=self.overall_limit,
            foreign=self.foreign,
            second_readers=self.look_for_second_readers,
        )
        prompt.inject(self._faults)
        self._prompt = prompt

    def _close_prompt(self) -> None:
        if self._prompt is not None:
            self._prompt.close()
