"""sigrok's session files: damaged ones, absurd ones, and those that want to fill the memory."""

import io
import resource
import zipfile

import numpy as np
import pytest

from hil.model.errors import CaptureError
from tests.recording.edge_files.recorded import LINES, as_sr, read, some_samples

ONLY = {"D0": "task0"}


def archive(*files):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as out:
        for name, content in files:
            out.writestr(name, content)
    return data.getvalue()


def metadata(**changes):
    lines = {"capturefile": "logic-1", "samplerate": "1 MHz", "unitsize": "1", "probe1": "D0"}
    return "[device 1]\n" + "".join(f"{k}={v}\n" for k, v in (lines | changes).items() if v)


def test_stored_and_compressed_pieces_of_any_size(tmp_path):
    samples = some_samples(4000)
    for piece, compression in ((1, zipfile.ZIP_STORED), (37, zipfile.ZIP_DEFLATED), (10**6, 0)):
        recording = read(tmp_path / "a", as_sr(samples, piece=piece, compression=compression))
        for name, line in zip(LINES, recording.lines, strict=True):
            np.testing.assert_array_equal(line.times_ns, samples.edges(name)[0])


def test_pieces_need_not_end_between_samples(tmp_path):
    samples = some_samples(100)
    raw = np.packbits(samples.levels, axis=1, bitorder="little").tobytes()
    meta = metadata(unitsize="2", **{f"probe{k}": f"D{k - 1}" for k in range(1, 11)})
    data = archive(("metadata", meta), ("logic-1-1", raw[:33]), ("logic-1-2", raw[33:]))
    recording = read(tmp_path / "a", data, lines={"D9": "sync"})
    np.testing.assert_array_equal(recording.lines[0].times_ns, samples.edges("D9")[0])


def test_the_pieces_are_put_in_the_order_of_their_numbers(tmp_path):
    pieces = [(f"logic-1-{k}", bytes([k % 2])) for k in range(12, 0, -1)]
    recording = read(tmp_path / "a", archive(("metadata", metadata()), *pieces), lines=ONLY)
    assert recording.lines[0].times_ns.tolist() == list(range(1000, 12_000, 1000))


def test_a_single_piece_without_a_number(tmp_path):
    data = archive(("metadata", metadata()), ("logic-1", b"\0\0\1"))
    assert read(tmp_path / "a", data, lines=ONLY).lines[0].times_ns.tolist() == [2000]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (archive(("a", "b")), "without sigrok's metadata"),
        (archive(("metadata", "nonsense")), "metadata can't be read"),
        (archive(("metadata", "[global]\n")), "0 devices with logic samples"),
        (archive(("metadata", metadata() + metadata().replace("1]", "2]"))), "2 devices"),
        (archive(("metadata", metadata(unitsize="0"))), "no sample of its channels"),
        (archive(("metadata", metadata(unitsize="99"))), "no sample of its channels"),
        (archive(("metadata", metadata(unitsize="\u0663"))), "no sample of its channels"),
        (archive(("metadata", metadata(unitsize=None))), "no sample of its channels"),
        (archive(("metadata", metadata(probe9="D8"))), "no sample of its channels"),
        (archive(("metadata", metadata(samplerate="fast"))), "no sample rate"),
        (archive(("metadata", metadata(samplerate="0.1 Hz"))), "below 1 Hz"),
        (archive(("metadata", metadata(samplerate=None))), "no sample rate"),
        (archive(("metadata", "x" * 300_000)), "larger than any of sigrok's"),
        (archive(("metadata", metadata())), "there are no logic samples"),
        (archive(("metadata", metadata()), ("logic-1-1", b"")), "there are no samples"),
        (archive(("metadata", metadata()), ("logic-1-2", b"\1")), "piece 1 of the samples"),
        (b"PK\3\4" + b"x" * 100, "its end is missing"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, data, words):
    with pytest.raises(CaptureError, match=words) as error:
        read(tmp_path / "run.sr", data, lines=ONLY)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith("run.sr: ")


def test_a_file_that_was_cut_off_or_changed_is_one_line_and_never_other_edges(tmp_path):
    samples = some_samples(2000)
    data = as_sr(samples, piece=500)
    truth = samples.edges("D0")[0]
    for end in range(0, len(data), 97):
        with pytest.raises(CaptureError):
            read(tmp_path / "a", data[: end or 4], lines=ONLY)
    refused = 0
    for at in range(0, len(data), 41):
        changed = bytearray(data)
        changed[at] ^= 0x15
        try:
            recording = read(tmp_path / "a", bytes(changed), lines=ONLY)
        except CaptureError:
            refused += 1
        else:  # what is in no checksum: dates, the version's content
            np.testing.assert_array_equal(recording.lines[0].times_ns, truth)
    assert refused > 25


def test_an_archive_of_very_many_files_is_not_listed(tmp_path):
    data = bytearray(archive(("metadata", metadata()), ("logic-1-1", b"\0\1")))
    at = data.rfind(b"PK\5\6")
    data[at + 12 : at + 16] = (100 << 20).to_bytes(4, "little")
    with pytest.raises(CaptureError, match="too many files"):
        read(tmp_path / "a", bytes(data), lines=ONLY)


def test_a_small_file_of_many_samples_takes_little_memory(tmp_path):
    """A gigabyte of samples in a megabyte: nothing of it is held."""
    path = tmp_path / "bomb.sr"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("metadata", metadata())
        with out.open("logic-1-1", "w", force_zip64=True) as piece:
            for _ in range(256):
                piece.write(bytes(1 << 20))
            piece.write(b"\1")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    recording = read(path, path.read_bytes(), lines=ONLY)
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert recording.lines[0].times_ns.tolist() == [(256 << 20) * 1000]
    assert grown_kb < 100_000
