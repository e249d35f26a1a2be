"""How a kind of board is reached: the protocols `Backend` and `Board`, and what they speak of.

A backend turns a ``--board`` text into a :class:`BoardSpec` and opens it. Everything else asks the
spec, the backend or the open board; nothing compares a board's kind.
:data:`hil.boards.backends.registry.BACKENDS` is the table of backends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from hil.boards.attach import AttachLimits
    from hil.boards.fault_injection import LinkFaults
    from hil.boards.foreign_bytes import ForeignBytes
    from hil.boards.overall_limit import OverallLimit
    from hil.model.board import PinId, Source
    from hil.recording.interfaces import Clock, Prompt, StampSource

BAUDRATE = 115200


@dataclass(frozen=True, slots=True)
class BoardSpec:
    """The meaning of a ``--board`` text: the backend that it belongs to, and the board there.

    ``target`` is the port, address, serial number, place or folder that the text names.
    ``baudrate`` and ``slow`` are what ``?baud=N&slow=N`` behind a port says: how many times slower
    than a usual board it is, ``None`` where that is to be measured.
    """

    text: str
    backend: Backend
    target: str = ""
    baudrate: int = BAUDRATE
    slow: float | None = None

    @property
    def source(self) -> Source:
        """What kind of board its figures come from."""
        return self.backend.source

    @property
    def repeatable(self) -> bool:
        """Whether the same run on it is the same again, whatever else goes on."""
        return False

    @property
    def stored_run(self) -> Path | None:
        """The folder of the run that is to be evaluated again; ``None`` for a board."""
        return self.backend.stored_run(self)

    @property
    def slug(self) -> str:
        """The board's name as a folder name: letters, digits, ``-`` and ``_`` only."""
        text = self.backend.name if self.stored_run else self.text.removeprefix("/dev/")
        return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-")[:40] or "board"


@dataclass(frozen=True, slots=True)
class BoardTraits:
    """What an experiment must know of a board beside its capabilities; the defaults are a chip's.

    ``own_programs``: a program of the user's may run on it when it is opened.
    ``resets_are_free``: it may be reset any number of times, there is no flash that wears out.
    ``plan_speed``: the factor by which a stored schedule may run faster there.
    ``network``: the board joins a Wi-Fi, or has the host's own network.
    """

    own_programs: bool = True
    resets_are_free: bool = False
    plan_speed: int = 1
    network: Literal["wifi", "host"] = "wifi"


