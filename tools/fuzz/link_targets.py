"""What reads a link beside a capture's frames: boots, foreign lines, firmware, secrets, edges.

See :mod:`tools.fuzz.targets`.
"""

from __future__ import annotations

import contextlib

from hil.boards.foreign_bytes import ForeignBytes, strip_whole
from hil.boards.other_firmware import recognise_other
from hil.model.board import BoardIdentity
from hil.model.captures import CapturePlan, TaskPlan
from hil.model.errors import BoardResetError, HilError
from hil.model.secret_patterns import SecretPatterns
from hil.protocol.decoder import decode
from hil.protocol.reassembly import assemble
from hil.protocol.stream_scrubber import StreamScrubber
from hil.protocol.witness_edges import read_recording
from hil.recording.boot_messages import ResetWatch, find_boot_loop, find_reset
from tools.synthetic_witness import LINES

SECRET = "Canary-4711 pass"
_BOARD = BoardIdentity("fuzz", "-", "sim", "linux", "x", "1.29", 1 << 16)
_PLAN = CapturePlan(
    "timer_soft", "idle", (TaskPlan(0, 1000),), 20_000, options={"sync": 4, "sync_seed": 1}
)
_PATTERNS = SecretPatterns((SECRET,))
_FORMS = (SECRET, SECRET[::-1], SECRET.encode().hex())


def _is_one_line(text: str) -> None:
    if not text.replace("\t", " ").isprintable():
        raise AssertionError(f"not one line that can be shown: {text[:80]!r}")


def _pieces(data: bytes) -> list[bytes]:
    """``data`` as reads may divide it, by its own first bytes."""
    step = 1 + (data[0] if data else 0) % 40
    return [data[at : at + step] for at in range(0, len(data), step)]


def boot_messages(data: bytes) -> None:
    """What a board says when it starts, whole and as it comes."""
    for running in (False, True):
        reset, kinds = find_reset(data, running=running)
        if (reset is None) != (kinds == 0):
            raise AssertionError("a reset without a sign of it")
        if reset is not None:
            _is_one_line(str(reset.error("x", when="while it ran")))
    find_boot_loop(data)
    watch = ResetWatch("x")
    with contextlib.suppress(BoardResetError):
        for piece in _pieces(data):
            watch.feed(piece)
            watch.check()


def foreign_lines(data: bytes) -> None:
    """Foreign bytes: what is stripped does not depend on how the reads divided it."""
    whole, rest = ForeignBytes().strip(data)
    foreign, said, held = ForeignBytes(), b"", b""
    for piece in _pieces(data):
        foreign.watch(piece)
        given, held = foreign.strip(held + piece)
        said += given
    if len(held) > 1000:
        raise AssertionError("more is held back than a line may have")
    plain = b" (" not in data
    if max(len(whole) + len(rest), len(said) + len(held)) > len(data) or (
        plain and not whole + rest == said + held == data
    ):
        raise AssertionError("what the board said is not what came through")
    foreign.notice_error(data.decode("latin-1"))
    for text in foreign.warnings:
        _is_one_line(text)
    strip_whole(data)


def other_firmware(data: bytes) -> None:
    """What answers behind a port that is no MicroPython."""
    _is_one_line(recognise_other(data))


def scrubber(data: bytes) -> None:
    """Secrets in a stream: gone in whatever pieces they come, and everything else as it was."""
    secret = SECRET.encode()
    stream = data.replace(b"\xff", secret)
    scrubbing = StreamScrubber(_PATTERNS)
    said = b"".join(map(scrubbing.feed, _pieces(stream))) + scrubbing.flush()
    if len(said) != len(stream):
        raise AssertionError("the stream has another length than before")
    for form in _FORMS:
        if form.lower().encode() in said.lower():
            raise AssertionError(f"a secret came through as {form!r}")
    findings, _ = _PATTERNS.find(stream)
    if (
        not findings
        and b"*" not in stream
        and said[: -_PATTERNS.longest] != stream[: len(said)][: -_PATTERNS.longest]
    ):
        raise AssertionError("what is no secret was changed")


def sync_pattern(data: bytes) -> None:
    """Sound frames of a capture with a sync pattern."""
    from tools.fuzz.targets import frames_of

    with contextlib.suppress(HilError):
        capture = assemble(decode(frames_of(data)), _BOARD, _PLAN)
        sync = capture.sync
        if sync is not None and (sync.after_us < sync.before_us).any():
            raise AssertionError("a clock that was read after an edge and before it")


def witness_stream(data: bytes) -> None:
    """What a second board that watches pins sends, any bytes and sound frames."""
    from tools.fuzz.targets import frames_of

    for stream in (data, frames_of(data)):
        recording = read_recording(decode(stream), LINES, "witness")
        for line in recording.lines:
            if (line.times_ns[1:] < line.times_ns[:-1]).any():
                raise AssertionError("edges are not in the order of time")
