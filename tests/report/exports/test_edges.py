"""Edges that an instrument saw, in the exports: beside the stamps, and never under one name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hil.analysis.edge_tracks import all_edge_tracks
from hil.model.results import Measurement
from hil.report.exports.figure_keys import NamedFigure
from tools.edges.worlds import build


@pytest.fixture(scope="module")
def seen():
    world = build(1)
    return replace(world.capture, edges=(world.recording,))


def test_vcd_has_a_wire_for_each_pin_in_nanoseconds(seen, tmp_path):
    reader = pytest.importorskip("vcd.reader", reason="pip install -e '.[export]'")
    from hil.report.exports.vcd import write_vcd

    path = tmp_path / "pins.vcd"
    write_vcd(path, [seen])
    names, times, now = {}, {}, 0
    with path.open("rb") as file:
        for token in reader.tokenize(file):
            if token.kind is reader.TokenKind.TIMESCALE:
                assert str(token.timescale) == "1 ns"
            elif token.kind is reader.TokenKind.VAR:
                names[token.var.id_code] = token.var.reference
            elif token.kind is reader.TokenKind.CHANGE_TIME:
                now = token.time_change
            elif token.kind is reader.TokenKind.CHANGE_SCALAR and now:
                times.setdefault(names[token.scalar_change.id_code], []).append(now)
    for track, board in zip(all_edge_tracks(seen), seen.tracks, strict=True):
        (stamps,) = (t for name, t in times.items() if name.endswith(f"_task{board.index}"))
        (edges,) = (
            t for name, t in times.items() if name.endswith(f"task{board.index}_by_witness")
        )
        shift = stamps[0] - int(board.stamps_us[0]) * 1000
        assert [time - shift for time in edges] == [round(t * 1000) for t in track.stamps_us]


def test_perfetto_has_a_track_for_each_pin(seen, tmp_path):
    schema = pytest.importorskip(
        "perfetto.protos.perfetto.trace.perfetto_trace_pb2", reason="pip install -e '.[export]'"
    )
    from hil.report.exports.perfetto import write_perfetto

    path = tmp_path / "a.pftrace"
    count = write_perfetto(path, [seen])
    assert count == 2 * sum(track.stamps_us.size for track in seen.tracks)
    trace = schema.Trace.FromString(path.read_bytes())
    names = {p.track_descriptor.uuid: p.track_descriptor.name for p in trace.packet}
    assert {"task 0", "task 0, by witness", "lateness of task 0, by witness"} <= set(names.values())
    at = {}
    for packet in trace.packet:
        if packet.HasField("track_event"):
            at.setdefault(names[packet.track_event.track_uuid], []).append(packet.timestamp)
    delays = [
        pin - stamp for stamp, pin in zip(at["task 0"], at["task 0, by witness"], strict=True)
    ]
    assert all(0 < delay < 100_000 for delay in delays)
    assert any(delay % 1000 for delay in delays)  # finer than the board's clock


def test_a_figure_by_an_instrument_has_a_name_of_its_own():
    board = Measurement(*("b", "timer_hard", "idle"), 0, "tie_rms_us", "us", 1.0, 0.5, 1.5, 10)
    pin = replace(board, source="witness")
    assert NamedFigure(board).benchmark == "b/timer_hard/idle/task0"
    assert NamedFigure(pin).benchmark == "b/timer_hard/idle/task0/by witness"
    assert NamedFigure(board).property == "tie_rms_us.task0"
    assert NamedFigure(pin).property == "tie_rms_us.task0.by witness"
