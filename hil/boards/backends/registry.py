"""The table of backends: what ``--board`` accepts, parsed by it, and ``auto`` expanded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.boards.backend import Backend, BoardSpec
from hil.boards.backends.labgrid import LabgridBackend
from hil.boards.backends.pico import PicoBackend
from hil.boards.backends.qemu import QemuBackend
from hil.boards.backends.remote import RemoteBackend
from hil.boards.backends.replay import ReplayBackend
from hil.boards.backends.serial import SerialBackend
from hil.boards.backends.sim import SimBackend
from hil.boards.diagnosis import not_a_board
from hil.model.errors import BoardNotFoundError, ConfigurationError
from hil.model.redaction import without_credentials

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hil.boards.backend import Board, Finding


class AutoBackend(Backend):
    """``auto``: the attached boards of all backends; opened as it is, the first of them."""

    name = forms = "auto"

    def parse(self, text: str) -> BoardSpec | None:
        """``auto`` alone."""
        return BoardSpec(text, self) if text == self.name else None

    def open(self, spec: BoardSpec) -> Board:  # noqa: ARG002
        """Open the first board that is attached."""
        first = find_attached()[0]
        return first.backend.open(first)

    def checks(self, spec: BoardSpec) -> Iterable[Finding]:
        """Several boards at most are no board to look at."""
        return (not_a_board(spec.text),)


AUTO = AutoBackend()
BACKENDS: tuple[Backend, ...] = (
    SerialBackend(),
    AUTO,
    SimBackend(),
    PicoBackend(),
    QemuBackend(),
    RemoteBackend(),
    LabgridBackend(),
    ReplayBackend(),
)
"""Asked in this order what a text means; a backend that is not here does not exist."""


def parse_board(text: str) -> BoardSpec:
    """Parse a ``--board`` value.

    Raises :class:`~hil.model.errors.ConfigurationError` saying what is accepted.
    """
    text = without_credentials(text.strip())  # no port's protocol sends them
    if not text:
        raise ConfigurationError(f"--board needs a value: {_forms()}")
    for backend in BACKENDS:
        spec = backend.parse(text)
        if spec is not None:
            return spec
    raise ConfigurationError(f"--board={text}: not a board; use {_forms()}")


def expand_boards(specs: Iterable[BoardSpec]) -> tuple[BoardSpec, ...]:
    """``auto`` replaced by every attached board.

    Raises :class:`~hil.model.errors.BoardNotFoundError` when ``auto`` finds none, and
    :class:`~hil.model.errors.ConfigurationError` when a board is meant twice.
    """
    expanded: list[BoardSpec] = []
    for spec in specs:
        expanded += find_attached() if spec.backend is AUTO else [spec]
    taken: dict[str, str] = {}
    for spec in expanded:
        for name in spec.backend.lock_names(spec):
            if name in taken:
                raise ConfigurationError(
                    f"--board: {taken[name]} and {spec.text} are the same board"
                )
            taken[name] = spec.text
    return tuple(expanded)


def find_attached() -> list[BoardSpec]:
    """The attached boards of all backends.

    Raises :class:`~hil.model.errors.BoardNotFoundError` when there is none, as the first backend
    that can tell says it.
    """
    boards: list[BoardSpec] = []
    reason: BoardNotFoundError | None = None
    for backend in BACKENDS:
        try:
            boards += backend.attached()
        except BoardNotFoundError as error:
            reason = reason or error
    if not boards:
        raise reason or BoardNotFoundError("--board=auto: no board is attached")
    return boards


def recognise(facts: Mapping[str, str]) -> Backend | None:
    """The backend that a board belongs to by its own words; ``None`` where they don't tell."""
    return next((backend for backend in BACKENDS if backend.recognises(facts)), None)


def _forms() -> str:
    """All forms in a sentence's order."""
    *first, last = ", ".join(backend.forms for backend in BACKENDS).split(", ")
    return f"{', '.join(first)} or {last}"
