"""The sample period of an instrument, from times that are rounded to whole nanoseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.model.captures import IntArray

_STEPS = (1.0, 1.2, 1.25, 1.5625, 1.6, 2.0, 2.4, 2.5, 3.125, 4.0, 5.0, 6.25, 8.0)
RATES_HZ = tuple(
    sorted({step * 10.0**power for power in range(9) for step in _STEPS if step * 10**power < 1e9})
)
"""Sample rates that instruments have, ascending."""
_FEWEST = 8
_MOST = 20_000
_ROUNDING_NS = 0.51


def grid_period_ns(times_ns: Sequence[IntArray]) -> float:
    """The longest usual sample period whose multiples all distances of edges are, in ns.

    ``times_ns`` are those of each line, (n,) int64, as exact as whole nanoseconds allow. Where no
    period fits, or there are fewer than eight edges, the shortest distance of two edges: no
    instrument has a step that is longer. 1 if there are not even two.
    """
    times = np.unique(np.concatenate([*times_ns, np.empty(0, np.int64)])[:_MOST])
    if times.size < 2:
        return 1.0
    passed = (times - times[0]).astype(np.float64)
    shortest = float(np.diff(times).min())
    if times.size >= _FEWEST:
        for rate in RATES_HZ:
            period_ns = 1e9 / rate
            if period_ns > shortest + 2 * _ROUNDING_NS:
                continue
            off_ns = np.abs(passed - np.rint(passed / period_ns) * period_ns)
            if period_ns > 8 * _ROUNDING_NS and (off_ns <= 2 * _ROUNDING_NS).all():
                return period_ns
    return shortest
