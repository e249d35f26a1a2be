"""A recording of a whole run, cut to what belongs to each of the run's windows."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.clock import instrument
from hil.analysis.sync_search import find_windows
from hil.experiments.edge_instruments import no_edges
from hil.model.edge_sources import EDGE_OPTION, map_channels
from hil.model.edges import EdgeLine, EdgeRecording, LostInterval
from hil.model.errors import CaptureError
from hil.recording.capture_file import list_captures
from hil.recording.capture_reader import read_meta
from hil.recording.edge_file import edge_path, write_edges
from hil.recording.edge_files.recorded_file import read_recorded_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hil.model.captures import Capture
    from hil.model.edge_sources import EdgeSourceSpec

MARGIN_NS = 5_000_000
"""What is kept of the recording in front of a window's first sync edge, and behind its last."""


def read_recordings(
    specs: Iterable[EdgeSourceSpec], fallback: Mapping[str, str]
) -> list[EdgeRecording]:
    """The recordings of a whole run; ``fallback`` is the wiring's line of each channel.

    Raises :class:`~hil.model.errors.CaptureError` for a file that can't be read, and
    :class:`~hil.model.errors.ConfigurationError` for channels that are not in it.
    """
    recordings = []
    for spec in specs:
        where = f"{EDGE_OPTION}={spec.text}"
        choose = partial(map_channels, where, lines=spec.lines, fallback=fallback)
        path = Path(spec.target)
        recordings.append(read_recorded_file(path, spec.name, choose, spec.rate_hz))
    return recordings


def with_recordings(
    captures: Iterable[Capture], recordings: Iterable[EdgeRecording]
) -> tuple[Capture, ...]:
    """The captures of a run, each with its part of every recording.

    An instrument of that name has no other edges then. Raises
    :class:`~hil.model.errors.CaptureError` where the run has no sync patterns.
    """
    given, recordings = tuple(captures), list(recordings)
    if recordings and all(capture.sync is None for capture in given):
        raise CaptureError(
            "the run has no sync patterns to find its windows by: measure it with "
            f"{EDGE_OPTION}=FILE, and record meanwhile"
        )
    names = [recording.instrument for recording in recordings]
    return tuple(
        replace(
            capture,
            edges=(
                *(seen for seen in capture.edges if seen.instrument not in names),
                *(window_of(recording, capture) for recording in recordings),
            ),
        )
        for capture in given
    )


def store_recordings(captures: Iterable[Capture], instruments: Sequence[str], folder: Path) -> None:
    """Write what these instruments saw beside the files of ``captures`` in ``folder``."""
    paths = {}
    for path in list_captures(folder):
        with contextlib.suppress(CaptureError):  # such a file has no capture either
            meta = read_meta(path)
            plan = meta.plan
            paths[meta.board.name, plan.technique, plan.load, plan.window] = path
    for capture in captures:
        path = paths[(*capture.case, capture.plan.window)]
        for part in capture.edges:
            if part.instrument in instruments:
                edge_path(path, part.instrument).unlink(missing_ok=True)
                write_edges(path, part)


def window_of(recording: EdgeRecording, capture: Capture) -> EdgeRecording:
    """What ``recording`` has of the capture's window; without lines, and with the reason, if that
    is not there, or not once only."""
    if capture.sync is None:
        return no_edges(recording.instrument, "the board made no sync pattern in this window")
    matches = find_windows(recording, capture.sync, instrument(capture).tick_us)
    if not matches:
        return no_edges(
            recording.instrument,
            "the window is not in the recording: its sync pattern is nowhere on the lines "
            f"{', '.join(line.name for line in recording.lines)}",
        )
    if len(matches) > 1:
        return no_edges(
            recording.instrument,
            f"the window's sync pattern fits at {len(matches)} positions of the recording",
        )
    (match,) = matches
    # the side behind the window may be missing, of the board's pattern or of the recording
    last_us = max((track.end_us for track in capture.tracks), default=0)
    span_us = max(last_us, int(capture.sync.after_us[-1])) - int(capture.sync.before_us[0])
    end_ns = max(match.end_ns, match.start_ns + round(1000 * span_us * match.scale))
    return cut_recording(recording, match.start_ns - MARGIN_NS, end_ns + MARGIN_NS)


def cut_recording(recording: EdgeRecording, start_ns: int, end_ns: int) -> EdgeRecording:
    """The part of ``recording`` from ``start_ns`` to ``end_ns``, as far as it goes."""
    start_ns, end_ns = max(start_ns, recording.start_ns), min(end_ns, recording.end_ns)
    lines = []
    for line in recording.lines:
        first, last = np.searchsorted(line.times_ns, [start_ns, end_ns + 1]).tolist()
        initial = int(line.levels[first - 1]) if first else line.initial
        part = slice(first, last)
        lines.append(EdgeLine(line.name, line.times_ns[part], line.levels[part], initial))
    lost = (
        LostInterval(max(i.start_ns, start_ns), min(i.end_ns, end_ns), i.reason)
        for i in recording.lost
        if i.start_ns <= end_ns and i.end_ns >= start_ns
    )
    return replace(
        recording, lines=tuple(lines), start_ns=start_ns, end_ns=end_ns, lost=tuple(lost)
    )
