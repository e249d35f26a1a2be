"""What ``--hil-edges`` names: an instrument outside the board, and its lines. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

EdgeSourceKind = Literal["file", "sigrok", "saleae", "board", "sim", "pico"]


@dataclass(frozen=True, slots=True)
class EdgeSourceSpec:
    """One ``--hil-edges`` text: ``sigrok:DRIVER[:conn]``, ``board:PORT``, a file, ...

    ``target`` is what follows the kind's word (driver, port, path). ``lines`` maps the instrument's
    channel names to those of :mod:`hil.model.edges` (``?ch0=task0&ch3=loop``); empty where the
    wiring file or the names themselves say it. ``name`` is the instrument's name in figures.
    """

    text: str
    kind: EdgeSourceKind
    target: str = ""
    lines: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The ``source`` of figures that come of it: letters, digits, ``-`` and ``_`` only."""
        raise NotImplementedError
