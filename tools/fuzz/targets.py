"""Everything that reads what somebody else wrote, as functions of bytes: what the fuzzers call.

Each target takes any bytes and returns; it raises only where the code under test is broken.
The error kinds that the package promises are the only ones that pass.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from hil.agents.bundle import agents_folder
from hil.boards.backends.registry import parse_board
from hil.boards.identity import identity_from_probe, parse_probe
from hil.boards.wiring import load_wiring
from hil.experiments.budget_files import load_budgets
from hil.experiments.evaluation import summarise_capture
from hil.model.board import BoardIdentity
from hil.model.captures import CapturePlan, TaskPlan
from hil.model.edge_sources import map_channels, parse_edge_sources
from hil.model.edges import EDGE_NAME
from hil.model.errors import HilError
from hil.model.result_files import build_results, in_order, parse_results
from hil.protocol.decoder import decode
from hil.protocol.frames import frame
from hil.protocol.reassembly import assemble
from hil.recording.capture_file import StoredMeta, dump_meta, file_head
from hil.recording.capture_reader import read_capture
from hil.recording.chunk_file import chunk_bytes, head_bytes
from hil.recording.edge_file import EDGE_MAGIC, EDGE_SCHEMA, write_edges
from hil.recording.edge_files.recorded_file import read_recorded_file
from hil.recording.edge_reader import read_edges
from hil.recording.run_folder import read_run_log
from hil.recording.validity import require_valid
from tools.fuzz.link_targets import (
    boot_messages,
    foreign_lines,
    other_firmware,
    scrubber,
    sync_pattern,
    witness_stream,
)
from tools.fuzz.text_targets import (
    history_address,
    latest_name,
    packed_stamps,
    redaction,
    toml_text,
)

_spec = importlib.util.spec_from_file_location(
    "schedule_store", agents_folder() / "lib" / "schedule_store.py"
)
assert _spec is not None
_store = importlib.util.module_from_spec(_spec)
assert _spec.loader is not None
_spec.loader.exec_module(_store)

Target = Callable[[bytes], None]

BOARD = BoardIdentity("fuzz", "-", "sim", "linux", "x", "1.29", 1 << 16)
PLAN = CapturePlan("timer_soft", "idle", (TaskPlan(0, 1000), TaskPlan(1, 2000)), 20_000)
_META = chunk_bytes("M", dump_meta(StoredMeta.of(BOARD, PLAN)))
_KINDS = "HCGTEPXRS"
_MAX_STAMPS = 200_000


@contextlib.contextmanager
def temporary_file(data: bytes, name: str) -> Iterator[Path]:
    """A file of these bytes in a folder of its own, where there is one in memory."""
    folder = next(p for p in (Path("/dev/shm"), Path(tempfile.gettempdir())) if p.is_dir())
    own = folder / f"hil-fuzz-{os.getpid()}"
    own.mkdir(exist_ok=True)
    path = own / name
    path.write_bytes(data)
    try:
        yield path
    finally:
        path.unlink()
        with contextlib.suppress(OSError):  # another file is still in use
            own.rmdir()


def frames_of(data: bytes) -> bytes:
    """Sound frames whose kinds, numbers and bodies ``data`` says; some in the wrong order."""
    out = []
    for number, line in enumerate(data.split(b"\n")):
        kind = _KINDS[line[0] % len(_KINDS)] if line else "H"
        body = bytes(c if 0x20 <= c < 0x7E else 0x23 + c % 91 for c in line[1:])
        out.append(frame(kind, number, body))
    return b"".join(out)


def _judge(stream: bytes) -> None:
    decoded = decode(stream)
    capture = assemble(decoded, BOARD, PLAN)
    if sum(len(track.stamps_us) for track in capture.tracks) > _MAX_STAMPS:
        raise MemoryError("a small stream gave more stamps than it can hold")
    require_valid(capture)
    summarise_capture(capture)


def wire(data: bytes) -> None:
    """The decoder, on any bytes."""
    with contextlib.suppress(HilError):
        _judge(data)


def sound_frames(data: bytes) -> None:
    """The decoder behind its checksum: a board that is wrong, or means ill."""
    with contextlib.suppress(HilError):
        _judge(frames_of(data))


def store(data: bytes) -> None:
    """A capture file of any bytes."""
    with temporary_file(data, "a.hilcap") as path, contextlib.suppress(HilError):
        read_capture(path)


def sound_chunks(data: bytes) -> None:
    """A capture file with sound chunks of any content."""
    parts = [file_head()]
    for number, piece in enumerate(data.split(b"\xff")):
        if number == 0 and piece[:1] != b"{":
            parts.append(_META)
        kind = chr(piece[0]) if piece and piece[0] < 128 else "R"
        parts.append(chunk_bytes(kind, piece[1:]))
    with temporary_file(b"".join(parts), "a.hilcap") as path, contextlib.suppress(HilError):
        require_valid(read_capture(path))


def board(data: bytes) -> None:
    """What ``--board`` is given."""
    with contextlib.suppress(HilError):
        spec = parse_board(data.decode("utf-8", "surrogateescape"))
        if not spec.slug or "/" in spec.slug or "." in spec.slug:
            raise AssertionError(f"a folder may not be called {spec.slug!r}")


def budgets(data: bytes) -> None:
    """A budgets file."""
    with temporary_file(data, "b.toml") as path, contextlib.suppress(HilError):
        load_budgets(path)


def wiring(data: bytes) -> None:
    """A wiring file."""
    with temporary_file(data, "w.toml") as path, contextlib.suppress(HilError):
        load_wiring(path)


def edges_option(data: bytes) -> None:
    """What ``--hil-edges`` is given."""
    with contextlib.suppress(HilError):
        (spec,) = parse_edge_sources([data.decode("utf-8", "surrogateescape")])
        if not EDGE_NAME.fullmatch(spec.name):
            raise AssertionError(f"a file's name may not have {spec.name!r} in it")


def recorded_file(data: bytes) -> None:
    """A recording of another program: what is read can be stored, and is the same again."""
    with temporary_file(data, "recorded") as path, contextlib.suppress(HilError):
        choose = partial(map_channels, "x", lines={"D0": "task0", "D1": "sync"}, fallback={})
        recording = read_recorded_file(path, "la", choose, 1e6)
        stored = write_edges(path, recording)
        try:
            again = read_edges(stored, "la")
        finally:
            stored.unlink()
        for line, other in zip(recording.lines, again.lines, strict=True):
            if not (line.times_ns == other.times_ns).all() or again.issues != recording.issues:
                raise AssertionError("edges are not the same after they were stored")


def edge_file(data: bytes) -> None:
    """A file of edges of any bytes, and one of sound chunks of any content."""
    parts = [head_bytes(EDGE_MAGIC, EDGE_SCHEMA)]
    for piece in data.split(b"\xff"):
        parts.append(chunk_bytes(chr(piece[0]) if piece and piece[0] < 128 else "T", piece[1:]))
    for content in (data, b"".join(parts)):
        with temporary_file(content, "a.la.hiledges") as path, contextlib.suppress(HilError):
            recording = read_edges(path, "la")
            for line in recording.lines:
                if (line.times_ns[1:] < line.times_ns[:-1]).any():
                    raise AssertionError("edges are not in the order of time")


def run_log(data: bytes) -> None:
    """A run's log."""
    with temporary_file(data, "run.jsonl") as path, contextlib.suppress(HilError):
        record = read_run_log(path.parent)
        texts = [record.info.id, *(skip.reason for skip in record.skipped)]
        texts += [error.detail for error in record.errors]
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("a text of the log is no text")


