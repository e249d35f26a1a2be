"""What one ``--board`` value means: :class:`BoardSpec`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hil.boards.serial_port import BAUDRATE

if TYPE_CHECKING:
    from hil.boards.backends.sim_knobs import SimKnobs
    from hil.model.board import Source

BoardKind = Literal["serial", "usb-id", "auto", "sim", "qemu", "labgrid", "replay"]


@dataclass(frozen=True, slots=True)
class BoardSpec:
    """One ``--board`` value: ``target`` is a port, a USB serial number or a folder by ``kind``.

    ``baudrate`` is what ``?baud=N`` behind a port says.
    """

    text: str
    kind: BoardKind
    target: str = ""
    knobs: SimKnobs | None = None
    baudrate: int = BAUDRATE

    @property
    def source(self) -> Source:
        """Where the figures of such a board come from."""
        if self.kind == "sim":
            return "sim"
        if self.kind == "qemu":
            return "emulator"
        return "replay" if self.kind == "replay" else "hardware"

    @property
    def slug(self) -> str:
        """The board's name as a folder name: letters, digits, ``-`` and ``_`` only."""
        text = "replay" if self.kind == "replay" else self.text.removeprefix("/dev/")
        return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-")[:40] or "board"
