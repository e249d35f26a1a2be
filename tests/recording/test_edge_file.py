"""Files of edges: what is whole in them comes back, damage becomes an issue of the recording."""

import json
from dataclasses import replace

import numpy as np
import pytest

from hil.model.board import BoardIdentity
from hil.model.captures import CaptureIssue, CapturePlan, TaskPlan
from hil.model.edges import EdgeLine, EdgeRecording, LostInterval
from hil.model.errors import CaptureError, NewerSchemaError
from hil.recording.capture_file import CaptureWriter
from hil.recording.capture_reader import read_capture
from hil.recording.chunk_file import chunk_bytes
from hil.recording.edge_file import edge_path, list_edge_files, write_edges
from hil.recording.edge_reader import read_capture_edges, read_edges

BOARD = BoardIdentity("b", "p", "sim", "x", "x", "1.29", 1 << 30)
PLAN = CapturePlan("thread", "idle", (TaskPlan(0, 1000),), 200_000)
COUNT = 150_000


def numbers(*values):
    return np.array(values, np.int64)


def recording(**more):
    times = np.arange(COUNT, dtype=np.int64) * 1000 - 70_000_000
    lines = (
        EdgeLine("task0", times, np.arange(COUNT) % 2, 1),
        EdgeLine("sync", numbers(), numbers()),
        EdgeLine("loop", numbers(-3, 5, 5, 9), numbers(1, 1, 0, 1), None),
    )
    given = EdgeRecording(
        *("la-1", lines, -80_000_000, 1 << 60, 41.6),
        lost=(
            LostInterval(3, 9, "é full"),
            LostInterval(3, 10, "gap"),
            LostInterval(40, 41, "gap"),
        ),
        issues=(CaptureIssue("missing", "a gap"),),
        host_ns=numbers(1, 2),
        own_ns=numbers(-1, 3),
        board_us=np.arange(70_000),
        seen_ns=np.arange(70_000) * 2,
    )
    return replace(given, **more)


def same(first, second):
    def plain(value):
        if isinstance(value, np.ndarray):
            return value.tolist()
        return tuple(map(plain, value)) if isinstance(value, tuple) else value

    names = EdgeRecording.__slots__
    fields = {name: plain(getattr(second, name)) for name in names if name != "lines"}
    assert {name: plain(getattr(first, name)) for name in fields} == fields
    for line, other in zip(first.lines, second.lines, strict=True):
        assert (line.name, line.initial) == (other.name, other.initial)
        np.testing.assert_array_equal(line.times_ns, other.times_ns)
        np.testing.assert_array_equal(line.levels, other.levels)
    return True


@pytest.fixture
def stored(tmp_path):
    """A capture with what two instruments saw beside it."""
    path = tmp_path / "000_a.hilcap"
    with CaptureWriter(path, BOARD, PLAN) as writer:
        writer.edges(recording())
        writer.edges(recording(instrument="scope"))
        writer.finish("ok")
    return path


def test_what_was_written_is_read_beside_its_capture(stored, tmp_path):
    (tmp_path / "000_ab.la-1.hiledges").write_bytes(b"of another capture")
    (tmp_path / "000_a.x y.hiledges").write_bytes(b"no instrument")
    first, second = read_capture(stored).edges
    assert same(first, recording())
    assert same(second, recording(instrument="scope"))
    assert [path.name for path in tmp_path.glob("000_a.la*")] == ["000_a.la-1.hiledges"]


def test_a_file_is_read_up_to_its_last_whole_chunk_wherever_it_ends(stored):
    path = edge_path(stored, "la-1")
    whole = path.read_bytes()
    truth = recording().lines[0].times_ns
    for end in range(0, len(whole), 33_331):
        path.write_bytes(whole[:end])
        seen = read_edges(path, "la-1")
        assert seen.issues, end
        for line in seen.lines[:1]:
            np.testing.assert_array_equal(line.times_ns, truth[: line.times_ns.size])


def test_changed_bytes_are_an_issue_and_no_edge_is_made_up(stored):
    path = edge_path(stored, "la-1")
    whole = path.read_bytes()
    truth = recording().lines[0].times_ns
    for at in [*range(0, 900, 7), *range(900, len(whole), 70_001)]:
        data = bytearray(whole)
        data[at] ^= 0x41
        path.write_bytes(bytes(data))
        try:
            seen = read_edges(path, "la-1")
        except NewerSchemaError:
            assert at in (6, 7)
            continue
        assert len(seen.issues) > (1 if seen.lines else 0), at
        for line in seen.lines[:1]:
            np.testing.assert_array_equal(line.times_ns, truth[: line.times_ns.size])


def test_a_newer_schema_is_refused_in_one_line(stored):
    path = edge_path(stored, "scope")
    data = bytearray(path.read_bytes())
    data[6] = 2
    path.write_bytes(bytes(data))
    with pytest.raises(NewerSchemaError, match=r"000_a\.scope\.hiledges: schema is 2"):
        read_capture(stored)


