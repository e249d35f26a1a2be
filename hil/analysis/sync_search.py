"""The board's sync pattern in an instrument's recording, by its irregular distances.

An offset is proposed by every edge of the recording for a few edges of the pattern, and kept while
enough of the pattern's other edges have an edge where they should be. Two clocks may differ by
:data:`MOST_PPM`; edges may be lost, doubled or added.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hil.model.captures import FloatArray, IntArray, SyncPattern
    from hil.model.edges import EdgeLine, EdgeRecording

FEWEST = 6
"""Edges of a pattern without which nothing is looked for."""
MOST_PPM = 3000.0
_ANCHORS = 4
_MOST_CANDIDATES = 24
_NEEDED = 0.6
_CLEAR, _ENOUGH_ANCHORS = 0.8, 2
_APART = 4.0  # a distance so many times the median separates the edges before from those behind
_USABLE_US = 400.0  # an edge that something came in between says too little
_SCALES = 6
_MOST_SCALED = 20_000


@dataclass(frozen=True, slots=True)
class SyncMatch:
    """Where the pattern lies in the edges of a line.

    ``earliest_ns`` and ``latest_ns`` (n,) int64 are, for each edge of the pattern, the first and
    last edge of the line that it can be; ``present`` (n,) whether there is any, else both are 0.
    ``scale`` is how many times too fast the recording's times run, 1 unless its sample rate is
    wrong. ``inverted`` is whether the levels are opposite, ``None`` where they don't tell.
    ``matched`` counts the edges of the pattern that were found, ``doubtful`` those that may be
    several.
    """

    line: str
    earliest_ns: IntArray
    latest_ns: IntArray
    present: NDArray[np.bool_]
    rate: float
    inverted: bool | None
    scale: float = 1.0

    @property
    def matched(self) -> int:
        """Edges of the pattern that are there."""
        return int(self.present.sum())

    @property
    def doubtful(self) -> int:
        """Edges of the pattern that may be one of several."""
        return int((self.present & (self.latest_ns > self.earliest_ns)).sum())

    @property
    def start_ns(self) -> int:
        """The first edge."""
        return int(self.earliest_ns[self.present][0])

    @property
    def end_ns(self) -> int:
        """The last edge."""
        return int(self.latest_ns[self.present][-1])


@dataclass(frozen=True, slots=True)
class _Pattern:
    """Middles of the intervals of the edges, (n,) us from the first, and their half widths."""

    middle: FloatArray
    half: FloatArray
    numbers: IntArray
    groups: tuple[IntArray, ...]


def find_windows(
    recording: EdgeRecording, sync: SyncPattern, step_us: float = 1.0
) -> tuple[SyncMatch, ...]:
    """Every position of the pattern in a recording, of a window or of a whole run, best first.

    One match means that the window was identified; of several of equal worth none may be taken.
    The line that the pattern was made on is looked at first, others only if it is not there.
    ``step_us`` is the step of the board's clock.
    """
    pattern = _pattern(sync, step_us)
    if pattern is None:
        return ()
    lines = sorted(recording.lines, key=lambda line: line.name != sync.line)
    slack = recording.resolution_ns / 1000.0 + 1.0
    for scaled in (False, True):
        for line in lines:
            matches = _find(line, pattern, sync, slack, scaled)
            if matches:
                return matches
    return ()


def _pattern(sync: SyncPattern, step_us: float) -> _Pattern | None:
    if sync.before_us.size == 0:
        return None
    low = sync.before_us - sync.before_us[0]
    high = sync.after_us - sync.before_us[0] + step_us
    half = (high - low) / 2.0
    numbers = np.flatnonzero((half > 0) & (half <= max(_USABLE_US, 4.0 * np.median(half))))
    if numbers.size < FEWEST:
        return None
    middle, half = (low + high)[numbers] / 2.0, half[numbers]
    distances = np.diff(middle)
    widest = int(np.argmax(distances))
    groups: tuple[IntArray, ...] = (np.arange(numbers.size),)
    if distances[widest] > _APART * np.median(distances):
        halves = (groups[0][: widest + 1], groups[0][widest + 1 :])
        if min(part.size for part in halves) >= FEWEST:
            groups = halves
    return _Pattern(middle, half, numbers, groups)


def _find(
    line: EdgeLine, pattern: _Pattern, sync: SyncPattern, slack: float, scaled: bool
) -> tuple[SyncMatch, ...]:
    if line.times_ns.size < FEWEST:
        return ()
    base = int(line.times_ns[0])
    times = np.sort(line.times_ns - base) / 1000.0
    scales = _scales(times, pattern) if scaled else (1.0,)
    for scale in scales:
        positions = _positions(times / scale, pattern, slack)
        if positions:
            return tuple(
                _match(line, times, pattern, sync, position, scale, slack) for position in positions
            )
    return ()


def _positions(
    times: FloatArray, pattern: _Pattern, slack: float
) -> list[tuple[float, float, float]]:
    """Offset at the pattern's middle edge, rate, and that middle: of the best and its equals."""
    offsets = [_group_offsets(times, pattern, group, slack) for group in pattern.groups]
    centres = [float(pattern.middle[group].mean()) for group in pattern.groups]
    sizes = [group.size for group in pattern.groups]
    ranked: list[tuple[int, tuple[float, float, float]]] = []
    if len(offsets) == 2:
        for first, first_score, _ in offsets[0]:
            for second, second_score, _ in offsets[1]:
                span = centres[1] - centres[0]
                rate = (second - first) / span
                if abs(rate) <= MOST_PPM * 1e-6:
                    score = first_score + second_score
                    ranked.append((score, (first, rate, centres[0])))
    if not ranked:
        for group, centre in zip(offsets, centres, strict=True):
            ranked += [(score, (offset, rate, centre)) for offset, score, rate in group]
    ranked.sort(key=lambda entry: -entry[0])
    if not ranked or ranked[0][0] < max(FEWEST, _NEEDED * min(sizes)):
        return []
    best = ranked[0][0]
    margin = max(2.0, 0.15 * best)
    positions: list[tuple[float, float, float]] = []
    for score, position in ranked:
        near = any(
            abs(position[0] - other[0]) < 500.0 and position[2] == other[2] for other in positions
        )
        if score >= best - margin and not near:
            positions.append(position)
    if len({position[2] for position in positions}) > 1:  # each half by itself, but not together
        positions = [position for position in positions if position[2] == positions[0][2]]
    return positions


