"""What a figure with its bounds says of a limit: pass, fail, or undecided between.

The rule is guarded acceptance and guarded rejection (JCGM 106:2012, 8.3.2 and 8.3.3) with the
bounds as the guard band: a figure passes where its whole interval lies within the limit, fails
where it lies wholly beyond, and is undecided where the limit lies inside the interval.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from hil.model.metrics import metric_or_unknown
from hil.model.results import worst_verdict

if TYPE_CHECKING:
    from hil.model.metric import Sense
    from hil.model.results import Measurement, Results, Verdict

RunVerdict = Literal["fail", "error", "undecided", "pass", "none"]
RUN_VERDICTS: tuple[RunVerdict, ...] = ("fail", "error", "undecided", "pass", "none")
"""What can be said of a whole run, what weighs most first."""
NO_LIMIT = "no limit"
"""The word for the verdict ``none``, wherever people read it; the others are their own words."""
UNDECIDED_CHOICES = ("fail", "pass")
"""What ``--hil-undecided`` takes: whether an undecided figure fails the run."""
GUARD_SHARE = 0.5
"""The guard band of a figure without the bound that would decide, as a share of its limit."""
SEEN = "judged by what was seen"
UNBOUNDED = "judged by its value, which is far from the limit: that side has no bound"
NONE_SEEN = "judged by what was seen: none"
NO_NUMBER = "not judged: not a number"


def decide(measurement: Measurement, limit: float) -> tuple[Verdict, str | None]:
    """The verdict by ``limit`` (in the metric's unit), and what to keep in mind of it.

    The interval is that of the bounds, widened to the value where that lies outside. An exact count
    is an interval of one point and decides itself, without bounds too; a count that two assignments
    give differently straddles like any other figure. Where the end that would decide is missing

    - an extreme (a maximum, a peak-to-peak value) is judged by what was seen: one beyond the limit
      fails for certain, one within it says that none beyond was seen;
    - any other figure has a guard band of half its limit on either side.

    A count that is bounded as a proportion passes a limit of 0 where none was seen: no upper bound
    can lie at 0. What is not a number is undecided.
    """
    sense = metric_or_unknown(measurement.metric, measurement.unit).sense
    return decide_by(measurement, limit, sense)


def decide_by(measurement: Measurement, limit: float, sense: Sense) -> tuple[Verdict, str | None]:
    """:func:`decide` with a ``sense`` other than the metric's own.

    ``lower`` and ``none`` take ``limit`` for the largest allowed, ``higher`` for the smallest.
    """
    metric = metric_or_unknown(measurement.metric, measurement.unit)
    if math.isnan(measurement.value):
        return "undecided", NO_NUMBER
    allows_none = limit == 0 and metric.unit == "count" and metric.bounds == "two-sided"
    if allows_none and measurement.value == 0:
        return "pass", NONE_SEEN
    value = -measurement.value if sense == "higher" else measurement.value
    value = abs(value) if sense == "magnitude" else value
    largest = -limit if sense == "higher" else limit
    best, worst = _ends(measurement, sense)
    if best is not None and best > largest:
        return "fail", None
    if worst is not None and worst <= largest:
        return "pass", None
    beyond = value > largest
    if (best if beyond else worst) is not None:
        return "undecided", None
    by_value: Verdict = "fail" if beyond else "pass"
    if measurement.lo is None and measurement.hi is None and metric.bounds == "exact":
        return by_value, None
    if metric.bounds in ("tolerance", "none"):
        return by_value, SEEN
    if abs(value - largest) < GUARD_SHARE * abs(largest):
        return "undecided", None
    return by_value, UNBOUNDED


def _ends(measurement: Measurement, sense: Sense) -> tuple[float | None, float | None]:
    """Best and worst end of the interval, turned so that more is worse; ``None``: not known."""
    value = measurement.value
    low, high = (_finite(end) for end in (measurement.lo, measurement.hi))
    low = None if low is None else min(low, value)
    high = None if high is None else max(high, value)
    if sense == "higher":
        return (None if high is None else -high), (None if low is None else -low)
    if sense != "magnitude":
        return low, high
    nearest = max(0.0, -math.inf if low is None else low, -math.inf if high is None else -high)
    known_nearest = None if low is None and high is None else nearest
    if low is None or high is None:
        return known_nearest, None
    return known_nearest, max(abs(low), abs(high))


def _finite(end: float | None) -> float | None:
    return None if end is None or not math.isfinite(end) else end


def run_verdict(results: Results) -> RunVerdict:
    """The one word on a run: what the page, the terminal, the exports and the history show.

    ``fail`` goes with exit status 1 (9 with errors), ``error`` with 8, the others with 0, but
    ``undecided`` with 1 where the run was asked to take it so.
    """
    word = worst_verdict(results.measurements)
    return "error" if results.errors and word != "fail" else word


def verdict_word(verdict: RunVerdict) -> str:
    """The verdict as people read it."""
    return NO_LIMIT if verdict == "none" else verdict


def refuses(verdict: Verdict, *, undecided_fails: bool = False) -> bool:
    """Whether a figure with this verdict fails the run."""
    return verdict == "fail" or (undecided_fails and verdict == "undecided")


def verdict_message(measurement: Measurement) -> str:
    """One line on a judged measurement: what, how much, how certain, its limit, where, of n."""
    m = measurement
    sense = metric_or_unknown(m.metric, m.unit).sense
    unit = "" if m.unit in ("1", "count") else f" {m.unit}"
    who = [m.technique, m.load, *([] if m.task is None else [m.task_label]), f"board {m.board}"]
    who += [] if m.by_board else [f"by {m.source}"]
    method = f" ({m.method})" if m.method else ""
    parts = [f"{', '.join(who)}: {m.metric}{method} = {_text(m.value)}{unit}"]
    if m.lo is not None or m.hi is not None:
        ends = ("?" if end is None else _text(end) for end in (m.lo, m.hi))
        parts.append(f" [{' .. '.join(ends)} at {m.confidence:.0%}]")
    if m.budget is not None:
        sign = "+-" if sense == "magnitude" else ""
        parts.append(f" {_relation(m, sense)} {sign}{_text(m.budget)}{unit}")
    if m.where_us is not None:
        parts.append(f"; the worst activation is {m.where_us / 1e6:.6f} s into the window")
    parts.append(f"; n = {m.n}")
    return "".join(parts)


def _relation(measurement: Measurement, sense: Sense) -> str:
    least = sense == "higher"
    if measurement.verdict == "undecided":
        limit = "smallest allowed" if least else "budget of"
        if measurement.lo is None or measurement.hi is None:
            return f"has no bound that tells it from its {limit}"
        return f"has bounds on both sides of its {limit}"
    if measurement.verdict == "pass":
        return "is at least" if least else "is within its budget of"
    return "is below its smallest allowed" if least else "is over its budget of"


def _text(value: float) -> str:
    return f"{value:.0f}" if value == round(value, 0) and abs(value) < 1e15 else f"{value:.5g}"
