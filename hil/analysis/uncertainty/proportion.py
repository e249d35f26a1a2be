"""Bounds of a share of releases, of which neighbours share their fate.

Korn and Graubard (Survey Methodology 24, 1998): the number of independent samples that the series
is worth, ``n* = p (1 - p) / V (t_(n-1) / t_d)^2`` with the variance ``V`` of the share and the
degrees of freedom ``d`` that it was estimated with; then the exact interval of Clopper and Pearson
(1934) for ``p n*`` of ``n*``. Here ``V`` comes from the lowest cosine components of the series, as
for every mean (:mod:`hil.analysis.uncertainty.correlated`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.analysis.metric_sheet import Bounds
from hil.analysis.streaming_stats import Cells
from hil.analysis.uncertainty.correlated import error_of_cells
from hil.analysis.uncertainty.distributions import binomial_bounds, t_quantile
from hil.analysis.uncertainty.order_statistics import CONFIDENCE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hil.model.captures import FloatArray

FEWEST = 10
"""Fewer samples than this are taken as what they are: no dependence can be seen in them."""
FEW_HITS = 20
WORTH_ONE = 1.0


def effective_number(cells: Cells | FloatArray, n: int) -> float:
    """What ``n`` samples are worth, at most ``n``; ``cells`` are shares of equal stretches.

    How much windows differ beyond what varies within them counts, see ``Cells``.

    ``n`` where all are alike: nothing can be said then.
    """
    if not isinstance(cells, Cells):
        cells = Cells.of(cells)
    means = cells.means
    share = float(means.mean()) if means.size else 0.0
    if n < FEWEST or not 0.0 < share < 1.0:
        return float(n)
    error = error_of_cells(cells)
    if not error.standard:
        return float(n)
    upper = (1.0 + CONFIDENCE) / 2
    ratio = t_quantile(upper, n - 1) / t_quantile(upper, error.dof)
    standard = error.standard * error.widening
    worth = share * (1.0 - share) / standard**2 * ratio**2
    return min(float(n), max(WORTH_ONE, worth))


def share_bounds(
    hits: int,
    n: int,
    cells: Cells | FloatArray,
    others: Iterable[Cells | FloatArray] = (),
) -> tuple[Bounds, float]:
    """95 % bounds of a share of which ``hits`` of ``n`` were seen, and what the ``n`` are worth.

    ``cells`` are the shares in equal stretches. Where few were seen, or none, they tell little
    of their dependence: then that of ``others`` counts too, shares of the same releases above other
    levels, whichever says least.
    """
    if n <= 0:
        return Bounds(why_not="no release was judged"), 0.0
    few = min(hits, n - hits) < FEW_HITS
    series = (cells, *others) if few else (cells,)
    worth = min((effective_number(each, n) for each in series), default=float(n))
    low, high = binomial_bounds(hits / n * worth, worth, CONFIDENCE)
    return Bounds(low, high), worth
