"""From which deadline on one case holds, soft and hard real time apart, as far as its figures tell.

Soft: of a hundred activations at most one is later; decided by the bounds of the 99th percentile.
Hard: none may be later; a measurement can only refute it, so what is said is what was seen. Who
holds a deadline hard holds it soft: the limit for hard is never below that for soft. Neither is
said on fewer than :data:`FLOOR` activations, of a technique that is out of a budget, or
where more were missed, came unasked or were lost than soft allows (hard: any).

The techniques of a board are compared, and the best one is read off. So that all answers hold
together with 95 % confidence the bounds are those at ``1 - 0.05 / k`` for ``k`` techniques
(Bonferroni): tolerance statements exactly, the bounds of a percentile scaled by the ratio of the
normal quantiles. Loads need no such allowance: a technique must hold under each of them
(intersection-union test, Berger 1982).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from hil.analysis.uncertainty.distributions import normal_quantile
from hil.analysis.uncertainty.order_statistics import CONFIDENCE, covered_share, needed_samples
from hil.model.units import format_deadline, format_digits, format_measurement, format_value
from hil.report.program_notices import UNSEEN_DELAY, reference_of

if TYPE_CHECKING:
    from hil.model.results import Measurement
    from hil.report.result_tables import TechniqueRow

DRIFT_PPM = 10.0
"""Drift that is certain and larger than this carries a technique past any deadline in time."""
SOFT_SHARE = 0.01
"""What soft real time allows to be late: the share above the 99th percentile."""
LOST_SHARE = 0.1 * SOFT_SHARE
"""Up to this share of lost stamps leaves a soft answer as it is."""
FLOOR = needed_samples(1.0 - SOFT_SHARE)
"""Activations below which no technique is recommended: fewer don't show the p99.

That they follow one another, or that windows differ, is in the bounds of the percentile.
"""
TELLING = 30
"""Independent activations from which on the worst seen tells how many are later."""
Answer = Literal["yes", "no", "open"]


@dataclass(frozen=True, slots=True)
class Limit:
    """Which deadlines one case holds, and in words why.

    None below ``no_below_us`` and all from ``yes_from_us`` on (``inf``: none at all); what lies
    between is not decided. Each of the texts is the reason for one answer.
    """

    no_below_us: float
    yes_from_us: float
    no: str = ""
    open: str = ""
    yes: str = ""

    def answer(self, deadline_us: float) -> Answer:
        """Whether ``deadline_us`` is held."""
        if deadline_us < self.no_below_us or math.isinf(self.no_below_us):
            return "no"
        return "yes" if deadline_us >= self.yes_from_us else "open"


def soft_limit(row: TechniqueRow, compared: int = 1) -> Limit:
    """From when on at most one in a hundred activations is later, as far as the bounds tell.

    ``compared`` techniques share the confidence.
    """
    return _refused(row) or _from_first(row, _not_early(row, _soft(row, compared)))


def hard_limit(row: TechniqueRow, compared: int = 1) -> Limit:
    """From when on no activation was seen later, or missed; nowhere below the soft limit."""
    limit = _at_least(_not_early(row, _hard(row, compared)), soft_limit(row, compared))
    return _refused(row) or _from_first(row, limit)


def _from_first(row: TechniqueRow, limit: Limit) -> Limit:
    """``limit``, with what can't be seen where nobody said when the task was asked for."""
    if reference_of(row) is None or math.isinf(limit.no_below_us):
        return limit
    no, undecided, yes = (
        f"{text}; {UNSEEN_DELAY}" if text and UNSEEN_DELAY not in text else text
        for text in (limit.no, limit.open, limit.yes)
    )
    return replace(limit, no=no, open=undecided, yes=yes)


def early_us(row: TechniqueRow) -> tuple[float, float] | None:
    """Bounds of how early half of the activations come, where that is certain."""
    half = row.cells.get("lateness_p50_us")
    if half is None or (half.value if half.hi is None else half.hi) >= 0.0:
        return None
    ends = (half.value if end is None else end for end in (half.hi, half.lo))
    least, most = (-end for end in ends)
    return least, most


def drifts(row: TechniqueRow) -> bool:
    """Whether the schedule certainly runs away from the grid.

    A slope beyond its bounds that also took the schedule farther than its own jitter: a busy
    stretch at one end of a window tilts the line through absolute deadlines too; what it tilts
    stays below the jitter that it brings, while a schedule that runs away passes any.
    """
    drift = row.cells.get("schedule_drift_ppm")
    if drift is None or drift.lo is None or drift.hi is None:
        return False
    if drift.lo <= DRIFT_PPM and drift.hi >= -DRIFT_PPM:
        return False
    period, jitter = row.cells.get("period_mean_us"), row.cells.get("period_jitter_rms_us")
    if period is None or jitter is None:
        return True
    return abs(drift.value) * 1e-6 * drift.n * period.value > jitter.value


