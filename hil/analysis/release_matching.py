"""An order-preserving assignment of activations to releases, for one window. Arrays only.

What is known: release ``k`` is due at ``k`` periods, an activation can't answer it earlier than an
*earliness* before that, each release is answered once at most, and activations answer in the order
of releases. What is not known is which of them came to nothing on the way.

The *level* of an activation is by how many periods it would be late if the n-th answered the n-th
release. It steps up by one where a release was lost and down by one where an activation came that
answers none; a late activation lifts it, and a burst that catches up takes it down again. A queue
that holds a release delivers it before it waits for the next one: so an activation belongs with
those that follow it at less than a period, and the level of the last of them is the level of all.
Its whole part, with the earliness allowed, is how many releases were lost before. What is left
over is lateness: 0.95 periods late stay 0.95 periods late.

The grid is the one that was asked for. A timer that runs off another clock leaves it by and by; so
the same is done on a base that follows slow changes of the level. That counts if it needs less than
half the losses and extra activations, or fewer where it is certain that the timer drifts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.streaming_stats import PIECE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.model.captures import FloatArray, IntArray, StampArray

CATCHES_UP = 0.02
"""An interval shorter than a period by more than this, in periods, belongs to a burst."""
SLEW = 0.05
"""How far the followed base may rise from one activation to the next, in periods."""
EARLY_START = 0.25
"""How early, in periods, the first activation may be rather than be extra, where the base moves."""
SETTLED = 8
"""Activations at one level from which on the level counts as a state and not as one event."""
SAME_PHASE = 0.02
"""Phases closer than this, in periods, are the same; where they vary, closer than they vary."""
BOUNCE_RISK = 1e-3
_MOST_JUDGED = 2000
_LOOK_AHEAD = 64
_TYPICAL = 100_000


@dataclass(frozen=True, slots=True)
class Level:
    """From stamp ``position`` on the level is ``level`` periods above a base of ``base``."""

    position: int
    level: int
    base: float = 0.0


@dataclass(frozen=True, slots=True)
class Matching:
    """Which release each stamp of a window answers.

    Stamp ``i`` answers release ``i + shifts[k]`` for the last ``k`` with ``starts[k] <= i``, both
    (segments,) int64; those in ``extra`` (m,) int64, ascending, answer none. ``doubtful`` are
    places where releases were taken as lost and the activations behind may as well be so much
    later: (stamp, releases), in order.
    """

    starts: IntArray
    shifts: IntArray
    extra: IntArray
    doubtful: tuple[tuple[int, int], ...] = ()


class WindowStamps:
    """The stamps of one window: ``stamps_us`` (n,), the first release due at ``origin_us``.

    ``gaps`` are (position, count) of the stamps that the wire lost, in order of position.
    """

    def __init__(
        self,
        stamps_us: StampArray,
        origin_us: float,
        period_us: float,
        gaps: Sequence[tuple[int, int]] = (),
    ) -> None:
        self._stamps_us = stamps_us
        self._origin_us = origin_us
        self.period_us = period_us
        self.n = int(stamps_us.size)
        self.gap_at = np.array([position for position, _ in gaps], np.int64)
        self.lost = np.cumsum([count for _, count in gaps]).astype(np.int64)

    def lost_before(self, position: int) -> int:
        """How many stamps before ``position`` the wire lost."""
        k = int(np.searchsorted(self.gap_at, position, side="right"))
        return int(self.lost[k - 1]) if k else 0

    def levels(self, start: int, end: int, period_us: float | None = None) -> FloatArray:
        """The level of each stamp of a piece, in periods of ``period_us``; a new array."""
        level: FloatArray = self._stamps_us[start:end].astype(np.float64)
        level -= self._origin_us
        level /= self.period_us if period_us is None else period_us
        level -= np.arange(start, end, dtype=np.float64)
        if self.gap_at.size:
            level -= self.lost_before(start)
            first, last = np.searchsorted(self.gap_at, (start + 1, end))
            for k in range(int(first), int(last)):
                count = self.lost[k] - (self.lost[k - 1] if k else 0)
                level[int(self.gap_at[k]) - start :] -= float(count)
        return level

    def typical_us(self) -> tuple[float, bool]:
        """Mean of those intervals that are near their median, of a sample of all.

        And whether it is certain (5 standard errors) that a timer of this period leaves the grid by
        half a period or more within the window.
        """
        if self.n < SETTLED:
            return self.period_us, False
        at = np.arange(0, self.n - 1, max(1, self.n // _TYPICAL))
        intervals = (self._stamps_us[at + 1] - self._stamps_us[at]).astype(np.float64)
        middle = float(np.median(intervals))
        near = intervals[np.abs(intervals - middle) <= 0.1 * self.period_us]
        if not near.size:
            return self.period_us, False
        typical = float(near.mean())
        if abs(typical / self.period_us - 1.0) > 0.1:
            return self.period_us, False
        off = abs(typical - self.period_us)
        error = float(near.std()) / math.sqrt(near.size)
        return typical, off > 5.0 * error and off * self.n > 0.5 * self.period_us


def match_in_order(window: WindowStamps) -> Matching:
    """The n-th activation answers the n-th release; one that the wire lost answered its own."""
    starts = np.union1d([0], window.gap_at[window.gap_at < window.n]).astype(np.int64)
    shifts = np.array([window.lost_before(int(start)) for start in starts], np.int64)
    return Matching(starts, shifts, np.empty(0, np.int64))


def match_queued(window: WindowStamps, earliness_us: float) -> Matching:
    """The assignment that the module's text describes; ``earliness_us`` is what can be allowed."""
    if not window.n:
        return match_in_order(window)
    early = min(0.45, earliness_us / window.period_us)
    period_us = window.period_us
    levels, uneven = _on_grid(window, early)
    levels = _without_early_ones(window, levels)
    if _moves_slowly(window, levels):
        typical_us, drifts = window.typical_us()
        followed = _followed(window, early, typical_us)
        if _changes(followed) * (1 if drifts else 2) < _changes(levels):
            levels, uneven, period_us = followed, [], typical_us
    if uneven:
        levels = _without_bounces(window, levels, uneven, early)
    doubtful = _doubtful(window, levels, period_us)
    return _number(window, levels, early, period_us, doubtful)