def test_a_link_is_not_followed(stored, tmp_path):
    path = edge_path(stored, "scope")
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    _, second = read_capture(stored).edges
    assert second.lines == ()
    assert "links are not followed" in second.issues[0].detail


def test_an_instrument_under_another_s_name_is_not_taken(stored):
    path = edge_path(stored, "scope")
    path.rename(edge_path(stored, "sone"))
    _, second = read_capture_edges(stored)
    assert (second.instrument, second.lines) == ("sone", ())
    assert "it is of 'scope'" in second.issues[0].detail


def write_meta(path, *chunks, **changes):
    meta = {
        "instrument": "la", "start_ns": 0, "end_ns": 100, "resolution_ns": 1.0, "harness": "0",
        "lines": [{"name": "task0", "initial": 0}], "issues": [],
    } | changes  # fmt: skip
    payload = json.dumps(meta).encode()
    parts = [b"HILEDG\x01\x00", chunk_bytes("M", payload)]
    path.write_bytes(b"".join(parts + [chunk_bytes(kind, data) for kind, data in chunks]))
    return read_edges(path, "la")


@pytest.mark.parametrize("changes", [
    {"start_ns": 101}, {"end_ns": 1 << 62}, {"resolution_ns": -1}, {"lines": [{}]},
    {"lines": [{"name": "a"}] * 2}, {"lines": [{"name": "../a"}]}, {"instrument": "x"},
    {"lines": [{"name": f"a{k}"} for k in range(65)]}, {"start_ns": "0"},
    {"issues": [{"kind": "a", "detail": "b"}] * 201},
])  # fmt: skip
def test_meta_that_is_malformed_is_an_issue(tmp_path, changes):
    seen = write_meta(tmp_path / "a.la.hiledges", **changes)
    assert seen.lines == ()
    (issue,) = seen.issues
    assert "does not say properly what was recorded" in issue.detail


def words(*edges):
    return b"".join((2 * time + level).to_bytes(8, "little", signed=True) for time, level in edges)


def test_edges_out_of_order_end_the_line_there(tmp_path):
    path = tmp_path / "a.la.hiledges"
    for wrong in ((4, 0), (101, 0)):
        seen = write_meta(path, ("T", b"\0" + words((1, 1), (5, 0), wrong, (7, 1))), ("E", b"ok"))
        assert seen.lines[0].times_ns.tolist() == [1, 5]
        assert seen.lost == (LostInterval(5, 100, "the file is damaged"),)
        assert "line task0: edge 2 is out of its order" in seen.issues[0].detail


@pytest.mark.parametrize("chunk", [
    ("T", b"\0" + b"x" * 9), ("T", b""), ("L", b""), ("L", b"\x01a" + b"x" * 15), ("H", b"x" * 24),
])  # fmt: skip
def test_a_part_that_is_malformed_ends_the_reading(tmp_path, chunk):
    seen = write_meta(tmp_path / "a.la.hiledges", ("T", b"\0" + words((1, 1))), chunk, ("E", b""))
    assert seen.lines[0].times_ns.tolist() == [1]
    assert "malformed" in seen.issues[0].detail


def test_an_edge_of_no_line_and_a_part_of_a_later_version_are_passed_over(tmp_path):
    chunks = [("T", b"\x09" + words((1, 1))), ("Z", b"later"), ("E", b"ok")]
    seen = write_meta(tmp_path / "a.la.hiledges", *chunks)
    assert seen.lines[0].times_ns.size == 0
    assert seen.issues == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"instrument": "../x"}, "can't be the name of an instrument"),
        ({"instrument": ""}, "can't be the name of an instrument"),
        ({"start_ns": 9, "end_ns": 8, "lines": ()}, "an end before the start"),
        ({"end_ns": 1 << 62}, "beyond what a file holds"),
        ({"resolution_ns": float("nan")}, "no resolution"),
        ({"own_ns": numbers(1)}, "pairs of times that are none"),
        ({"lines": (EdgeLine("a/b", numbers(), numbers()),)}, "can't be the name of a line"),
        ({"lines": (EdgeLine("a", numbers(2, 1), numbers(0, 1)),)}, "not in order of time"),
        ({"lines": (EdgeLine("a", numbers(1), numbers(2)),)}, "not in order"),
        ({"lines": (EdgeLine("a", numbers(1), numbers()),)}, "not one level for each edge"),
        ({"lines": (EdgeLine("a", numbers(), numbers()),) * 2}, "a line is there twice"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(tmp_path, change, words):
    with pytest.raises(CaptureError, match=words):
        write_edges(tmp_path / "a.hilcap", recording(**change))
    assert list(tmp_path.iterdir()) == []


def test_edges_are_never_overwritten(stored):
    with pytest.raises(CaptureError, match="never overwritten"):
        write_edges(stored, recording())


def test_no_more_than_sixteen_instruments_are_read(tmp_path):
    for number in range(20):
        (tmp_path / f"a.la{number:02d}.hiledges").write_bytes(b"")
    assert list(list_edge_files(tmp_path / "a.hilcap")) == [f"la{n:02d}" for n in range(16)]
    assert list_edge_files(tmp_path / "nowhere" / "a.hilcap") == {}
