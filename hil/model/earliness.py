"""How much before it is due a release may be answered, by what is known of a board."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.model.techniques import resolution_us

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.model.board import BoardIdentity

UNKNOWN_EARLINESS_US = 1000.0
"""Of a timer about which nothing is known: many ports count whole milliseconds."""
TIMER_QUANTUM_US: Mapping[str, float] = {"rp2": 1.0, "esp32": 1.0, "nrf52": 1.0, "nrf": 1.0}
"""The step of a port's timers by ``sys.platform``; ports/*/machine_timer.c."""
EMBEDDED_QUANTUM_US = 1.0
"""The step of the embedded board's timers, which have no port of their own."""


def timer_quantum_us(board: BoardIdentity) -> float:
    """The step in which the board's timers can be set, in us."""
    if board.source == "sim":
        return EMBEDDED_QUANTUM_US
    return TIMER_QUANTUM_US.get(board.platform, UNKNOWN_EARLINESS_US)


def earliness_us(board: BoardIdentity, technique: str, method: str | None = None) -> float:
    """By how much an activation can come before its release is due and still answer it, in us.

    The grid's origin and the activation are readings of a clock with a step, each that much too
    early at most; the timer fires on a step of its own, and some techniques wait by a coarser
    clock still (:attr:`~hil.model.techniques.Technique.resolution_us`).
    """
    clock_us = board.tick_resolution_us or 1.0
    return clock_us + timer_quantum_us(board) + resolution_us(technique, method)
