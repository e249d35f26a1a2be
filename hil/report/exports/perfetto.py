"""A Perfetto trace, for https://ui.perfetto.dev and its trace processor.

A process per board; in it a track per technique and load with the window and the load as slices,
and below it per task a track of activations (instants) and a counter of their lateness; the same by
each instrument that saw the pins. All cases
begin at the same time. The format: ``protos/perfetto/trace/track_event`` of the Perfetto project.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.analysis.activations import activations_of
from hil.analysis.edge_tracks import all_edge_tracks
from hil.model.captures import BOARD_SOURCE
from hil.model.printable import escaped_line
from hil.report.exports.export_format import require_package
from hil.report.exports.stamp_table import (
    case_windows_us,
    lost_after_last,
    stamp_rows,
    trace_begin_us,
    trace_lead_us,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import Any, BinaryIO

    from hil.analysis.activations import Activations
    from hil.model.captures import Capture

_AT_ONCE = 4096
_ACTIVATION = 1
_K, _INTENDED, _LATENESS, _LOST = 1, 2, 3, 4
_ANNOTATIONS = {_K: "k", _INTENDED: "intended_us", _LATENESS: "lateness_us", _LOST: "lost_before"}


def write_perfetto(path: Path, source: Iterable[Capture]) -> int:
    """Write the trace; how many activations are in it. Memory: one capture and its analysis.

    ``intended_us`` of an activation is on the board's clock; the argument ``zero_us`` of the
    window's slice says where the trace's time zero lies on it.
    """
    schema = require_package(
        "perfetto.protos.perfetto.trace.perfetto_trace_pb2", "perfetto", "perfetto"
    )
    with path.open("wb") as file:
        writer = _Writer(schema, file)
        for capture in source:
            writer.add(capture)
        writer.flush()
        return writer.activations


class _Writer:
    """Packets as they come; a trace is the concatenation of traces."""

    def __init__(self, schema: Any, file: BinaryIO) -> None:
        self.activations = 0
        self._schema = schema
        self._event = schema.TrackEvent
        self._file = file
        self._trace = schema.Trace()
        self._boards: dict[str, int] = {}
        self._uuid = 0
        self._sequence = 0

    def flush(self) -> None:
        """Write what is held."""
        self._file.write(self._trace.SerializeToString())
        self._trace = self._schema.Trace()

    def add(self, capture: Capture) -> None:
        """All packets of one case, on a packet sequence of its own."""
        plan = capture.plan
        self._sequence += 1
        board = self._board(capture.board.name)
        case = self._track(f"{plan.technique}, {plan.load}", board)
        base = trace_begin_us(capture, trace_lead_us(capture))
        self._names()
        self._window(capture, case, base)
        for track in (*capture.tracks, *all_edge_tracks(capture)):
            self._task(activations_of(capture, track), case, base)

    def _packet(self, time_us: float | None = None) -> Any:
        if len(self._trace.packet) >= _AT_ONCE:
            self.flush()
        packet = self._trace.packet.add()
        packet.trusted_packet_sequence_id = self._sequence
        if time_us is not None:
            packet.timestamp = round(time_us * 1000)
            packet.sequence_flags = self._schema.TracePacket.SEQ_NEEDS_INCREMENTAL_STATE
        return packet

    def _names(self) -> None:
        """What the small numbers for names on this sequence stand for."""
        packet = self._packet()
        packet.sequence_flags = self._schema.TracePacket.SEQ_INCREMENTAL_STATE_CLEARED
        packet.interned_data.event_names.add(iid=_ACTIVATION, name="activation")
        for number, name in _ANNOTATIONS.items():
            packet.interned_data.debug_annotation_names.add(iid=number, name=name)

    def _board(self, name: str) -> int:
        if name not in self._boards:
            self._uuid += 1
            self._boards[name] = self._uuid
            descriptor = self._packet().track_descriptor
            descriptor.uuid = self._uuid
            descriptor.process.pid = len(self._boards)
            descriptor.process.process_name = escaped_line(name)
        return self._boards[name]

    def _track(self, name: str, parent: int, unit: str = "") -> int:
        """A track below ``parent``; with a ``unit`` it holds a counter."""
        self._uuid += 1
        descriptor = self._packet().track_descriptor
        descriptor.uuid = self._uuid
        descriptor.parent_uuid = parent
        descriptor.name = escaped_line(name)
        if unit:
            descriptor.counter.unit_name = unit
        return self._uuid

    def _window(self, capture: Capture, case: int, base: int) -> None:
        """Each window and, in it, the load: from the first release to the end."""
        plan = capture.plan
        facts: dict[str, int | float] = {"zero_us": base, "duration_us": plan.duration_us}
        for track in capture.tracks:
            lost = sum(gap.count for gap in track.gaps)
            facts |= {
                f"task{track.index}_period_us": track.period_us,
                f"task{track.index}_origin_us": track.origin_us,
                f"task{track.index}_dropped": track.dropped,
                f"task{track.index}_lost": lost,
                f"task{track.index}_missing_at_end": lost_after_last(track),
            }
        names = (f"window: {plan.technique}", f"load: {plan.load}")
        for begin, end in case_windows_us(capture):
            for name in names:
                event = self._slice(begin - base, self._event.TYPE_SLICE_BEGIN, case)
                event.name = escaped_line(name)
                if name == names[0]:
                    for key, value in facts.items():
                        _set(event.debug_annotations.add(name=key), value)
            for _ in names:
                self._slice(end - base, self._event.TYPE_SLICE_END, case)
            facts = {}

    def _slice(self, time_us: float, kind: int, track: int) -> Any:
        event = self._packet(time_us).track_event
        event.type, event.track_uuid = kind, track
        return event

    def _task(self, activations: Activations, case: int, base: int) -> None:
        label = activations.track.label
        source = activations.track.source
        by = "" if source == BOARD_SOURCE else f", by {source}"
        instants = self._track(f"{label}{by}", case)
        counter = self._track(f"lateness of {label}{by}", case, "us")
        instant, count = self._event.TYPE_INSTANT, self._event.TYPE_COUNTER
        for k, intended, stamp, late, lost in _activations(activations):
            event = self._slice(stamp - base, instant, instants)
            event.name_iid = _ACTIVATION
            self.activations += 1
            notes = event.debug_annotations
            notes.add(name_iid=_K, int_value=k)
            if lost:
                notes.add(name_iid=_LOST, int_value=lost)
            if k < 0:  # an extra activation, which answers no release
                continue
            notes.add(name_iid=_INTENDED, double_value=intended)
            notes.add(name_iid=_LATENESS, double_value=late)
            event = self._slice(stamp - base, count, counter)
            event.double_counter_value = late


def _activations(activations: Activations) -> Iterator[tuple[int, float, float, float, int]]:
    for rows in stamp_rows(activations.track, activations):
        columns = (rows.k, rows.intended_us, rows.stamp_us, rows.lateness_us, rows.lost_before)
        yield from zip(*(column.tolist() for column in columns), strict=True)


def _set(annotation: Any, value: int | float) -> None:
    if isinstance(value, int):
        annotation.int_value = value
    else:
        annotation.double_value = float(value)
