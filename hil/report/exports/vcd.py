"""VCD of the pins' edges, for GTKWave, PulseView and sigrok.

A scope per board, technique and load; in it, per task, a wire that toggles at each activation, one
that toggles at each release of the ideal grid, and, where stamps are missing, one that is high over
the stretch; and the same for the edges of a pin that an instrument saw, in board time. Where a case
has several windows a wire is high in each. All cases begin at the same time, so that techniques can
be laid beside each other. The unit is 1 us, or 1 ns in a file with edges.
A wire's name says its technique and load too: sigrok does not show scopes.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil import __version__
from hil.analysis.edge_tracks import all_edge_tracks
from hil.model.printable import unicode_text
from hil.report.exports.export_format import require_package
from hil.report.exports.stamp_table import (
    case_windows_us,
    lost_after_last,
    release_times_us,
    trace_begin_us,
    trace_lead_us,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

    from hil.model.captures import Capture, IntArray, StampArray, Track

_AT_ONCE = 1 << 18
_BYTES_PER_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Wire:
    """Where one wire of a scope changes; ``times_us`` (n,) from the beginning of the file.

    int64, or float64 for edges that an instrument saw.
    """

    scope: tuple[str, str, str]
    name: str
    times_us: StampArray

    @property
    def of_edges(self) -> bool:
        """Whether its times are finer than microseconds."""
        return self.times_us.dtype.kind == "f"

    def times(self, per_us: int) -> IntArray:
        """Its times in whole parts of a microsecond."""
        whole = np.rint(self.times_us * per_us) if self.of_edges else self.times_us * per_us
        return whole.astype(np.int64, copy=False)


def write_vcd(path: Path, source: Iterable[Capture]) -> int:
    """Write the file; how many edges of pins are in it.

    Memory: 8 bytes a stamp and release. Two activations in one microsecond are two changes at one
    time. Raises :class:`~hil.model.errors.HilError` as ``source`` does.
    """
    library = require_package("vcd", "pyvcd", "vcd")
    names = Identifiers()
    wires: list[Wire] = []
    about: list[dict[str, Any]] = []
    edges = 0
    for capture in source:
        own = list(_wires(capture, names))
        about.append(_about(capture, own[0].scope))
        wires += own
        edges += sum(len(track.stamps_us) for track in capture.tracks)
    fine = any(wire.of_edges for wire in wires)
    times = [wire.times(1000 if fine else 1) for wire in wires]
    timescale = "1 ns" if fine else "1 us"
    with path.open("w", 1 << 16, encoding="utf-8") as file:
        version, comment = f"hil {__version__}", _comment(about)
        writer = library.VCDWriter(
            file, timescale=timescale, date="", version=version, comment=comment
        )
        with writer:
            first = int(len({wire.scope[0] for wire in wires}) < 2)
            variables = [
                writer.register_var(
                    w.scope, "_".join((*w.scope[first:], w.name)), "wire", 1, init=0
                )
                for w in wires
            ]
            levels = [0] * len(wires)
            for time, which in _merged(times):
                levels[which] ^= 1
                writer.change(variables[which], time, levels[which])
            ends = [int(own[-1]) for own in times if len(own)]
            writer.close(max(ends, default=0) + 1)  # readers leave out what is at the very end
    return edges


def _wire_name(track: Track) -> str:
    return track.name or f"task{track.index}"


def _wires(capture: Capture, names: Identifiers) -> Iterator[Wire]:
    plan = capture.plan
    scope = (names.of(capture.board.name), names.of(plan.technique), names.of(plan.load))
    base = trace_begin_us(capture, trace_lead_us(capture))
    for track in capture.tracks:
        yield Wire(scope, f"{_wire_name(track)}", track.stamps_us - base)
        yield Wire(scope, f"{_wire_name(track)}_grid", release_times_us(track) - base)
        lost = _lost(track)
        if len(lost):
            yield Wire(scope, f"{_wire_name(track)}_lost", lost - base)
    for track in all_edge_tracks(capture):
        name = f"{_wire_name(track)}_by_{names.of(track.source)}"
        yield Wire(scope, name, track.stamps_us - base)
        lost = _lost(track)
        if len(lost):
            yield Wire(scope, f"{name}_lost", lost - base)
    windows = case_windows_us(capture)
    if len(windows) > 1:
        yield Wire(scope, "window", np.array(windows, np.int64).reshape(-1) - base)


def _lost(track: Track) -> IntArray:
    """Begin and end of every stretch in which stamps are missing, in turn; int64."""
    stamps, times = track.stamps_us, []
    positions = sorted({gap.position for gap in track.gaps if gap.count})
    for position in positions:
        if position < len(stamps):
            end = int(stamps[position])
            times += [int(stamps[position - 1]) if position else min(track.origin_us, end), end]
    if lost_after_last(track):
        last = int(stamps[-1]) if len(stamps) else track.origin_us
        times += [last, max(last, track.end_us)]
    return np.array(times, np.int64)


def _about(capture: Capture, scope: tuple[str, str, str]) -> dict[str, Any]:
    """What the names in the file stand for, and where its time zero lies on the board's clock."""
    return {
        "scope": ".".join(scope),
        "of": [unicode_text(text) for text in capture.case],
        "zero_us": trace_begin_us(capture, trace_lead_us(capture)),
    }


def _comment(about: Sequence[dict[str, Any]]) -> str:
    """One line of JSON a scope; ASCII, and no ``$``, which would end the comment."""
    lines = [json.dumps(scope, ensure_ascii=True).replace("$", "\\u0024") for scope in about]
    return "\n".join(["a wire toggles at each activation", *lines])


def _merged(tracks: Sequence[IntArray]) -> Iterator[tuple[int, int]]:
    """(time, which track) over all sorted ``tracks`` in the order of time, a piece at a time."""
    done = [0] * len(tracks)
    total = sum(len(times) for times in tracks)
    while sum(done) < total:
        share = max(1, _AT_ONCE // len(tracks))
        until = min(
            int(times[min(at + share, len(times)) - 1])
            for times, at in zip(tracks, done, strict=True)
            if at < len(times)
        )
        parts: list[IntArray] = []
        which: list[NDArray[np.int32]] = []
        for index, times in enumerate(tracks):
            end = int(np.searchsorted(times, until, side="right"))
            parts.append(times[done[index] : end])
            which.append(np.full(end - done[index], index, np.int32))
            done[index] = end
        piece, owners = np.concatenate(parts), np.concatenate(which)
        order = np.argsort(piece, kind="stable")
        yield from zip(piece[order].tolist(), owners[order].tolist(), strict=True)


_LONGEST = 60


class Identifiers:
    """Names reduced to letters, digits and ``_``, each one given once."""

    def __init__(self) -> None:
        self._given: dict[str, str] = {}
        self._taken: set[str] = set()

    def of(self, text: str) -> str:
        """The identifier of ``text``, the same one every time."""
        if text not in self._given:
            stem = re.sub(r"[^A-Za-z0-9_]+", "_", text)[:_LONGEST] or "_"
            name, count = stem, 1
            while name in self._taken:
                count += 1
                name = f"{stem}_{count}"
            self._given[text] = name
            self._taken.add(name)
        return self._given[text]