State = Literal["ok", "warning", "wrong", "not tried"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check of `hil doctor`; ``fix`` is the next thing to do, often nothing."""

    step: str
    state: State
    text: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class RecoveryStep:
    """One way to bring a board back; ``attempt`` raises when it still does not answer.

    ``unavailable`` says why it can't be tried here, empty if it can.
    """

    name: str
    attempt: Callable[[], None]
    unavailable: str = ""


class PinWatch(Protocol):
    """The pins of a board that a program makes, seen from outside of it and to the last bit.

    Times are nanoseconds of the session's clock.
    """

    name: str
    """What figures of such edges have as their source."""

    @property
    def resolution_ns(self) -> float:
        """The least step between two edges."""

    def now_ns(self) -> int:
        """The time."""

    def level(self, pin: PinId) -> int | None:
        """The level of a pin, ``None`` where nothing says it.

        Raises :class:`~hil.model.errors.ConfigurationError` for a pin that the board has not.
        """

    def listen(self, pin: PinId, notice: Callable[[int, int], None]) -> Callable[[], None]:
        """Call ``notice(ns, level)`` at each edge of ``pin`` until the result is called."""

    def clock_pair(self) -> tuple[int, int] | None:
        """The board's microsecond counter, and the moment when it came to that count.

        The board may run on for some microseconds; ``None`` while the counter does not count.
        """


class Board(Protocol):
    """A board that this process holds, from :meth:`Backend.open` to :meth:`close`.

    Every method raises the kinds of :class:`~hil.model.errors.TransportError`.
    :class:`~hil.boards.port_board.PortBoard` is one for whatever offers a serial port.
    """

    traits: BoardTraits
    overall_limit: OverallLimit
    """Holds over everything that is asked of the board, in all its steps."""

    stamp_sources: tuple[StampSource, ...]
    """Instruments that this board brings with it, beside its own recorder."""

    pin_watch: PinWatch | None
    """Its pins from outside; ``None`` for a board that takes an instrument for that."""

    port: str
    """What was opened last, for messages."""

    reopened: int
    """How often the port was opened again."""

    guessed: bool
    """Whether nothing tells that the board at a new port is the one that was lost."""

    interrupt_power: Callable[[], None] | None
    """Takes the board's power away for a moment, whatever it does; ``None`` where nothing can."""

    process_id: int | None
    """The process of this host that plays the board, with those that it started; else ``None``."""

    foreign: ForeignBytes
    """What has come from its link beside its own answers."""

    def silence_log(self) -> None:
        """Let a board log nothing of its own any more, if it did; it is at its prompt."""

    def disturbance(self, before: Mapping[str, int]) -> str:
        """What has disturbed the link since the foreign bytes' ``counts`` were ``before``, as known
        now, and what stops it; else empty."""

    def without_files(self) -> str:
        """How this kind of board starts without its own files, for a person; else empty."""

    def look_for_second_readers(self) -> str:
        """Who else reads from its port now and what to do, else empty; kept for the warnings."""

    @property
    def link_warnings(self) -> tuple[str, ...]:
        """What the reader of a run must know of this board's link so far, a sentence each."""

    @property
    def prompt(self) -> Prompt:
        """The board's prompt; another object after its port was opened again."""

    @property
    def clock(self) -> Clock:
        """The time of the board."""

    def connect(self, limits: AttachLimits | None = None, faults: LinkFaults | None = None) -> None:
        """Open the link. ``faults`` happen to it on purpose, now and whenever it is reopened."""

    def reach(self, *, booting: bool = False, soft_reset: bool = True) -> None:
        """Bring the board to its prompt; a lost port is waited for and opened again."""

    def lost(self) -> None:
        """The caller saw the port go away: :meth:`reach` opens it again."""

    def recovery_steps(self) -> Sequence[RecoveryStep]:
        """The ways to bring the board back, the mildest first; the first one resets nothing."""

    def close(self) -> None:
        """Leave the board at its prompt and let go of it; never raises."""


class Backend(Protocol):
    """A way to reach boards; implement it by inheriting from it, and add it to ``BACKENDS``.

    ``name`` is one word, ``forms`` the texts that :meth:`parse` takes, as an error message lists
    them. What has a body here is the usual case and need not be written anew.
    """

    name: str
    forms: str
    source: Source = "hardware"
    traits: BoardTraits = BoardTraits()
    takes_slow: bool = False
    """Whether its texts may say ``slow=N``."""

    def parse(self, text: str) -> BoardSpec | None:
        """The spec of a ``--board`` text, ``None`` for a text that belongs to another backend.

        Raises :class:`~hil.model.errors.ConfigurationError` for one that is of this backend, but
        wrong.
        """

    def open(self, spec: BoardSpec) -> Board:
        """Take the board: lock it, acquire it, or start it. Its link is opened later.

        Raises the kinds of :class:`~hil.model.errors.HilError`, and then holds nothing.
        """

    def attached(self) -> Iterable[BoardSpec]:
        """The boards that ``auto`` stands for.

        Raises :class:`~hil.model.errors.BoardNotFoundError` where it can tell why there are none.
        """
        return ()

    def lock_names(self, spec: BoardSpec) -> tuple[str, ...]:  # noqa: ARG002
        """The names under which the board is locked; empty for one that can't be shared."""
        return ()

    def holder(self, spec: BoardSpec) -> str:  # noqa: ARG002
        """Who holds the board, for a list; empty if it is free or nobody can tell."""
        return ""

    def stored_run(self, spec: BoardSpec) -> Path | None:  # noqa: ARG002
        """The folder of the run that stands in the place of a board; ``None`` for a board."""
        return None

    def recognises(self, facts: Mapping[str, str]) -> bool:  # noqa: ARG002
        """Whether a board that says this of itself is one of this backend's, however reached."""
        return False

    def checks(self, spec: BoardSpec) -> Iterable[Finding]:  # noqa: ARG002
        """What `hil doctor` can find out before the board is opened, by its steps' names."""
        return ()
