"""The stored stamps of a run, case by case, for the formats that hold activations.

Only captures that give figures are exported; of one that was cut, what came before. Stamps are
never made up: what the recorder dropped or the wire lost is counted beside those that are there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hil.analysis.activations import Activations, FloatArray
from hil.errors import CaptureError, HilError, NewerSchemaError
from hil.plan import CALIBRATE
from hil.records import Capture, IntArray, Track
from hil.report.cut import cut_short
from hil.store import list_captures, read_capture
from hil.stored_run import captures_folder
from hil.void import refuse_void

ROWS_AT_ONCE = 1 << 17


@dataclass(frozen=True, slots=True)
class Rows:
    """Activations of one task in their order; every array has the shape (n,).

    ``k`` int64, the release that each answers; ``intended_us`` float64 and ``stamp_us`` int64, both
    on the board's unwrapped clock; ``lateness_us`` float64, the raw difference (the figures have
    the cost of reading the clock taken off); ``lost_before`` int64, stamps that the wire lost
    between this one and the one before.
    """

    k: IntArray
    intended_us: FloatArray
    stamp_us: IntArray
    lateness_us: FloatArray
    lost_before: IntArray

    @property
    def n(self) -> int:
        """How many."""
        return len(self.k)


class StampSource:
    """Reads the captures of a run's folder one at a time; ``left_out`` says which ones and why."""

    def __init__(self, folder: Path) -> None:
        self._folder = captures_folder(folder)
        self.left_out: list[str] = []

    def __iter__(self) -> Iterator[Capture]:
        """Every capture with activations; ``CaptureError`` if no file could be read at all."""
        self.left_out.clear()
        files = list_captures(self._folder)
        seen: set[tuple[str, str, str]] = set()
        read = 0
        for file in files:
            try:
                capture = read_capture(file)
            except NewerSchemaError:
                raise
            except CaptureError as error:
                self.left_out.append(str(error))
                continue
            read += 1
            plan = capture.plan
            key = (capture.board.name, plan.technique, plan.load)
            if plan.technique == CALIBRATE:
                continue
            if key in seen:
                raise CaptureError(f"two captures of {' '.join(key)} in one run")
            seen.add(key)
            sound = self._sound(capture, key)
            del capture
            if sound is not None and sound.tracks:
                yield sound
        if not read:
            raise CaptureError(f"{self._folder} holds no capture that can be read")

    def _sound(self, capture: Capture, key: tuple[str, str, str]) -> Capture | None:
        try:
            refuse_void(capture)
        except HilError as error:
            board, technique, load = key
            rest = cut_short(capture)
            outcome = "left out" if rest is None else "only as far as it goes"
            self.left_out.append(f"{technique}, {load}, board {board}: {outcome}: {error}")
            return rest
        return capture


def rows_of(track: Track, activations: Activations, at_once: int = ROWS_AT_ONCE) -> Iterator[Rows]:
    """The ``activations`` of ``track``, at most ``at_once`` at a time."""
    for at in range(0, activations.n, at_once):
        end = min(at + at_once, activations.n)
        releases = activations.releases(at, end)
        grid: FloatArray = releases * activations.period_us
        yield Rows(
            k=releases.astype(np.int64),
            intended_us=track.origin_us + grid,
            stamp_us=track.stamps_us[at:end],
            lateness_us=activations.times(at, end) - grid,
            lost_before=lost_before(track, at, end - at),
        )


def lost_before(track: Track, first: int, count: int) -> IntArray:
    """How many stamps the wire lost right before each of ``count`` stamps from ``first`` on."""
    lost = np.zeros(count, np.int64)
    for gap in track.gaps:
        if first <= gap.position < first + count:
            lost[gap.position - first] += gap.count
    return lost


def lost_behind(track: Track) -> int:
    """Stamps that the wire lost or the recorder dropped after the last one that is known."""
    n = len(track.stamps_us)
    return track.dropped + sum(gap.count for gap in track.gaps if gap.position >= n)


def base_us(capture: Capture, lead_us: int) -> int:
    """The board time at which a trace of ``capture`` begins: ``lead_us`` before its window.

    Earlier where a stamp is; so a trace has no negative times and no edge at its very beginning.
    """
    starts = [track.origin_us - lead_us for track in capture.tracks]
    firsts = [int(t.stamps_us[0]) - 1 for t in capture.tracks if len(t.stamps_us)]
    return min(starts + firsts)


def lead_us(capture: Capture) -> int:
    """The longest period, in whole microseconds: how long a trace runs before the first release."""
    return max(int(np.ceil(track.period_us)) for track in capture.tracks)


def grid_us(track: Track) -> IntArray:
    """Every release in the window, on the board's clock, rounded to microseconds; int64."""
    last = int((track.end_us - track.origin_us) // track.period_us)
    grid: IntArray = np.rint(np.arange(last + 1) * track.period_us).astype(np.int64)
    return grid + track.origin_us
