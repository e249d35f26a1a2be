"""What the largest or smallest sample seen tells of the process: one end, and how much it covers.

The largest that a process does is no less than the largest that was seen, less what the clock
hides; how much more it can be, no finite capture tells. What it tells is a tolerance statement
(Wilks 1941): which share of all that the process does is covered, for the number of independent
samples that the correlated ones are worth.
"""

from __future__ import annotations

from typing import Literal

from hil.analysis.metric_sheet import Bounds, extreme_bounds
from hil.analysis.uncertainty.budget import evenly
from hil.analysis.uncertainty.effective_number import Stretches, slow_number, tail_number
from hil.analysis.uncertainty.order_statistics import covered_share, covered_share_of_range

Extreme = Literal["largest", "smallest", "range"]
_ABOVE = 4.0


def extreme_number(look: Stretches, n: int, which: Extreme = "largest") -> float:
    """How many independent samples the extreme of ``n`` is the extreme of.

    ``look`` has all of them or some. From how those near the extreme come: at the level that four
    samples exceed, and down from there as far as
    :func:`~hil.analysis.uncertainty.effective_number.tail_number` looks.
    """
    if look.size == 0:
        return 0.0
    share = min(0.5, _ABOVE / look.size)
    parts = []
    if which != "smallest":
        parts.append(tail_number(look, share))
    if which != "largest":
        turned = Stretches(-look.series, look.starts, -look.ordered[::-1])
        parts.append(tail_number(turned, share))
    return max(1.0, n * min(*parts, slow_number(look)))


def extreme_of(value: float, worth: float, reach: float, which: Extreme = "largest") -> Bounds:
    """Bounds of an extreme, or of the range from the smallest to the largest.

    ``worth`` is the number of independent samples, ``reach`` what the instrument can be off by.
    """
    share = covered_share_of_range(worth) if which == "range" else covered_share(worth)
    said = extreme_bounds(share)
    parts = (evenly("the clock's step", reach),) if reach else ()
    if which == "smallest":
        return Bounds(None, value + reach, said.why_not, parts)
    low = value - reach
    return Bounds(max(0.0, low) if which == "range" else low, None, said.why_not, parts)
