"""The embedded board ``sim``: a real MicroPython VM with knobs for what shall be wrong with it."""

from __future__ import annotations

from pathlib import Path

from hil.transport.vm import VirtualBoard
from hil.transport.vm_knobs import SimKnobs, format_sim_knobs, parse_sim_knobs

__all__ = ["SimKnobs", "format_sim_knobs", "parse_sim_knobs", "start_sim"]


def start_sim(knobs: SimKnobs | None = None, root: Path | None = None) -> VirtualBoard:
    """Start an embedded board with ``knobs``; ``root`` is its file system, else a temporary one."""
    return VirtualBoard(format_sim_knobs(knobs or SimKnobs()), root=root)