def budget_failure(row: TechniqueRow) -> Measurement | None:
    """A figure of the technique itself that is out of its budget: it is never recommended then."""
    return next((figure for figure in row.failed if figure.method is None), None)


def independent_activations(row: TechniqueRow) -> float:
    """What the activations are worth as independent ones: the least that a lateness figure says."""
    return min(map(_worth, _of_the_tail(row)), default=0.0)


def counted_activations(row: TechniqueRow) -> int:
    """How many activations the answer rests on, whatever they are worth."""
    return min((figure.n for figure in _of_the_tail(row)), default=0)


def _of_the_tail(row: TechniqueRow) -> list[Measurement]:
    names = ("lateness_max_us", "lateness_p99_us")
    return [row.cells[name] for name in names if name in row.cells]


def _worth(figure: Measurement) -> float:
    return figure.n if figure.n_effective is None else min(figure.n, figure.n_effective)


def _refused(row: TechniqueRow) -> Limit | None:
    """No deadline at all: the schedule runs away, or the technique is out of a budget."""
    if drifts(row):
        drift = format_measurement(row.cells["schedule_drift_ppm"]).line
        return _no(f"runs away from the grid by {drift}: past any deadline in time")
    failed = budget_failure(row)
    if failed is None or failed.budget is None:
        return None
    shown, budget = format_measurement(failed).value, format_value(failed.budget, failed.unit)
    return _no(f"is out of its budget: {failed.metric} is {shown}, its limit {budget}")


def _no(reason: str) -> Limit:
    return Limit(math.inf, math.inf, reason)


def _not_decided(reason: str) -> Limit:
    return Limit(0.0, math.inf, open=reason)


def _at_least(hard: Limit, soft: Limit) -> Limit:
    """``hard``, with no deadline that is not held soft."""
    no_first, open_first = hard, hard
    if soft.no_below_us > hard.no_below_us:
        no_first = soft
    if soft.yes_from_us > hard.yes_from_us or not hard.open:
        open_first = soft
    return Limit(
        no_first.no_below_us,
        max(hard.yes_from_us, soft.yes_from_us),
        no_first.no,
        open_first.open,
        hard.yes,
    )


def _not_early(row: TechniqueRow, limit: Limit) -> Limit:
    """``limit``, with no deadline by which half of the activations come too early."""
    early = early_us(row)
    if early is None or early[1] <= limit.no_below_us:
        return limit
    early_text = f"half of the activations come {format_deadline(early[1])} early"
    late = limit.no_below_us >= early[0]
    return Limit(
        max(limit.no_below_us, early[0]),
        max(limit.yes_from_us, early[1]),
        limit.no if late else early_text,
        early_text if early[1] > limit.yes_from_us or not limit.open else limit.open,
        f"{limit.yes}; {early_text}" if limit.yes else "",
    )


def _counts(row: TechniqueRow, allowed: float, lost_allowed: float) -> Limit | None:
    """What missed, extra and lost activations leave of any deadline, if not all.

    ``allowed`` and ``lost_allowed`` are shares of what was due. Where the count itself is not
    certain (its bounds differ) the answer is not, either. How late what was missed counts as is a
    part of the percentiles; here it counts for deadlines of more than that, too.
    """
    words = {"missed": "missed", "extra": "came without a release"}
    for name, word in words.items():
        figure = row.cells.get(name)
        if figure is None:
            continue
        most = allowed * (figure.n + (figure.value if name == "missed" else 0.0))
        least_seen, most_seen = _ends(figure)
        said = f"{format_measurement(figure).value} {word} beside {figure.n} that came"
        if least_seen > most:
            return _no(said)
        if most_seen > most:
            return _not_decided(f"{said}, which is not certain")
    dropped = row.cells.get("dropped")
    if dropped is not None and _ends(dropped)[1] > lost_allowed * (dropped.n + dropped.value):
        lost = format_measurement(dropped).value
        return _not_decided(f"{lost} stamps were lost, so the latest are not known")
    return None


def _ends(figure: Measurement) -> tuple[float, float]:
    low = figure.value if figure.lo is None else min(figure.lo, figure.value)
    high = figure.value if figure.hi is None else max(figure.hi, figure.value)
    return low, high


