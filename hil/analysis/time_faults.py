"""One clock against the other in what is left after a straight line: jumps, bends, scatter.

What is left of each matched edge is the pin's delay and the rounding of both clocks. A time that
jumped moves all that comes after; a delay that was long once does not. Rounding alone can look like
a jump by one step of the coarser clock.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.line_faults import counted
from hil.model.edges import EdgeFinding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.analysis.line_faults import LineCheck
    from hil.model.captures import FloatArray, IntArray

_WIDTHS = (3, 6, 12, 25, 50, 100)
_SIGMAS = (14.0, 11.0, 9.0, 8.0, 8.0, 8.0)  # a few long delays in a row are no jump
_MOST = 20_000
_BLOCKS = 16
_LEAST_US = 0.5
_OUTLIER_US = 3.0
_OUTLIER_SIGMAS = 14.0
_MOST_BEND_US = 20.0
_BENT = 1.6


@dataclass(frozen=True, slots=True)
class TimeCheck:
    """``bend_us``: how far the two clocks depart from a straight line beyond noise and rounding.

    ``scatter_us`` is the most that the standard deviation of what is left can be without rounding
    (95 %): the pin's delay varies, or the instrument's time does. ``unseen_us`` is the largest
    error of a single edge that the stamps would not show, ``hidden_bend_us`` the largest bend.
    """

    findings: tuple[EdgeFinding, ...]
    bend_us: float
    scatter_us: float
    unseen_us: float
    hidden_bend_us: float


def check_times(checks: Sequence[LineCheck], step_us: float, own_us: float) -> TimeCheck:
    """Jumps, bends and outliers in the residuals of all lines together.

    ``step_us`` is what a reading of the board may be late, ``own_us`` the instrument's step.
    """
    chosen = [check for check in checks if check.valid and check.matched]
    if not chosen:
        return TimeCheck((), 0.0, math.inf, math.inf, 0.0)
    at = np.concatenate([check.stamp_us for check in chosen])
    lefts = _levelled(chosen)
    left = np.concatenate(lefts)
    times = np.concatenate([check.times_ns for check in chosen])
    order = np.argsort(at, kind="stable")
    at, left, times = at[order], left[order], times[order]
    both = step_us + own_us
    rounding = (step_us**2 + own_us**2) / 12.0
    findings = _jump_findings(left, times, both, "")
    if not findings:
        for check, own in zip(chosen, lefts, strict=True):
            findings += _jump_findings(own, check.times_ns, both, check.name)
    bends = [bend_of(own, both, rounding) for own in lefts]
    bend = 0.0 if findings else max(seen for seen, _ in bends)
    hidden = min(unseen for _, unseen in bends)
    if bend > _MOST_BEND_US:
        text = (
            f"the rate between instrument and board changed within the window: edges depart by "
            f"{bend:.0f} us from a straight line"
        )
        findings.append(EdgeFinding("rate", text, "recording"))
    elif bend:
        text = (
            f"edges depart by {bend:.1f} us from a straight line between the two clocks: one of "
            "them wanders, or the pin's delay does; the bounds allow for it"
        )
        findings.append(EdgeFinding("scatter", text, "note"))
    beside = math.sqrt(max(0.0, _noise(left) ** 2 - 1.2 * rounding))
    away = np.abs(left - np.median(left))
    limit = 0.75 * both + max(_OUTLIER_US, _OUTLIER_SIGMAS * beside)
    far = np.flatnonzero(away > limit)
    if far.size and not any(finding.kind == "step" for finding in findings):
        text = (
            f"{counted(far.size, 'edge')} up to {float(away.max()):.1f} us off the usual delay "
            "after the stamp: an interrupt of the board in between, or the instrument's time"
        )
        ends = int(times[far[0]]), int(times[far[-1]])
        findings.append(EdgeFinding("outlier", text, "note", "", int(far.size), *ends))
    scatter = scatter_without_rounding(left, rounding)
    return TimeCheck(tuple(findings), bend, scatter, limit + both / 2.0, hidden)


def _levelled(checks: Sequence[LineCheck]) -> list[FloatArray]:
    """What is left of each line about its mean, without the slope that all of them share."""
    along = [check.stamp_us - check.stamp_us.mean() for check in checks]
    left = [check.residual_us - check.residual_us.mean() for check in checks]
    length = sum(float(np.dot(x, x)) for x in along)
    slope = sum(float(np.dot(x, y)) for x, y in zip(along, left, strict=True)) / (length or 1.0)
    return [y - slope * x for x, y in zip(along, left, strict=True)]


def _jump_findings(
    left_us: FloatArray, times_ns: IntArray, step_us: float, line: str
) -> list[EdgeFinding]:
    positions, sizes = jumps(left_us, step_us)
    if not positions.size:
        return []
    largest = float(sizes[np.argmax(np.abs(sizes))])
    count = int(positions.size)
    times_word = "once" if count == 1 else f"{count} times"
    of_line = f" on {line} alone" if line else ""
    text = (
        f"the instrument's time and the board's jumped against each other{of_line} {times_word}, "
        f"by up to {largest:+.1f} us: samples added or lost, or the board's clock stepped"
    )
    ends = int(times_ns[positions[0]]), int(times_ns[positions[-1]])
    return [EdgeFinding("step", text, "line" if line else "recording", line, count, *ends)]


def scatter_without_rounding(left_us: FloatArray, rounding: float) -> float:
    """The most that the standard deviation of (n,) values can be without a rounding, in us.

    ``rounding`` is the variance of a value anywhere within the steps. The variance of ``n`` such
    values is itself known to ``0.9 rounding / sqrt(n)``, since the fourth moment of a uniform
    distribution is 9/5 of its squared variance. Values that don't meet all of a step say nothing of
    how much of their variance is rounding.
    """
    variance = float(np.var(left_us))
    if variance < 0.8 * rounding:
        return math.sqrt(variance)
    unknown = 2.0 * 0.9 * rounding / math.sqrt(left_us.size)
    return math.sqrt(min(variance, max(0.0, variance - rounding) + unknown))


def jumps(left_us: FloatArray, step_us: float) -> tuple[np.ndarray, FloatArray]:
    """Positions and sizes of jumps in (n,) residuals; ``step_us`` of both clocks together."""
    block = -(-left_us.size // _MOST) or 1
    values = left_us
    if block > 1:
        whole = left_us.size // block * block
        values = np.median(left_us[:whole].reshape(-1, block), axis=1)
    n = values.size
    score, size, reach = np.zeros(n), np.zeros(n), np.zeros(n, np.int64)
    noise = max(_noise(values), step_us / 20.0, 0.02)
    floor = step_us + _LEAST_US
    for width, sigmas in zip(_WIDTHS, _SIGMAS, strict=True):
        if 2 * width > n:
            break
        medians = np.median(np.lib.stride_tricks.sliding_window_view(values, width), axis=1)
        change = medians[width:] - medians[:-width]
        limit = max(floor, sigmas * 1.25 * noise * float(np.sqrt(2.0 / width)))
        at = np.arange(width, n - width + 1)
        ratio = np.abs(change) / limit
        better = ratio > score[at]
        score[at[better]], size[at[better]] = ratio[better], change[better]
        reach[at[better]] = width
    over = np.flatnonzero(score > 1.0)
    best: list[int] = []
    for position in over[np.argsort(-score[over], kind="stable")].tolist():
        if all(abs(position - other) > max(reach[position], reach[other]) for other in best):
            best.append(position)
    chosen = np.array(sorted(best), np.int64)
    return chosen * block, size[chosen]


def bend_of(left_us: FloatArray, step_us: float, rounding: float) -> tuple[float, float]:
    """How far medians of stretches lie from the line, 0 where noise explains it, and what it hides.

    ``rounding`` is the variance of a value anywhere within the steps. Values that don't meet all of
    a step can drift through it, which looks like a bend by up to half of it.
    """
    blocks = min(_BLOCKS, left_us.size // 8)
    if blocks < 3:
        return 0.0, step_us / 2.0
    parts = np.array_split(left_us, blocks)
    medians = np.array([np.median(part) for part in parts])
    inner = float(np.median([np.var(part) for part in parts]))
    steps = float(np.median([np.mean(np.square(np.diff(part))) for part in parts])) / 2.0
    dithered = min(inner, steps) > 0.7 * rounding
    error = 1.25 * math.sqrt(max(inner, steps)) / math.sqrt(min(part.size for part in parts))
    spread = float(np.ptp(medians)) / 2.0
    beyond = spread > (step_us + _LEAST_US) / 2.0 + 5.0 * error
    if dithered and not beyond:  # a bend is what the differences of neighbours don't have
        beyond = spread > 4.0 * error and float(np.var(left_us)) > _BENT * max(rounding, steps)
    return (spread if beyond else 0.0), (0.0 if dithered else spread) + 2.0 * error


def _noise(left: FloatArray) -> float:
    """Robust standard deviation of one value, from differences of neighbours."""
    if left.size < 2:
        return 0.0
    return 1.4826 * float(np.median(np.abs(np.diff(left)))) / float(np.sqrt(2.0))
