"""A case of three windows in the exports of stamps: where each window begins is in all of them."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from hil.recording.capture_file import capture_path
from hil.recording.stored_run import CaptureStream
from hil.report.exports.stamp_table import release_times_us, window_times_us, write_csv
from tools import synthetic_captures

N, PERIOD = 20, 10_000
LATE = (50, 60, 70)


@pytest.fixture
def folder(tmp_path):
    for number, late in enumerate(LATE):
        capture = synthetic_captures.capture(
            [np.full(N, late), np.full(N, late + 1)], origin_us=1_000_000 * (number + 1)
        )
        plan = replace(capture.plan, window=number, windows=3)
        path = capture_path(tmp_path, 5 - number, "timer_hard", "idle", number)
        synthetic_captures.store(path, replace(capture, plan=plan))
    return tmp_path


def test_rows_name_their_window(folder, tmp_path):
    path = tmp_path / "stamps.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        assert write_csv(stream, CaptureStream(folder)) == 6 * N
    with path.open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["task"] == "0"]
    assert [row["window_number"] for row in rows] == ["1"] * N + ["2"] * N + ["3"] * N
    assert [float(row["lateness_us"]) for row in rows] == [50.0] * N + [60.0] * N + [70.0] * N
    assert len({row["k"] for row in rows}) == 3 * N


def test_no_release_lies_between_two_windows(folder):
    (capture,) = CaptureStream(folder)
    track = capture.tracks[0]
    windows = window_times_us(track)
    assert len(windows) == 3
    releases = release_times_us(track)
    inside = np.zeros(releases.size, bool)
    for begin, end in windows:
        inside |= (releases >= begin) & (releases <= end)
    assert inside.all()


def test_a_wire_is_high_in_each_window(folder, tmp_path):
    pytest.importorskip("vcd", reason="pip install -e '.[export]'")
    from hil.report.exports.vcd import write_vcd

    path = tmp_path / "pins.vcd"
    assert write_vcd(path, CaptureStream(folder)) == 6 * N
    text = path.read_text()
    (declared,) = (line for line in text.splitlines() if line.endswith("_window $end"))
    code = declared.split()[3]
    levels = [line[0] for line in text.splitlines() if line[1:] == code and line[0] in "01"]
    assert "".join(levels).lstrip("0") == "101010"


def test_a_slice_for_each_window(folder, tmp_path):
    schema = pytest.importorskip(
        "perfetto.protos.perfetto.trace.perfetto_trace_pb2", reason="pip install -e '.[export]'"
    )
    from hil.report.exports.perfetto import write_perfetto

    path = tmp_path / "trace.pftrace"
    assert write_perfetto(path, CaptureStream(folder)) == 6 * N
    trace = schema.Trace()
    trace.ParseFromString(path.read_bytes())
    begun = [p.track_event.name for p in trace.packet if p.track_event.name.startswith("window")]
    assert begun == ["window: timer_hard"] * 3