def _group_offsets(
    times: FloatArray, pattern: _Pattern, group: IntArray, slack: float
) -> list[tuple[float, int, float]]:
    """Offsets at the group's centre with the number of edges that fit, and the rate; best first."""
    middle, half = pattern.middle[group], pattern.half[group]
    needed = max(FEWEST - 1, int(np.ceil(_NEEDED * group.size)))
    drift = MOST_PPM * 1e-6
    proposals: list[tuple[int, float]] = []
    clear = 0
    for anchor in np.unique(np.linspace(0, group.size - 1, _ANCHORS).astype(int)):
        offsets = times - middle[anchor]
        score = np.ones(offsets.size, np.int64)
        others = np.argsort(np.abs(middle - middle[anchor]), kind="stable")[1:]
        for done, other in enumerate(others):
            away = abs(float(middle[other] - middle[anchor]))
            room = float(half[other] + half[anchor]) + slack + drift * away
            score += nearest(times, offsets + middle[other])[1] <= room
            alive = score + (others.size - 1 - done) >= needed
            offsets, score = offsets[alive], score[alive]
            if not offsets.size:
                break
        best = np.argsort(-score, kind="stable")[:_MOST_CANDIDATES]
        clear += bool(best.size and score[best[0]] >= _CLEAR * group.size)
        proposals += [(int(score[i]), float(offsets[i])) for i in best]
        if clear == _ENOUGH_ANCHORS:
            break
    proposals.sort(key=lambda entry: -entry[0])
    refined: list[tuple[float, int, float]] = []
    for _, offset in proposals[: 2 * _MOST_CANDIDATES]:
        if any(abs(offset - other) < 300.0 for other, _, _ in refined):
            continue
        candidate = _refine(times, middle, half, offset, slack)
        if candidate[1] >= needed:
            refined.append(candidate)
    refined.sort(key=lambda entry: -entry[1])
    return refined


