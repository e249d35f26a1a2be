"""A chip's own temperature, asked at its prompt."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hil.agents import bundle
from hil.boards.identity import parse_probe

if TYPE_CHECKING:
    from hil.recording.interfaces import Prompt

LEAST_C, MOST_C = -60.0, 200.0
"""What no chip works beyond: such a reading is none."""
_PIECE_BYTES = 120
_TIMEOUT_S = 3.0


def read_temperature(prompt: Prompt) -> float | None:
    """The chip's temperature in degrees Celsius to a tenth; ``None`` where it can't be asked.

    The prompt is a raw one. Raises the kinds of :class:`~hil.model.errors.HilError` when the board
    does not answer.
    """
    said = b""
    for piece in bundle.pieces("board/temperature.py", piece_bytes=_PIECE_BYTES):
        said += prompt.exec(piece, timeout_s=_TIMEOUT_S)
    try:
        celsius = float(parse_probe(said).get("temp", ""))
    except ValueError:
        return None
    known = math.isfinite(celsius) and LEAST_C < celsius < MOST_C
    return round(celsius, 1) if known else None