def _soft(row: TechniqueRow, compared: int) -> Limit:
    counted = _counts(row, SOFT_SHARE, LOST_SHARE)
    half, p99 = row.cells.get("lateness_p50_us"), row.cells.get("lateness_p99_us")
    least = half.lo if half is not None and half.lo is not None else 0.0
    if p99 is None:
        no = f"half of the activations are later than {format_deadline(least)}"
        limit = Limit(least, math.inf, no, _too_few(row))
    else:
        limit = _by_percentile(row, p99, least, compared)
    if counted is None:
        return limit
    if math.isinf(counted.no_below_us):
        return counted
    return Limit(limit.no_below_us, math.inf, limit.no, counted.open)


def _by_percentile(row: TechniqueRow, p99: Measurement, least: float, compared: int) -> Limit:
    shown = f"p99 is {format_measurement(p99).line}"
    low, high = _widened(p99, compared)
    worst, worth = row.cells.get("lateness_max_us"), independent_activations(row)
    enough = worth >= needed_samples(1.0 - SOFT_SHARE, _confidence(compared))
    known = any(f is not None and f.n_effective is not None for f in (worst, p99))
    if worst is not None and known and enough:
        high = min(high, _ends(worst)[1])  # the largest of so many lies above the percentile
    if counted_activations(row) < FLOOR:
        high = math.inf
    no_below = max(least, low)
    if math.isinf(high):
        return Limit(no_below, high, shown, _unbounded(row, p99, shown))
    high = max(high, no_below)
    yes = f"99 of 100 come within {format_deadline(high)} ({shown})"
    return Limit(no_below, high, shown, f"{shown}: the bounds do not decide", yes)


def _confidence(compared: int) -> float:
    return 1.0 - (1.0 - CONFIDENCE) / max(1, compared)


def _widened(figure: Measurement, compared: int) -> tuple[float, float]:
    """Both bounds for ``compared`` figures together; the value below, ``inf`` above without one."""
    tails = ((1.0 - CONFIDENCE) / (2.0 * each) for each in (1, max(1, compared)))
    alone, together = (normal_quantile(1.0 - tail) for tail in tails)
    low, high = (
        figure.value + (end - figure.value) * together / alone
        for end in (
            figure.value if figure.lo is None else figure.lo,
            math.inf if figure.hi is None else figure.hi,
        )
    )
    return low, high


def _hard(row: TechniqueRow, compared: int) -> Limit:
    counted = _counts(row, 0.0, 0.0)
    if counted is not None and math.isinf(counted.no_below_us):
        return counted
    worst, missed = row.cells.get("lateness_max_us"), row.cells.get("missed")
    if worst is None or missed is None:
        return _not_decided("the largest lateness has no figure")
    largest = f"the latest came {format_measurement(worst).value} late"
    least, most = _ends(worst)
    if counted is not None:
        return Limit(least, math.inf, largest, counted.open)
    worth = independent_activations(row)
    if counted_activations(row) < FLOOR:
        return Limit(least, math.inf, largest, _too_few(row))
    seen = f"worst of {worst.n} activations"
    if worth < TELLING:
        seen += (
            f": {format_deadline(most)} late; they follow one another or their windows differ, so "
            "that how many are later can't be said"
        )
    else:
        share = format_digits(100 * (1.0 - covered_share(worth, _confidence(compared))))
        seen += "" if worth >= worst.n else f" (worth {worth:.0f} independent ones)"
        seen += (
            f": {format_deadline(most)} late; with 95 % confidence fewer than {share} % are later, "
            "which is not a guarantee"
        )
    return Limit(least, most, largest, largest, seen)


def _unbounded(row: TechniqueRow, p99: Measurement, shown: str) -> str:
    """Why a percentile without an upper bound decides nothing."""
    if p99.hi is not None or counted_activations(row) < FLOOR:
        return f"{shown}; {_too_few(row)}"
    reason = p99.remarks or ""
    if not reason or "too few" in reason:
        return f"{shown}; too little data to bound it, run with --hil-profile=nightly"
    return f"{shown}, without bounds: {reason}"


def _too_few(row: TechniqueRow) -> str:
    worst = row.cells.get("lateness_max_us")
    needs = f"an answer needs {FLOOR} activations"
    if worst is None:
        return f"{needs}, so measure longer"
    latest = f"the latest came {format_measurement(worst).value} late"
    return f"{needs}, there are {worst.n}, {latest}: measure longer"
