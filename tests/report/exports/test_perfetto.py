"""The Perfetto trace, read with the project's own protobuf schema."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from hil.model.printable import escaped_line
from hil.recording.stored_run import CaptureStream
from hil.report.exports.perfetto import write_perfetto

from .conftest import HOSTILE, PERIOD, N, truth

schema = pytest.importorskip(
    "perfetto.protos.perfetto.trace.perfetto_trace_pb2", reason="pip install -e '.[export]'"
)
EVENT = schema.TrackEvent


def read(path) -> SimpleNamespace:
    """Tracks by uuid, and the events of each with their names looked up as the format says."""
    trace = schema.Trace.FromString(path.read_bytes())
    tracks, events, names, notes = {}, {}, {}, {}
    for packet in trace.packet:
        sequence = packet.trusted_packet_sequence_id
        assert sequence
        if packet.sequence_flags & schema.TracePacket.SEQ_INCREMENTAL_STATE_CLEARED:
            names[sequence], notes[sequence] = {}, {}
        for entry in packet.interned_data.event_names:
            names[sequence][entry.iid] = entry.name
        for entry in packet.interned_data.debug_annotation_names:
            notes[sequence][entry.iid] = entry.name
        if packet.HasField("track_descriptor"):
            tracks[packet.track_descriptor.uuid] = packet.track_descriptor
        if packet.HasField("track_event"):
            event = packet.track_event
            assert event.track_uuid in tracks, "an event before its track"
            told = {
                annotation.name or notes[sequence][annotation.name_iid]: getattr(
                    annotation, annotation.WhichOneof("value")
                )
                for annotation in event.debug_annotations
            }
            name = event.name or names[sequence].get(event.name_iid, "")
            events.setdefault(event.track_uuid, []).append(
                SimpleNamespace(
                    type=event.type, at=packet.timestamp, name=name, said=told,
                    count=event.double_counter_value,
                )
            )  # fmt: skip
    return SimpleNamespace(tracks=tracks, events=events)


@pytest.fixture
def trace(run_folder, tmp_path):
    path = tmp_path / "a.pftrace"
    assert write_perfetto(path, CaptureStream(run_folder)) == 4 * N - 5 - 7
    return read(path)


def below(trace, parent: int) -> dict[str, int]:
    return {t.name: uuid for uuid, t in trace.tracks.items() if t.parent_uuid == parent}


def test_a_process_per_board_and_a_track_per_case_and_task(trace):
    boards = {t.process.process_name: u for u, t in trace.tracks.items() if t.HasField("process")}
    assert list(boards) == ["sim", escaped_line(HOSTILE)]
    assert len({t.process.pid for t in trace.tracks.values() if t.HasField("process")}) == 2
    cases = below(trace, boards["sim"])
    assert list(cases) == ["timer_soft, idle"]
    assert list(below(trace, cases["timer_soft, idle"])) == [
        "task 0", "lateness of task 0", "task 1", "lateness of task 1",
    ]  # fmt: skip


@pytest.mark.parametrize("task", [0, 1])
def test_activations_and_their_lateness_are_the_stored_ones(trace, task):
    case = next(u for u, t in trace.tracks.items() if t.name == "timer_soft, idle")
    tracks = below(trace, case)
    stamps, late = truth(1, task)
    stored = np.r_[0:100, 105:N] if task == 0 else np.r_[0 : N - 7]
    window = trace.events[case][0]
    zero = window.said["zero_us"]
    events = trace.events[tracks[f"task {task}"]]
    assert {(event.type, event.name) for event in events} == {(EVENT.TYPE_INSTANT, "activation")}
    assert [event.at for event in events] == ((stamps[stored] - zero) * 1000).tolist()
    assert [event.said["k"] for event in events] == stored.tolist()
    assert [event.said["lateness_us"] for event in events] == late[stored].tolist()
    assert [event.said["intended_us"] for event in events] == (stamps - late)[stored].tolist()
    lost = {
        event.said["k"]: event.said["lost_before"]
        for event in events
        if "lost_before" in event.said
    }
    assert lost == ({105: 5} if task == 0 else {})
    counted = trace.events[tracks[f"lateness of task {task}"]]
    assert [event.count for event in counted] == late[stored].tolist()
    assert trace.tracks[tracks[f"lateness of task {task}"]].counter.unit_name == "us"
    assert window.said[f"task{task}_dropped"] == (0, 7)[task]
    assert window.said[f"task{task}_lost"] == (5, 0)[task]


def test_window_and_load_are_slices_one_in_the_other(trace):
    case = next(u for u, t in trace.tracks.items() if t.name == "timer_soft, idle")
    begin, load, *ends = trace.events[case]
    assert (begin.name, load.name) == ("window: timer_soft", "load: idle")
    assert begin.type == load.type == EVENT.TYPE_SLICE_BEGIN
    assert [event.type for event in ends] == [EVENT.TYPE_SLICE_END] * 2
    assert begin.at == load.at == PERIOD * 1000
    assert {event.at - begin.at for event in ends} == {(N + 1) * PERIOD * 1000}


def test_pieces_of_a_long_trace_are_one_trace(run_folder, tmp_path, monkeypatch):
    whole, pieces = tmp_path / "whole", tmp_path / "pieces"
    write_perfetto(whole, CaptureStream(run_folder))
    monkeypatch.setattr("hil.report.exports.perfetto._AT_ONCE", 10)
    write_perfetto(pieces, CaptureStream(run_folder))
    assert pieces.read_bytes() == whole.read_bytes()
