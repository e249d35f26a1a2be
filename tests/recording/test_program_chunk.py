"""The files of a user's program in a capture file."""

import json
import zlib

import pytest

from hil.model.captures import CapturePlan
from hil.model.errors import CaptureError
from hil.model.program_files import MAX_PROGRAM_BYTES, ProgramFile
from hil.recording.capture_file import CaptureWriter
from hil.recording.capture_reader import read_capture
from hil.recording.program_chunk import pack_program_file, unpack_program_file
from tools.synthetic_captures import board

FILES = (
    ProgramFile("main.py", "é\n".encode()),
    ProgramFile("lib/x.mpy", bytes(range(256)), "x@1.0"),
)


def stored(tmp_path, files):
    path = tmp_path / "001_main_idle.hilcap"
    with CaptureWriter(path, board(), CapturePlan("main", "idle", (), 0)) as writer:
        for file in files:
            writer.program_file(file)
        writer.finish("ok")
    return read_capture(path)


def test_a_capture_has_the_files_of_its_program(tmp_path):
    capture = stored(tmp_path, FILES)
    assert capture.program_files == FILES
    assert [file.package for file in capture.program_files] == ["", "x@1.0"]


def payload(path="main.py", package="", content=b"x", packed=None):
    head = json.dumps({"path": path, "package": package}).encode()
    return head + b"\n" + (zlib.compress(content) if packed is None else packed)


@pytest.mark.parametrize(
    ("damaged", "said"),
    [
        (payload("../x"), "no safe name"),
        (payload("/etc/passwd"), "no safe name"),
        (payload(3), "no safe name"),
        (b"[]\nx", "no safe name"),
        (b"{}\n", "no safe name"),
        (b"", "not valid JSON"),
        (b"x" * 2000, "has no name"),
        (payload(packed=b"no zlib"), "main.py: .* damaged or too large"),
        (payload(packed=zlib.compress(b"x" * 99)[:-5]), "main.py: .* damaged or too large"),
        (payload(content=b"0" * (MAX_PROGRAM_BYTES + 1)), "main.py: .* damaged or too large"),
    ],
)
def test_a_file_that_is_damaged_unsafe_or_too_large_is_none(damaged, said):
    with pytest.raises(CaptureError, match=said):
        unpack_program_file(damaged)


def test_too_many_bytes_together_are_said_and_left_out(tmp_path):
    large = [ProgramFile(f"f{n}.bin", bytes(100_000)) for n in range(4)]
    capture = stored(tmp_path, large)
    assert capture.program_files == tuple(large[:2])
    assert [fault.kind for fault in capture.faults].count("program") == 2


@pytest.mark.parametrize("file", FILES)
def test_it_comes_back_as_it_was(file):
    assert unpack_program_file(pack_program_file(file)) == file
