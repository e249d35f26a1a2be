"""Stored captures that could not be read: each named, and the exit status that says so."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from hil.cli.main import EXIT_INCOMPLETE
from hil.model.printable import escaped_line

if TYPE_CHECKING:
    from collections.abc import Iterable


def name_unread(lines: Iterable[str]) -> int:
    """Print each of ``lines`` once, as errors; the exit status, 0 where there are none."""
    told = list(dict.fromkeys(lines))
    for line in told:
        print(f"hil: {escaped_line(line)}", file=sys.stderr)
    return EXIT_INCOMPLETE if told else 0
