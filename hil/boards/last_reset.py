"""Whether a board that fell silent had been reset meanwhile, and by its watchdog: asked of itself.

Many boards say nothing when they start. What they know of it is gone after a soft reset.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.agents import bundle
from hil.boards.identity import parse_probe
from hil.recording.boot_messages import RESET_BY_WATCHDOG, RESET_SOMEHOW
from hil.recording.interfaces import seconds

if TYPE_CHECKING:
    from hil.recording.interfaces import Prompt

_PIECE_BYTES = 120
_TIMEOUT_S = 3.0
_DOUBT_S = 0.5


@dataclass(frozen=True, slots=True)
class LastReset:
    """What a board tells of its last reset: when, on the prompt's clock, and if by its watchdog."""

    booted_s: float | None = None
    by_watchdog: bool = False

    def describe(self, since_s: float | None) -> str:
        """What to say of it, nothing if it was before ``since_s``.

        Without ``since_s`` it is known that there was one, and only its watchdog is worth a word.
        """
        if since_s is not None and (self.booted_s is None or self.booted_s < since_s + _DOUBT_S):
            return ""
        if self.by_watchdog:
            return f"machine.reset_cause() says WDT_RESET: {RESET_BY_WATCHDOG}"
        return "" if since_s is None else f"it was reset meanwhile without a word: {RESET_SOMEHOW}"


def ask_last_reset(prompt: Prompt) -> LastReset:
    """Ask at a raw prompt, before any reset; raises the kinds of ``HilError``."""
    said = b""
    for piece in bundle.pieces("board/last_reset.py", piece_bytes=_PIECE_BYTES):
        said += prompt.exec(piece, timeout_s=_TIMEOUT_S)
    facts = parse_probe(said)
    up_ms = facts.get("up_ms", "")
    known = up_ms.isascii() and up_ms.isdecimal() and len(up_ms) < 13
    booted_s = seconds(prompt.clock) - int(up_ms) / 1000 if known else None
    return LastReset(booted_s, facts.get("wdt") == "1")
