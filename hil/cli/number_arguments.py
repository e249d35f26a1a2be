"""Arguments of the command that are whole numbers: bounded, and one line for what is none."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from hil.model.numbers import shown_text

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_RUNS = 1_000_000


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """What argparse takes as a ``type``: a whole number from ``least`` to ``most``."""

    def read(text: str) -> int:
        digits = text.strip()
        plain = digits.isascii() and digits.isdecimal() and len(digits) <= len(str(most))
        if not plain or not least <= int(digits) <= most:
            raise argparse.ArgumentTypeError(
                f"{shown_text(text)}: not a whole number from {least} to {most}"
            )
        return int(digits)

    return read
