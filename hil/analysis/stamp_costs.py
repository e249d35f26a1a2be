"""What the harness itself puts between two stamps: calibrated on the board, and as an interval.

A reading of the clock is taken somewhere within the call that reads it, an edge comes somewhere
within the call that writes the pin. Between the stamps of a stimulus and of its handler lie the
rest of the first call, the pin's call up to the edge, the latency, and the second call up to its
reading. Both clock calls are the same code, so that the rest of one and the beginning of the other
make one whole call wherever the reading is taken. Where the edge lies in the pin's call is known
from one side: what follows it is the way back to the program, which a call that reads the clock has
too, so that it costs no more than such a call. From the write less a read to the whole write is
taken off, and that is a part of Type B of the bounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.uncertainty.budget import evenly
from hil.analysis.uncertainty.order_statistics import sign_rank

if TYPE_CHECKING:
    from hil.analysis.uncertainty.budget import Part
    from hil.model.captures import Calibration, EventSet, IntArray


@dataclass(frozen=True, slots=True)
class Cost:
    """What one call costs, in us: its estimate, and the ends of an interval of 95 %."""

    us: float
    lo: float
    hi: float


@dataclass(frozen=True, slots=True)
class StampCosts:
    """The calls that lie between stamps; ``None`` for what was not calibrated.

    ``keep``: a reading of the clock that is put in an array.
    """

    read: Cost | None = None
    set_pin: Cost | None = None
    keep: Cost | None = None


def before_edge_us(read: Cost, write: Cost) -> tuple[float, float]:
    """From how much to how much of a pin's write lies before the edge, in us."""
    return max(0.0, write.lo - read.hi), write.hi


def reading_error_us(tick_us: float) -> float:
    """How far a difference of two readings may be from the truth.

    Each reading is up to a step behind. A step that is no whole number of microseconds is cut to
    whole ones in each reading as well.
    """
    return tick_us if float(tick_us).is_integer() else tick_us + 1.0


def stamp_costs(calibration: Calibration | None, tick_us: float) -> StampCosts:
    """The calls of a board that calibrated them, with a clock that steps by ``tick_us``."""
    if calibration is None or not calibration.rounds_us.size:
        return StampCosts()
    alone, calls = calibration.rounds_us, calibration.read_batch
    return StampCosts(
        call_cost(calibration.read_us, alone, calls, tick_us),
        call_cost(calibration.set_us, alone, calls, tick_us),
        call_cost(calibration.keep_us, alone, calls, tick_us),
    )


def call_cost(batches: IntArray, alone: IntArray, calls: int, tick_us: float) -> Cost | None:
    """One call, from intervals over ``calls`` of them and over their loop ``alone``, (n,) us.

    The difference of the medians, each bounded by order statistics (Thompson 1936) and by the
    clock's readings. ``None`` for too few intervals.
    """
    medians = [_median(intervals) for intervals in (batches, alone)]
    if medians[0] is None or medians[1] is None:
        return None
    (low, middle, high), (loop_low, loop, loop_high) = medians[0], medians[1]
    error = 2.0 * reading_error_us(tick_us)
    us = max(0.0, (middle - loop) / calls)
    lo = max(0.0, (low - loop_high - error) / calls)
    hi = max(us, (high - loop_low + error) / calls)
    return Cost(us, lo, hi)


def _median(intervals: IntArray) -> tuple[float, float, float] | None:
    rank = sign_rank(int(intervals.size))
    if rank is None:
        return None
    ordered = np.sort(intervals)
    return float(ordered[rank - 1]), float(np.median(ordered)), float(ordered[-rank])


UNKNOWN_PARTS = (
    "the parts of a stamp's cost are not known: from nothing to all of it lies between the stamps"
)
HANDLER_TOO = "counts from the handler's stamp: the rest of the handler is part of it"


@dataclass(frozen=True, slots=True)
class TakenOff:
    """What lies between two stamps beside the latency: from ``lo`` to ``hi`` us.

    ``parts`` are the entries of the budget that this makes. ``note`` is what to keep in mind.
    """

    lo: float
    hi: float
    parts: tuple[Part, ...]
    note: str | None = None

    @property
    def us(self) -> float:
        """What is taken off every difference: the middle."""
        return (self.lo + self.hi) / 2.0

    @property
    def half_us(self) -> float:
        """How far the truth may be from that."""
        return (self.hi - self.lo) / 2.0


def taken_off(events: EventSet, costs: StampCosts, stamp_cost_us: float) -> TakenOff:
    """What is taken off the differences of these events, as far as the board calibrated it."""
    if events.between == "pin" and costs.read is not None and costs.set_pin is not None:
        read, write = costs.read, costs.set_pin
        own = evenly("cost of a clock read", (read.hi - read.lo) / 2.0)
        least, most = before_edge_us(read, write)
        edge = evenly("the edge's place in the pin's write", (most - least) / 2.0)
        return TakenOff(read.lo + least, read.hi + most, (own, edge))
    if events.between == "schedule" and costs.keep is not None:
        keep = costs.keep
        own = evenly("cost of a clock read that is kept", (keep.hi - keep.lo) / 2.0)
        return TakenOff(keep.lo, keep.hi, (own,))
    if events.between == "counter" and events.counter_cost_us is not None:
        whole = events.counter_cost_us
        return TakenOff(0.0, whole, (evenly("the reading's place in its call", whole / 2.0),))
    notes = [HANDLER_TOO] if events.between == "handler" else []
    unknown: list[Part] = []
    if stamp_cost_us:
        notes.append(UNKNOWN_PARTS)
        unknown.append(evenly("the parts of a stamp's cost", stamp_cost_us / 2.0))
    return TakenOff(0.0, stamp_cost_us, tuple(unknown), "; ".join(notes) or None)
