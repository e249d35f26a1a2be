"""Which of three clocks is the odd one out: the board's, the host's, the instrument's.

Of two clocks nobody can say which is wrong. With a third, one is the odd one if the other two agree
and it differs from both by more than all bounds and more than good clocks do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hil.analysis.recording_faults import host_rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.analysis.edge_alignment import Alignment
    from hil.model.edges import EdgeRecording

ClockName = Literal["board", "host", "instrument"]
GOOD_PPM = 100.0
"""Two crystals that are in order differ by no more."""
_NEARER = 3.0  # the two that agree are so many times nearer to each other than to the third


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast a clock runs against another, in ppm, and the bounds of that."""

    ppm: float
    lo: float
    hi: float

    @property
    def at_most(self) -> float:
        """The largest difference that the bounds allow."""
        return max(abs(self.lo), abs(self.hi))

    @property
    def at_least(self) -> float:
        """The smallest difference that the bounds allow."""
        return max(self.lo, -self.hi, 0.0)

    def minus(self, other: Rate) -> Rate:
        """The rate of the first against another third clock, both being against the same."""
        return Rate(self.ppm - other.ppm, self.lo - other.hi, self.hi - other.lo)


@dataclass(frozen=True, slots=True)
class OddClock:
    """``clock`` is the odd one, ``None`` where there is none or it can't be told; see ``text``.

    ``differ`` is whether any two differ by more than good clocks do.
    """

    clock: ClockName | None
    text: str
    differ: bool


def odd_clock(
    board_by_host: Rate | None, board_by_instrument: Rate | None, instrument_by_host: Rate | None
) -> OddClock:
    """Name the odd one of three clocks by their rates against each other, ``None`` for unknown.

    Two rates give the third; where all three were measured, the narrower of the two values is used.
    """
    rates: dict[tuple[ClockName, ClockName], Rate | None] = {
        ("board", "host"): board_by_host,
        ("board", "instrument"): board_by_instrument,
        ("instrument", "host"): instrument_by_host,
    }
    known = sum(rate is not None for rate in rates.values())
    if known < 2:
        return _of_two(rates)
    if board_by_host is not None and board_by_instrument is not None:
        derived = board_by_host.minus(board_by_instrument)
        if instrument_by_host is None or _width(derived) < _width(instrument_by_host):
            rates["instrument", "host"] = derived
    elif board_by_host is None and board_by_instrument is not None and instrument_by_host:
        sums = (board_by_instrument, instrument_by_host)
        rates["board", "host"] = Rate(
            sum(rate.ppm for rate in sums),
            sum(rate.lo for rate in sums),
            sum(rate.hi for rate in sums),
        )
    elif board_by_host is not None and instrument_by_host is not None:
        rates["board", "instrument"] = board_by_host.minus(instrument_by_host)
    pairs = {pair: rate for pair, rate in rates.items() if rate is not None}
    if all(rate.at_least <= GOOD_PPM for rate in pairs.values()):
        return OddClock(None, "the clocks of board, host and instrument agree", False)
    for pair, rate in pairs.items():
        others = [other for name, other in pairs.items() if name != pair]
        least = min(other.at_least for other in others)
        if least > GOOD_PPM and least > _NEARER * rate.at_most:
            odd: ClockName = next(
                name for name in ("board", "host", "instrument") if name not in pair
            )
            away = min(abs(other.ppm) for other in others)
            text = (
                f"the clock of the {odd} is the odd one: {away:.0f} ppm off those of {pair[0]} and "
                f"{pair[1]}, which differ by {abs(rate.ppm):.0f} ppm"
            )
            return OddClock(odd, text, True)
    return OddClock(
        None,
        "the clocks of board, host and instrument differ, and no two of them agree by far better "
        "than the third: it can't be told which is wrong",
        True,
    )


def _of_two(rates: dict[tuple[ClockName, ClockName], Rate | None]) -> OddClock:
    for (first, second), rate in rates.items():
        if rate is not None and rate.at_least > GOOD_PPM:
            text = (
                f"the clocks of {first} and {second} differ by {abs(rate.ppm):.0f} ppm, and no "
                "third one tells which is wrong"
            )
            return OddClock(None, text, True)
        if rate is not None:
            text = f"the clocks of {first} and {second} agree; the third was not measured"
            return OddClock(None, text, False)
    return OddClock(None, "no two clocks were compared", False)


def _width(rate: Rate) -> float:
    return rate.hi - rate.lo


def board_by_instrument(alignments: Sequence[Alignment]) -> Rate | None:
    """The board's rate against the instrument's from the windows of a case, ``None`` without any.

    All windows' bounds together; where they exclude each other, from the least to the largest.
    """
    used = [each for each in alignments if each.verdict == "aligned"]
    if not used:
        return None
    low = max(each.ppm_lo for each in used)
    high = min(each.ppm_hi for each in used)
    if low > high:
        low, high = min(each.ppm_lo for each in used), max(each.ppm_hi for each in used)
    return Rate(-(low + high) / 2.0, -high, -low)


def instrument_by_host(recordings: Sequence[EdgeRecording]) -> Rate | None:
    """The instrument's rate against the host's by their pairs, ``None`` where there are none.

    The window with the narrowest bounds tells.
    """
    rates = [host_rate(each.own_ns, each.host_ns) for each in recordings]
    known = [Rate(*rate) for rate in rates if rate is not None]
    return min(known, key=_width, default=None)
