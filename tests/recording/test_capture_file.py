"""Captures on disk: whatever happened to the file, what was whole in it comes back."""

import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hil.model.board import BoardIdentity
from hil.model.captures import CapturePlan, TaskPlan
from hil.model.errors import CaptureError
from hil.protocol.encoder import StreamEncoder
from hil.recording.capture_file import CaptureWriter, capture_path, list_captures, read_chunks
from hil.recording.capture_reader import read_capture, read_meta

BOARD = BoardIdentity(
    "sim", "/dev/pts/1", "sim", "linux", 'a "machine" <é>', "1.29", 2**30, 160_000_000, "ab12",
    1.0, None, 1000, ("timer", "schedule"),
)  # fmt: skip
PLAN = CapturePlan(
    "thread", "idle", (TaskPlan(0, 1000), TaskPlan(1, 1000, 500)), 200_000, True, {"a": 1, "b": "c"}
)
TRUTH = 5_000 + np.arange(200, dtype=np.int64) * 1000


def stream() -> list[bytes]:
    out = StreamEncoder()
    out.text("H", v=1, tp=2**30, tasks=2)
    out.text("C", i=0, name="task0", kind="ticks")
    out.text("P", n=0, rx=4000, tx=4010)
    out.text("G", task=0, origin=5_000, offset=0, period=1000)
    for at in range(0, 200, 50):
        out.stamps(0, TRUTH[at : at + 50], first_index=at)
    out.raw(b"a print\n")
    out.text("T", i=0, n=200, dropped=0)
    out.text("E", us0=4_900, us1=205_000, ms0=4, ms1=205, status="ok")
    return out.data.splitlines(keepends=True)


def write(path: Path, status: str | None = "ok") -> Path:
    with CaptureWriter(path, BOARD, PLAN) as writer:
        for k, line in enumerate(stream()):
            writer.rx(line, 10**9 + k)
            if line.startswith(b"~P"):
                writer.ping(10**9 - 500, 10**9 + k)
        if status is not None:
            writer.finish(status)
    return path


def test_what_was_written_is_read(tmp_path):
    path = write(tmp_path / "new" / "000_thread_idle.hilcap")
    capture = read_capture(path)
    assert (capture.board, capture.plan) == (BOARD, PLAN)
    assert capture.faults == ()
    assert capture.errors == ()
    assert capture.log == ("a print",)
    assert (capture.tracks[0].stamps_us == TRUTH).all()
    assert capture.pings.host_tx_ns.tolist() == [10**9 - 500]
    assert read_meta(path).plan == PLAN
    assert list_captures(path.parent) == [path]


def test_cut_at_every_byte_it_opens_with_all_that_was_whole(tmp_path):
    whole = write(tmp_path / "a.hilcap").read_bytes()
    head = 8 + 9 + struct.unpack_from("<I", whole, 9)[0]
    truncated = tmp_path / "b.hilcap"
    last = 0
    for at in range(0, len(whole)):
        truncated.write_bytes(whole[:at])
        if at < head:
            with pytest.raises(CaptureError):
                read_capture(truncated)
            continue
        capture = read_capture(truncated)
        assert "truncated" in [fault.kind for fault in capture.faults]
        stamps = capture.tracks[0].stamps_us if capture.tracks else TRUTH[:0]
        assert (stamps == TRUTH[: len(stamps)]).all()
        assert len(stamps) >= last
        last = len(stamps)
    assert last == 200


def test_any_byte_changed_is_found(tmp_path):
    whole = write(tmp_path / "a.hilcap").read_bytes()
    path = tmp_path / "b.hilcap"
    for at in range(0, len(whole)):
        changed = bytearray(whole)
        changed[at] ^= 0x41
        path.write_bytes(bytes(changed))
        try:
            capture = read_capture(path)
        except CaptureError:
            continue
        assert capture.faults, at
        for track in capture.tracks:
            assert np.isin(track.stamps_us, TRUTH).all()


def test_a_capture_that_was_never_finished_says_so(tmp_path):
    capture = read_capture(write(tmp_path / "a.hilcap", status=None))
    assert [fault.kind for fault in capture.faults] == ["truncated"]
    assert (capture.tracks[0].stamps_us == TRUTH).all()


