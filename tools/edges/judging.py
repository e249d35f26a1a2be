"""One case: a world, a fault, the alignment, and whether anything wrong went unsaid."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hil.analysis.edge_alignment import Alignment, LineMatch, align
from hil.model.captures import IntArray
from tools.edges.faults import FAULTS
from tools.edges.worlds import World, build

NANOSECOND_US = 2e-3


@dataclass
class Case:
    """``wrong``: what is beyond its bounds; ``silent``: and no finding of the fault's kinds."""

    seed: int
    fault: str
    verdict: str
    kinds: tuple[str, ...]
    wrong: list[str] = field(default_factory=list)
    silent: bool = False
    alignment: Alignment | None = None
    world: World | None = None

    @property
    def said(self) -> bool:
        """Whether the fault was named by one of its kinds."""
        return bool(set(self.kinds) & FAULTS[self.fault].kinds)


def run(seed: int, fault: str | None = None) -> Case:
    """The case of a seed; the fault goes by the seed where it is not given."""
    names = list(FAULTS)
    name = fault or names[seed % len(names)]
    rng = np.random.default_rng((seed, 1))
    world = FAULTS[name].put(build(seed), rng)
    alignment = align(world.recording, world.capture)
    kinds = tuple(sorted({finding.kind for finding in alignment.findings}))
    case = Case(seed, name, alignment.verdict, kinds, alignment=alignment, world=world)
    if alignment.verdict != "aligned":
        return case
    for track in world.capture.tracks:
        match = alignment.line(f"task{track.index}")
        if match is None or not match.valid:
            continue
        case.wrong += _wrong(world, alignment, match, track.stamps_us)
    case.silent = bool(case.wrong) and not case.said
    return case


def _wrong(world: World, alignment: Alignment, match: LineMatch, stamps_us: IntArray) -> list[str]:
    """What of this line is beyond its bounds, in words."""
    line = world.recording.line(match.name)
    pin = world.pins[match.name]
    assert line is not None
    times = line.times_ns[match.edges]
    trusted = ~_in_lost(times, alignment)
    wrong = []
    truth = np.full(stamps_us.size, np.nan)
    own = pin.stamp >= 0
    truth[pin.stamp[own]] = pin.times_us[own]
    paired = (match.stamps >= 0) & trusted
    stamp = match.stamps[paired]
    error = alignment.board_us(times[paired]) - truth[stamp]
    half = world.drawn.resolution_ns / 2000.0 + NANOSECOND_US
    low = -(alignment.offset_hi_us - alignment.offset_us) - half
    high = -(alignment.offset_lo_us - alignment.offset_us) + half
    unseen = alignment.unseen_us
    if world.capture.sync is None:
        seen = (times[paired] - world.drawn.start_ns) / 1000.0
        others = np.abs(seen - world.instrument_us(truth[stamp])) > 1000.0
        if others.any():
            wrong.append(f"{match.name}: {int(others.sum())} stamps have another's edge")
    if np.isnan(error).any():
        wrong.append(f"{match.name}: {int(np.isnan(error).sum())} stamps without an edge have one")
    chance = 4.0 * alignment.scatter_us / np.sqrt(max(1, error.size))
    if error.size and not low - chance <= np.nanmean(error) <= high + chance:
        wrong.append(f"{match.name}: the delay is off by {np.nanmean(error):.2f} us")
    outside = (error < low - unseen) | (error > high + unseen)
    if outside.any():
        worst = float(error[np.nanargmax(np.abs(error))])
        wrong.append(f"{match.name}: {int(outside.sum())} edges are off by up to {worst:.1f} us")
    together = np.diff(stamp) == 1
    change = np.diff(error)[together]
    period = np.diff(truth[stamp])[together]
    rate = max(alignment.ppm_hi - alignment.ppm, alignment.ppm - alignment.ppm_lo) * 1e-6
    spread = 2 * half + rate * float(np.nanmean(period)) if period.size else 0.0
    if change.size > 2:
        shown, true = (float(np.nanstd(values)) for values in (period + change, period))
        if abs(shown - true) > spread + np.sqrt(2.0) * alignment.scatter_us:
            wrong.append(f"{match.name}: sd of the period {shown:.3f} us, in truth {true:.3f}")
    beyond = np.abs(change) > 2 * half + rate * np.abs(period) + unseen
    if beyond.any():
        worst = float(np.nanmax(np.abs(change)))
        wrong.append(f"{match.name}: {int(beyond.sum())} periods are off by up to {worst:.1f} us")
    outside_rate = not alignment.ppm_lo <= world.drawn.rate * 1e6 <= alignment.ppm_hi
    if outside_rate and world.rate_is_known:
        wrong.append("the rate is outside its bounds")
    existing = np.flatnonzero(~np.isnan(truth))
    missing = np.setdiff1d(existing, match.stamps[match.stamps >= 0])
    expected = world.drawn.start_ns + np.rint(1000.0 * world.instrument_us(truth[missing])).astype(
        np.int64
    )
    unsaid = ~_in_lost(expected, alignment)
    if unsaid.any():
        wrong.append(f"{match.name}: {int(unsaid.sum())} activations look missed and were not")
    extra = times[(match.stamps < 0) & trusted]
    real = world.drawn.start_ns + 1000.0 * world.instrument_us(pin.times_us)
    far = [int(t) for t in extra if np.abs(real - t).min() > 2000.0 * half + 20_000.0]
    if far:
        wrong.append(f"{match.name}: {len(far)} edges look like activations and were none")
    return wrong


def _in_lost(times_ns: IntArray, alignment: Alignment) -> np.ndarray:
    inside = np.zeros(times_ns.size, np.bool_)
    for interval in alignment.lost:
        inside |= (times_ns >= interval.start_ns) & (times_ns <= interval.end_ns)
    return inside