def _refine(
    times: FloatArray, middle: FloatArray, half: FloatArray, offset: float, slack: float
) -> tuple[float, int, float]:
    """The offset at the centre and the rate by the median of pairs, and how many edges fit them."""
    centre = float(middle.mean())
    room = float(np.median(half)) * 2.0 + slack + MOST_PPM * 1e-6 * float(np.ptp(middle))
    index, away = nearest(times, offset + middle)
    hits = away <= room
    shift = times[index] - middle
    if hits.sum() < 2:
        return offset, 0, 0.0
    at, moved = middle[hits], shift[hits]
    first, second = np.triu_indices(at.size, 1)
    rate = float(np.median((moved[second] - moved[first]) / (at[second] - at[first])))
    level = float(np.median(moved - rate * (at - centre)))
    expected = level + middle + rate * (middle - centre)
    tight = nearest(times, expected)[1] <= half + float(np.median(half)) + slack
    return level, int(tight.sum()), rate


def _match(
    line: EdgeLine,
    times: FloatArray,
    pattern: _Pattern,
    sync: SyncPattern,
    position: tuple[float, float, float],
    scale: float,
    slack: float,
) -> SyncMatch:
    offset, rate, centre = position
    count = sync.before_us.size
    middle = np.zeros(count)
    middle[pattern.numbers] = pattern.middle
    room = np.zeros(count)
    room[pattern.numbers] = pattern.half + np.median(pattern.half) + slack
    expected = (offset + middle + rate * (middle - centre)) * scale
    room *= scale
    first = np.searchsorted(times, expected - room)
    last = np.searchsorted(times, expected + room, side="right") - 1
    usable = np.zeros(count, np.bool_)
    usable[pattern.numbers] = True
    present = usable & (first <= last)
    order = np.argsort(line.times_ns, kind="stable")
    ordered, levels = line.times_ns[order], line.levels[order]
    earliest = np.where(present, ordered[np.minimum(first, times.size - 1)], 0)
    latest = np.where(present, ordered[np.maximum(last, 0)], 0)
    single = present & (first == last)
    inverted: bool | None = None
    if single.any():
        wanted = 1 - np.arange(count)[single] % 2
        same = float((levels[first[single]] == wanted).mean())
        inverted = True if same < 0.2 else False if same > 0.8 else None
    return SyncMatch(line.name, earliest, latest, present, rate, inverted, scale)


def nearest(times: FloatArray, wanted: FloatArray) -> tuple[IntArray, FloatArray]:
    """Index of the value in ascending ``times`` that is nearest to each wanted, and how far."""
    right = np.clip(np.searchsorted(times, wanted), 1, times.size - 1)
    left = np.maximum(right - 1, 0)
    index = np.where(wanted - times[left] <= times[right] - wanted, left, right)
    return index, np.abs(times[index] - wanted)


def _scales(times: FloatArray, pattern: _Pattern) -> tuple[float, ...]:
    """The rates that most distances between neighbours agree on, as if the sample rate was wrong.

    Each distance of the recording over each of the pattern votes for a rate, in steps of 0.2 %.
    """
    distances = np.diff(times[:_MOST_SCALED])
    distances = distances[distances > 0]
    wanted = np.concatenate([np.diff(pattern.middle[group]) for group in pattern.groups])
    if not distances.size or not wanted.size:
        return ()
    ratios = (np.log(distances)[:, None] - np.log(wanted)[None, :]) / 0.002
    votes = np.rint(ratios[np.abs(ratios) < 2500]).astype(np.int64).ravel()
    if not votes.size:
        return ()
    counts = np.bincount(votes + 2500)
    counts = counts + np.roll(counts, 1)
    best = np.argsort(-counts, kind="stable")[:_SCALES]
    fine: list[float] = []
    for vote in best:
        near = ratios[(ratios >= vote - 2500 - 1.5) & (ratios <= vote - 2500 + 0.5)]
        if near.size >= FEWEST // 2:
            fine.append(float(np.exp(np.median(near) * 0.002)))
    return tuple(fine)