def results(data: bytes) -> None:
    """A ``results.json``: what is read can be written, and is the same again."""
    try:
        read = parse_results(data)
    except HilError:
        return
    text = json.dumps(build_results(read), indent=1, allow_nan=False)
    if parse_results(text.encode()) != in_order(read):
        raise AssertionError("results.json is not the same after it was written again")


def probe(data: bytes) -> None:
    """What a board says of itself."""
    with contextlib.suppress(HilError):
        identity_from_probe(parse_probe(data), name="x", port="y", source="hardware")


def schedule(data: bytes) -> None:
    """The file in which a board keeps its schedule, damaged, and with a checksum that fits."""
    body = b" " + data
    whole = b"%08x" % zlib.crc32(body) + body
    for content in (data, whole):
        with temporary_file(content, "plan.0") as path:
            stored = _store.load(str(path.with_suffix("")), report=str)
        json.dumps(stored)


TARGETS: Mapping[str, Target] = {
    target.__name__: target
    for target in (
        wire,
        sound_frames,
        store,
        sound_chunks,
        board,
        budgets,
        wiring,
        edges_option,
        recorded_file,
        edge_file,
        run_log,
        results,
        probe,
        schedule,
        *(boot_messages, foreign_lines, other_firmware, scrubber, sync_pattern, witness_stream),
        *(redaction, history_address, toml_text, latest_name, packed_stamps),
    )
}
