"""What an instrument or a board can do wrong, each put into a world by itself, its size drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from hil.model.captures import IntArray
from hil.model.edges import EdgeLine, LostInterval
from tools.edges.worlds import World, replace_recording, with_host
from tools.synthetic_captures import FloatArray

Random = np.random.Generator


@dataclass(frozen=True)
class Fault:
    """A way to spoil a world, and the kinds of findings of which one must be said."""

    put: Callable[[World, Random], World]
    kinds: frozenset[str]


def nothing(world: World, _: Random) -> World:
    return world


def map_lines(world: World, change: Callable[[EdgeLine], EdgeLine]) -> World:
    """The recording with every line changed."""
    lines = tuple(change(line) for line in world.recording.lines)
    return replace_recording(world, replace(world.recording, lines=lines))


def map_time(world: World, warp: Callable[[FloatArray], FloatArray]) -> World:
    """The instrument's time changed: ``warp`` takes and gives us since the recording's start."""
    recording = world.recording

    def moved(times: IntArray) -> IntArray:
        shifted = warp((times - recording.start_ns) / 1000.0)
        return recording.start_ns + np.rint(shifted * 1000.0).astype(np.int64)

    lines = tuple(
        EdgeLine(line.name, moved(line.times_ns), line.levels, line.initial)
        for line in recording.lines
    )
    none = np.empty(0, np.int64)
    own = moved(recording.own_ns) if recording.own_ns.size else none
    end = int(moved(np.array([recording.end_ns]))[0])
    changed = replace(recording, lines=lines, own_ns=own, board_us=none, seen_ns=none, end_ns=end)
    result = replace_recording(world, changed)
    result.rate_is_known = False
    return result


def some_line(world: World, rng: Random, *, task: bool = True) -> str:
    names = [line.name for line in world.recording.lines]
    if task:
        names = [name for name in names if name.startswith("task")]
    return str(rng.choice(names))


def window(world: World) -> tuple[float, float]:
    """First and last stamp, us of the recording."""
    tracks = world.capture.tracks
    ends = np.array(
        [min(t.stamps_us[0] for t in tracks), max(t.stamps_us[-1] for t in tracks)], np.float64
    )
    shift = (world.drawn.start_ns - world.recording.start_ns) / 1000.0
    first, last = world.instrument_us(ends) + shift
    return float(first), float(last)


def edit(world: World, name: str, change: Callable[[EdgeLine], EdgeLine]) -> World:
    """One line changed."""
    return map_lines(world, lambda line: change(line) if line.name == name else line)


def without(line: EdgeLine, gone: IntArray) -> EdgeLine:
    return EdgeLine(line.name, np.delete(line.times_ns, gone), np.delete(line.levels, gone))


def with_more(line: EdgeLine, times: IntArray, levels: IntArray) -> EdgeLine:
    all_times = np.concatenate((line.times_ns, times))
    order = np.argsort(all_times, kind="stable")
    return EdgeLine(line.name, all_times[order], np.concatenate((line.levels, levels))[order])


def lost_edges(world: World, rng: Random) -> World:
    share = float(np.exp(rng.uniform(np.log(0.002), np.log(0.1))))

    def change(line: EdgeLine) -> EdgeLine:
        gone = np.flatnonzero(rng.random(line.times_ns.size) < share)
        return without(line, gone)

    return (
        map_lines(world, change)
        if rng.random() < 0.5
        else edit(world, some_line(world, rng), change)
    )


def lost_pairs(world: World, rng: Random) -> World:
    count = int(rng.integers(1, 6))

    def change(line: EdgeLine) -> EdgeLine:
        if line.times_ns.size < 4 * count:
            return line
        first = rng.choice(line.times_ns.size - 2, count, replace=False)
        return without(line, np.unique(np.concatenate((first, first + 1))))

    return edit(world, some_line(world, rng), change)


def duplicates(world: World, rng: Random) -> World:
    share = float(np.exp(rng.uniform(np.log(0.002), np.log(0.1))))
    least = world.recording.resolution_ns

    def change(line: EdgeLine) -> EdgeLine:
        chosen = np.flatnonzero(rng.random(line.times_ns.size) < share)
        later = rng.uniform(least, max(4000.0, 3 * least), chosen.size)
        return with_more(line, line.times_ns[chosen] + later.astype(np.int64), line.levels[chosen])

    return map_lines(world, change)


def time_steps(world: World, rng: Random) -> World:
    count = int(rng.choice([1, 1, 2, 5, 20, 100]))
    first, last = window(world)
    at = np.sort(rng.uniform(first, last, count))
    return map_time(world, lambda t: t + 8.0 * np.searchsorted(at, t))


def late_edges(world: World, rng: Random) -> World:
    share = float(np.exp(rng.uniform(np.log(0.002), np.log(0.05))))

    def change(line: EdgeLine) -> EdgeLine:
        late = rng.random(line.times_ns.size) < share
        return EdgeLine(line.name, line.times_ns + np.where(late, 8000, 0), line.levels)

    return map_lines(world, change)


def phantom_pulses(world: World, rng: Random) -> World:
    """A pulse of 8 us behind some edges, or 8 us behind them."""
    share = float(np.exp(rng.uniform(np.log(0.002), np.log(0.05))))
    gap = int(rng.choice([8000, 0]))

    def change(line: EdgeLine) -> EdgeLine:
        chosen = np.flatnonzero(rng.random(line.times_ns.size) < share)
        start = line.times_ns[chosen] + gap + (8000 if not gap else 0)
        times = np.concatenate((start, start + 8000))
        levels = np.concatenate((1 - line.levels[chosen], line.levels[chosen]))
        return with_more(line, times, levels)

    return map_lines(world, change)


def glitches(world: World, rng: Random) -> World:
    count = int(rng.choice([1, 3, 10, 100]))
    name = some_line(world, rng, task=False)
    by_edges = rng.random() < 0.4

    def change(line: EdgeLine) -> EdgeLine:
        if by_edges:
            at = rng.choice(line.times_ns, min(count, line.times_ns.size), replace=False)
            at = at + rng.uniform(-6000, 6000, at.size).astype(np.int64)
        else:
            at = rng.integers(line.times_ns[0], line.times_ns[-1], count)
        width = np.exp(rng.uniform(np.log(20), np.log(3000), at.size)).astype(np.int64)
        before = np.searchsorted(line.times_ns, at, side="right") - 1
        level = np.where(before >= 0, line.levels[before], 1 - line.levels[0])
        return with_more(line, np.concatenate((at, at + width)), np.concatenate((1 - level, level)))

    return edit(world, name, change)


def swapped(world: World, rng: Random) -> World:
    names = [line.name for line in world.recording.lines]
    if len(names) < 2:
        return replace_recording(
            world, replace(world.recording, lines=(replace(world.recording.lines[0], name="loop"),))
        )
    first, second = (str(name) for name in rng.choice(names, 2, replace=False))
    other = {first: second, second: first}
    return map_lines(world, lambda line: replace(line, name=other.get(line.name, line.name)))


def inverted(world: World, rng: Random) -> World:
    name = some_line(world, rng, task=False)
    return edit(world, name, lambda line: replace(line, levels=1 - line.levels))


def dead(world: World, rng: Random) -> World:
    name = some_line(world, rng)
    none = np.empty(0, np.int64)
    share = float(rng.choice([0.0, 0.5, 0.9]))

    def change(line: EdgeLine) -> EdgeLine:
        if not share:
            return EdgeLine(line.name, none, none)
        count = int(share * line.times_ns.size)
        return EdgeLine(line.name, line.times_ns[:count], line.levels[:count])

    return edit(world, name, change)


def wrong_rate(world: World, rng: Random) -> World:
    factor = float(rng.choice([0.5, 2.0, 0.96, 1.25, 1.01, 0.999, 1.002, 1.0008, 1.024]))
    changed = map_time(world, lambda t: t * factor)
    if rng.random() < 0.5 and not changed.recording.host_ns.size:
        sync = world.capture.sync
        assert sync is not None
        ends = float(sync.before_us[0]), float(sync.after_us[-1])
        honest = with_host(world, world.recording, rng, *ends)
        scaled = (honest.own_ns - world.recording.start_ns) * factor
        own = world.recording.start_ns + np.rint(scaled).astype(np.int64)
        changed = replace_recording(
            changed, replace(changed.recording, host_ns=honest.host_ns, own_ns=own)
        )
    return changed


def gap(world: World, rng: Random, *, said: bool = True) -> World:
    first, last = window(world)
    start = rng.uniform(first - 50_000.0, last)
    length = float(np.exp(rng.uniform(np.log(3e3), np.log(0.3 * (last - first)))))
    base = world.recording.start_ns
    ends = base + int(start * 1000), base + int((start + length) * 1000)

    def change(line: EdgeLine) -> EdgeLine:
        gone = np.flatnonzero((line.times_ns >= ends[0]) & (line.times_ns <= ends[1]))
        return without(line, gone)

    changed = map_lines(world, change)
    if said:
        lost = (LostInterval(*ends, "its buffer was full"),)
        changed = replace_recording(changed, replace(changed.recording, lost=lost))
    return changed


def gap_not_said(world: World, rng: Random) -> World:
    return gap(world, rng, said=False)


def dropped_samples(world: World, rng: Random) -> World:
    first, last = window(world)
    at = rng.uniform(first, last)
    length = float(np.exp(rng.uniform(np.log(20.0), np.log(50_000.0))))
    base = world.recording.start_ns

    def change(line: EdgeLine) -> EdgeLine:
        own = (line.times_ns - base) / 1000.0
        return without(line, np.flatnonzero((own >= at) & (own <= at + length)))

    changed = map_lines(world, change)
    return map_time(changed, lambda t: np.where(t > at, np.maximum(t - length, at), t))


def sample_jitter(world: World, rng: Random) -> World:
    sigma = float(np.exp(rng.uniform(np.log(0.05), np.log(20.0))))

    def change(line: EdgeLine) -> EdgeLine:
        noise = np.rint(rng.normal(0.0, sigma * 1000.0, line.times_ns.size)).astype(np.int64)
        order = np.argsort(line.times_ns + noise, kind="stable")
        return EdgeLine(line.name, (line.times_ns + noise)[order], line.levels)

    return map_lines(world, change)


def board_missed(world: World, rng: Random) -> World:
    """The board stamps and does not switch: the edge is not there, and levels go on from it."""
    name = some_line(world, rng)
    pin = world.pins[name]
    candidates = np.flatnonzero(pin.stamp >= 0)[2:-2]
    gone = np.sort(rng.choice(candidates, int(rng.integers(1, 4)), replace=False))
    missing = set(gone.tolist())
    stays = np.array([i for i in range(pin.times_us.size) if i not in missing])
    flips = np.searchsorted(gone, stays)
    levels = (pin.levels[stays] + flips) % 2
    pins = dict(world.pins)
    pins[name] = replace(pin, times_us=pin.times_us[stays], levels=levels, stamp=pin.stamp[stays])
    line = next(line for line in world.recording.lines if line.name == name)
    changed = edit(world, name, lambda _: EdgeLine(name, line.times_ns[stays], levels))
    return World(world.drawn, world.capture, pins, changed.recording)


def stamp_lost(world: World, rng: Random) -> World:
    """The board switches and has no stamp of it."""
    index = int(rng.integers(0, len(world.capture.tracks)))
    track = world.capture.tracks[index]
    gone = rng.choice(
        np.arange(2, track.stamps_us.size - 2), int(rng.integers(1, 4)), replace=False
    )
    tracks = list(world.capture.tracks)
    tracks[index] = replace(track, stamps_us=np.delete(track.stamps_us, gone))
    pins = dict(world.pins)
    name = f"task{track.index}"
    pin = pins[name]
    number = np.full(track.stamps_us.size, -1)
    stays = np.setdiff1d(np.arange(track.stamps_us.size), gone)
    number[stays] = np.arange(stays.size)
    pins[name] = replace(pin, stamp=np.where(pin.stamp >= 0, number[pin.stamp], -1))
    capture = replace(world.capture, tracks=tuple(tracks))
    return World(world.drawn, capture, pins, world.recording)


def undriven(world: World, rng: Random) -> World:
    at = np.sort(rng.integers(world.recording.start_ns, world.recording.end_ns, 50))
    line = EdgeLine(str(rng.choice(["task7", "loop", "response"])), at, np.arange(50) % 2)
    lines = (*world.recording.lines, line)
    return replace_recording(world, replace(world.recording, lines=lines))


def truncated(world: World, rng: Random) -> World:
    """It began late, or stopped early, and says nothing."""
    first, last = window(world)
    base = world.recording.start_ns
    share = float(rng.uniform(0.05, 0.6))
    late = rng.random() < 0.5
    limit = base + int(1000 * (first + (last - first) * (share if late else 1 - share)))

    def change(line: EdgeLine) -> EdgeLine:
        stays = line.times_ns >= limit if late else line.times_ns <= limit
        return EdgeLine(line.name, line.times_ns[stays], line.levels[stays])

    return map_lines(world, change)


def rate_changes(world: World, rng: Random) -> World:
    first, last = window(world)
    at = rng.uniform(first, last)
    change = float(rng.choice([-1, 1]) * np.exp(rng.uniform(np.log(1.0), np.log(200.0)))) * 1e-6
    return map_time(world, lambda t: t + np.maximum(t - at, 0.0) * change)


def wanders(world: World, rng: Random) -> World:
    first, last = window(world)
    size = float(np.exp(rng.uniform(np.log(0.2), np.log(100.0))))
    turns = float(rng.uniform(0.7, 4.0))
    return map_time(
        world, lambda t: t + size * np.sin(2 * np.pi * turns * (t - first) / (last - first))
    )


def backwards(world: World, rng: Random) -> World:
    name = some_line(world, rng)

    def change(line: EdgeLine) -> EdgeLine:
        at = int(rng.integers(line.times_ns.size // 4, line.times_ns.size // 2))
        times = line.times_ns.copy()
        times[at:] -= int(rng.integers(10_000_000, 30_000_000))
        return EdgeLine(line.name, times, line.levels)

    return edit(world, name, change)


def crosstalk(world: World, rng: Random) -> World:
    names = [line.name for line in world.recording.lines]
    if len(names) < 2:
        return glitches(world, rng)
    source, target = rng.choice(names, 2, replace=False)
    other = next(line for line in world.recording.lines if line.name == source)
    width = int(rng.integers(30, 400))

    def change(line: EdgeLine) -> EdgeLine:
        level = line.levels[np.searchsorted(line.times_ns, other.times_ns, side="right") - 1]
        times = np.concatenate((other.times_ns + 1, other.times_ns + 1 + width))
        return with_more(line, times, np.concatenate((1 - level, level)))

    return edit(world, str(target), change)


def no_sync(world: World, rng: Random) -> World:
    """Nothing but the task edges, and some of them lost in half of the worlds."""
    none = np.empty(0, np.int64)
    changed = replace_recording(world, replace(world.recording, board_us=none, seen_ns=none))
    if rng.random() < 0.5:
        changed = lost_edges(changed, rng)
    capture = replace(world.capture, sync=None)
    return World(changed.drawn, capture, changed.pins, changed.recording)


def kinds(*names: str) -> frozenset[str]:
    return frozenset(names)


TIME = kinds("step", "rate", "scatter", "outlier", "lost", "sync")
FAULTS: Mapping[str, Fault] = {
    "nothing": Fault(nothing, kinds()),
    "no sync pattern": Fault(no_sync, kinds("lost", "dead", "outlier")),
    "edges lost": Fault(lost_edges, kinds("lost", "dead", "outlier", "sync")),
    "two edges in a row lost": Fault(lost_pairs, kinds("lost", "sync", "outlier")),
    "edges doubled": Fault(duplicates, kinds("duplicate", "glitch", "sync")),
    "steps of +8 us": Fault(time_steps, TIME),
    "single edges 8 us late": Fault(late_edges, TIME),
    "pulses of 8 us": Fault(phantom_pulses, kinds("glitch", "sync", "outlier")),
    "glitches": Fault(glitches, kinds("glitch", "sync", "outlier", "duplicate")),
    "channels swapped": Fault(swapped, kinds("swapped", "outlier", "undriven", "dead")),
    "channel inverted": Fault(inverted, kinds("inverted")),
    "channel dead": Fault(dead, kinds("dead", "outlier", "lost")),
    "sample rate wrong": Fault(wrong_rate, kinds("rate")),
    "gap, said": Fault(gap, kinds("gap")),
    "gap, not said": Fault(gap_not_said, kinds("lost", "outlier", "sync", "dead")),
    "samples dropped": Fault(dropped_samples, TIME),
    "sample clock jitters": Fault(sample_jitter, TIME | kinds("glitch", "order")),
    "board did not switch": Fault(board_missed, kinds("board missed", "lost", "outlier")),
    "board did not stamp": Fault(stamp_lost, kinds("extra", "glitch", "outlier")),
    "edges on an undriven line": Fault(undriven, kinds("undriven")),
    "began late or ended early": Fault(truncated, kinds("sync", "lost", "dead", "outlier")),
    "rate changes": Fault(rate_changes, TIME),
    "time wanders": Fault(wanders, TIME),
    "times run backwards": Fault(backwards, kinds("order")),
    "crosstalk": Fault(crosstalk, kinds("glitch", "sync", "outlier", "duplicate")),
}