def test_how_it_ended_is_among_the_errors(tmp_path):
    capture = read_capture(write(tmp_path / "a.hilcap", status="error: the board did not answer"))
    assert capture.errors == ("error: the board did not answer",)


def test_what_was_given_to_the_writer_is_in_the_file_at_once(tmp_path):
    path = tmp_path / "a.hilcap"
    writer = CaptureWriter(path, BOARD, PLAN)
    writer.rx(b"abc", 7)
    chunks = list(read_chunks(path, []))
    writer.close()
    assert [chunk.kind for chunk in chunks] == ["M", "R"]
    assert chunks[1].payload == (7).to_bytes(8, "little") + b"abc"


def test_large_pieces_are_divided(tmp_path):
    path = tmp_path / "a.hilcap"
    with CaptureWriter(path, BOARD, PLAN) as writer:
        writer.rx(b"x" * 3_000_000, 7)
        writer.finish("ok")
    payloads = [chunk.payload[8:] for chunk in read_chunks(path, []) if chunk.kind == "R"]
    assert b"".join(payloads) == b"x" * 3_000_000
    assert len(payloads) == 3


def test_a_newer_schema_is_refused_in_one_line(tmp_path):
    path = write(tmp_path / "a.hilcap")
    data = bytearray(path.read_bytes())
    data[6] = 2
    path.write_bytes(bytes(data))
    with pytest.raises(CaptureError, match="schema is 2, this version reads up to 1"):
        read_capture(path)


@pytest.mark.parametrize("data", [b"", b"HILCAP", b"HILCAP\x01\x00", b"PK\x03\x04" * 10])
def test_what_is_no_capture_is_refused(tmp_path, data):
    path = tmp_path / "a.hilcap"
    path.write_bytes(data)
    with pytest.raises(CaptureError):
        read_capture(path)


@pytest.mark.parametrize("meta", [
    b"", b"[]", b"{}", b'{"board": 1}', b"[" * 100_000, b"\xff\xfe", b'{"board": {}, "plan": {}}',
])  # fmt: skip
def test_meta_that_is_malformed_is_refused(tmp_path, meta):
    path = tmp_path / "a.hilcap"
    crc = zlib.crc32(meta, zlib.crc32(b"M" + len(meta).to_bytes(4, "little")))
    path.write_bytes(b"HILCAP\x01\x00" + struct.pack("<cII", b"M", len(meta), crc) + meta)
    with pytest.raises(CaptureError):
        read_capture(path)


def test_a_chunk_that_claims_four_gigabytes_is_damage(tmp_path):
    path = write(tmp_path / "a.hilcap", status=None)
    path.write_bytes(path.read_bytes() + struct.pack("<cII", b"R", 2**32 - 1, 0))
    faults = read_capture(path).faults
    assert "damaged" in [fault.kind for fault in faults]


def test_an_existing_capture_is_never_overwritten(tmp_path):
    path = write(tmp_path / "a.hilcap")
    before = path.read_bytes()
    with pytest.raises(CaptureError, match="never overwritten"):
        CaptureWriter(path, BOARD, PLAN)
    assert path.read_bytes() == before


def test_a_place_that_can_not_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CaptureError, match="can't write"):
        CaptureWriter(tmp_path / "file" / "a.hilcap", BOARD, PLAN)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_is_one_line():
    writer = CaptureWriter.__new__(CaptureWriter)
    writer.path = Path("/dev/full")
    writer._file = writer.path.open("wb", buffering=0)
    with pytest.raises(CaptureError, match="No space left"):
        writer.rx(b"x", 1)
    with pytest.raises(CaptureError, match="closed"):
        writer.rx(b"x", 1)


def test_names_stay_in_the_folder(tmp_path):
    path = capture_path(tmp_path, 7, "../../etc/passwd", "a b\n")
    assert path.parent == tmp_path
    assert path.name == "007__etc_passwd_a_b_.hilcap"


def test_no_folder_is_one_line(tmp_path):
    with pytest.raises(CaptureError, match="not a folder"):
        list_captures(tmp_path / "missing")


def test_boards_of_the_unix_port_have_a_period_of_62_bits(tmp_path):
    board = replace(BOARD, tick_period=2**62)
    with CaptureWriter(tmp_path / "a.hilcap", board, PLAN) as writer:
        writer.finish("ok")
    assert read_meta(tmp_path / "a.hilcap").board == board