def _changes(levels: Sequence[Level]) -> int:
    """Losses and extra activations that some levels stand for."""
    before = [0, *(level.level for level in levels[:-1])]
    return sum(abs(now.level - old) for now, old in zip(levels, before, strict=True))


def _moves_slowly(window: WindowStamps, levels: Sequence[Level]) -> bool:
    """Whether some of the changes are no step from one stamp to the next, as of a drifting timer.

    What comes before the first stamp is not known: a change there may be of either kind.
    """
    some = levels[1 :: max(1, len(levels) // _MOST_JUDGED)]
    pairs = [window.levels(level.position - 1, level.position + 1) for level in some]
    slow = sum(abs(float(after - before)) < 0.5 for before, after in pairs)
    return bool(levels[0].level) or slow > 0.05 * len(some)


def _catching_up(level: FloatArray, after: float | None) -> np.ndarray:
    """Whether the stamp behind each follows at less than a period, (n,); ``after``: its level.

    Behind a gap of the wire a level falls by what was lost, at least one: no burst goes on there.
    """
    steps = np.diff(level, append=np.inf if after is None else after)
    result: np.ndarray = (steps < -CATCHES_UP) & (steps > -1.0 - 1e-9)
    return result


def _settle(level: FloatArray, after: float | None, settled_after: float) -> FloatArray:
    """The level of the last stamp of each one's burst; the piece behind is given by its first."""
    catching = _catching_up(level, after)
    if not catching.any():
        return level
    ends = np.flatnonzero(~catching)
    values = np.append(level[ends], settled_after)
    result: FloatArray = values[np.searchsorted(ends, np.arange(level.size))]
    return result


def _on_grid(window: WindowStamps, early: float) -> tuple[list[Level], list[int]]:
    """Where the level changes on the grid that was asked for, and the pieces where it may.

    A piece at a time from the last, since a burst is settled by its end.
    """
    changes: list[tuple[IntArray, IntArray]] = []
    uneven: list[int] = []
    after: float | None = None
    settled_after, whole_after = 0.0, 0
    for start in reversed(range(0, window.n, PIECE)):
        end = min(start + PIECE, window.n)
        level = window.levels(start, end)
        low, high = math.floor(level.min() + early), math.floor(level.max() + early)
        if low == high and (after is None or whole_after == low):
            after = settled_after = float(level[0])
            whole_after = low
            continue
        uneven.append(start)
        settled = _settle(level, after, settled_after)
        whole = np.floor(settled + early).astype(np.int64)
        if after is not None and whole[-1] != whole_after:
            changes.append((np.array([end]), np.array([whole_after])))
        at = np.flatnonzero(np.diff(whole)) + 1
        changes.append((start + at, whole[at]))
        after, settled_after, whole_after = float(level[0]), float(settled[0]), int(whole[0])
    levels = [Level(0, whole_after)]
    for at, whole in reversed(changes):
        levels += [Level(int(p), int(w)) for p, w in zip(at, whole, strict=True)]
    return levels, uneven[::-1]


def _without_early_ones(window: WindowStamps, levels: Sequence[Level]) -> list[Level]:
    """The levels, but where some few activations are a little earlier than can be allowed.

    Each would be extra and the release behind it missed; early by up to a quarter of a period
    needs neither.
    """
    remaining: list[Level] = []
    k = 0
    while k < len(levels):
        now = levels[k]
        usual = remaining[-1].level if remaining else 0
        if k + 1 < len(levels) and now.level == usual - 1 and levels[k + 1].level == usual:
            end = levels[k + 1].position
            if end - now.position <= SETTLED:
                level = window.levels(now.position, end)
                if level.min() - usual >= -EARLY_START:
                    if not remaining:
                        remaining.append(Level(0, usual))
                    k += 2
                    continue
        remaining.append(now)
        k += 1
    return remaining


def _followed(window: WindowStamps, early: float, typical_us: float) -> list[Level]:
    """The same on a base that follows what changes by less than :data:`SLEW` an activation."""
    allowed = early + 2 * SLEW
    levels: list[Level] = []
    base, whole, last = 0.0, 0, -1
    for start in range(0, window.n, PIECE):
        end = min(start + PIECE, window.n)
        ahead = min(end + _LOOK_AHEAD, window.n)
        level = window.levels(start, ahead, typical_us)
        ends = np.flatnonzero(~_catching_up(level, None))
        begins = np.concatenate(([0], ends[:-1] + 1))
        in_piece = begins < end - start
        for first, value in zip(
            (start + begins[in_piece]).tolist(), level[ends[in_piece]].tolist(), strict=True
        ):
            if not levels:
                settled = int(ends[0])
                on_grid = float(window.levels(settled, settled + 1)[0])
                choices = math.floor(on_grid + early), math.floor(on_grid + EARLY_START)
                whole = min(choices, key=abs)
                base = value - whole
                levels.append(Level(0, whole, base))
                last = first
                continue
            above = value - base - whole
            if above < -0.5 or above >= 1.0 - allowed:
                step = math.floor(above + (0.5 if above < 0 else allowed))
                whole += step
                above -= step
                if step:
                    levels.append(Level(first, whole, base))
            base += above if above < 0 else min(above, SLEW * (first - last))
            last = first
    return levels


def _without_bounces(
    window: WindowStamps, levels: list[Level], uneven: Sequence[int], early: float
) -> list[Level]:
    """The levels, but for bursts that begin on a release each time: nothing stalled there.

    Only the pieces that begin at ``uneven`` have bursts that answer older releases.

    A stall ends anywhere between two releases, and what it held back follows in a burst. Where the
    first of a burst is as punctual as the others instead, and more often than chance (binomial
    test against a uniform phase), the releases before it were lost, and what follows is extra.
    """
    positions = np.array([level.position for level in levels])
    wholes = np.array([level.level for level in levels])
    late_at: list[IntArray] = []
    late: list[FloatArray] = []
    rest: list[FloatArray] = []
    for start in uneven:
        end = min(start + PIECE, window.n)
        level = window.levels(start, min(end + 1, window.n))
        after = float(level[-1]) if end < window.n else None
        level = level[: end - start]
        catching = _catching_up(level, after)
        catching_before = start > 0 and bool(
            _catching_up(window.levels(start - 1, start + 1), None)[0]
        )
        own = level - wholes[np.searchsorted(positions, np.arange(start, end), side="right") - 1]
        begins = catching & ~np.concatenate(([catching_before], catching[:-1]))
        held = np.flatnonzero(begins & (own >= 1.0 - early))
        late_at.append(start + held)
        late.append(own[held])
        punctual = own[~catching]
        rest.append(punctual[:: max(1, punctual.size // 1000)])
    at, above = np.concatenate(late_at), np.concatenate(late)
    if not at.size:
        return levels
    usual = float(np.median(np.concatenate(rest)))
    whole = np.floor(above - usual + SAME_PHASE).astype(np.int64)
    on_release = (np.abs(above - usual - whole) <= SAME_PHASE) & (whole >= 1)
    hits = int(np.count_nonzero(on_release))
    if 2 * hits <= at.size or _tail(at.size, hits, 2 * SAME_PHASE) > BOUNCE_RISK:
        return levels
    changes = {level.position: level.level for level in levels}
    for position, more in zip(at[on_release].tolist(), whole[on_release].tolist(), strict=True):
        k = int(np.searchsorted(positions, position, side="right")) - 1
        changes[position] = int(wholes[k]) + more
        changes.setdefault(position + 1, int(wholes[k]))
    return [Level(position, changes[position]) for position in sorted(changes)]


def _tail(n: int, hits: int, share: float) -> float:
    """``P(Binomial(n, share) >= hits)``, at most (Chernoff's bound for many)."""
    if n > 200:
        seen = hits / n
        rest = (1 - seen) * math.log((1 - seen) / (1 - share)) if seen < 1 else 0.0
        return math.exp(-n * (seen * math.log(seen / share) + rest))
    return sum(math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(hits, n + 1))


def _doubtful(
    window: WindowStamps, levels: Sequence[Level], period_us: float
) -> tuple[tuple[int, int], ...]:
    """Where releases count as lost, and the activations behind may be so much later instead.

    A loss leaves the phase of what follows as it was. Where the phase changes with it, or where
    there is nothing before (a window that begins with a loss), both may be.
    """
    doubtful = []
    whole = 0
    for k, now in enumerate(levels[:_MOST_JUDGED]):
        end = levels[k + 1].position if k + 1 < len(levels) else window.n
        lost, whole = now.level - whole, now.level
        if lost <= 0 or end - now.position < min(SETTLED, window.n):
            continue
        if now.position:
            begin = max(levels[k - 1].position, now.position - 2 * SETTLED)
            before = window.levels(begin, now.position, period_us)
            behind = window.levels(now.position, min(end, now.position + 2 * SETTLED), period_us)
            if before.size < SETTLED:
                continue
            step = float(np.median(behind) - np.median(before)) - lost
            if abs(step) <= SAME_PHASE + float(np.ptp(before)):
                continue
        doubtful.append((now.position, lost))
    return tuple(doubtful)


def _number(
    window: WindowStamps,
    levels: Sequence[Level],
    early: float,
    period_us: float,
    doubtful: tuple[tuple[int, int], ...],
) -> Matching:
    """The release of each stamp, and the extra ones, from where the level changes."""
    starts: list[int] = []
    shifts: list[int] = []
    extra: list[int] = []

    def begin(position: int, release: int) -> None:
        behind_extra = bool(extra) and extra[-1] == position - 1
        if not shifts or behind_extra or shifts[-1] != release - position:
            starts.append(position)
            shifts.append(release - position)

    gaps = window.gap_at[(window.gap_at > 0) & (window.gap_at < window.n)].tolist()
    last = -1  # release answered last
    for k, now in enumerate(levels):
        end = levels[k + 1].position if k + 1 < len(levels) else window.n
        at = now.position
        while at < end:
            wanted = at + window.lost_before(at) + now.level
            if wanted > last:
                break
            level = float(window.levels(at, at + 1, period_us)[0])
            if level - (last + 1 - at - window.lost_before(at)) >= now.base - early:
                last += 1
                begin(at, last)
            else:
                extra.append(at)
            at += 1
        if at == end:
            continue
        begin(at, at + window.lost_before(at) + now.level)
        for gap in gaps:
            if at < gap < end:
                begin(gap, gap + window.lost_before(gap) + now.level)
        last = end - 1 + window.lost_before(end - 1) + now.level
    if not starts or starts[0] > 0:
        starts.insert(0, 0)
        shifts.insert(0, 0)
    return Matching(
        np.array(starts, np.int64),
        np.array(shifts, np.int64),
        np.array(extra, np.int64),
        doubtful,
    )
