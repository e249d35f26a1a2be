"""A board that plays a script, and captures written through the real store."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hil.model.board import BoardIdentity
from hil.model.captures import Capture, CapturePlan, TaskPlan
from hil.protocol.encoder import StreamEncoder
from hil.recording.capture_file import CaptureWriter
from hil.recording.capture_reader import read_capture

BOARD = BoardIdentity("sim", "/dev/pts/1", "sim", "linux", "m", "1.29", 1 << 30)
PLAN = CapturePlan("timer_soft", "idle", (TaskPlan(0, 10_000), TaskPlan(1, 10_000)), 300_000)


def stream(
    *, log: bytes = b"", n: int = 30, without: str = "", status: str = "ok", log_at: str = "T"
) -> bytes:
    """What an agent of ``PLAN`` sends; ``without`` leaves out one frame, by its first letters."""
    encoder = StreamEncoder()

    def text(kind: str, /, **fields: int | str) -> None:
        if kind == log_at and log:
            encoder.raw(log)
        name = kind + str(fields.get("i", fields.get("task", "")))
        if name == without:
            encoder.sequence += 1
        else:
            encoder.text(kind, **fields)

    text("H", v=1, tp=1 << 30, tasks=2)
    for k in (0, 1):
        text("C", i=k, name=f"task{k}", kind="ticks")
    for k in (0, 1):
        text("G", task=k, origin=1000, offset=10_000, period=10_000)
    for k in (0, 1):
        encoder.stamps(k, [11_000 + 10_000 * j + (7 * j + k) % 5 for j in range(n)])
    for k in (0, 1):
        text("T", i=k, n=n, dropped=0)
        log = b""
    text("E", us0=900, us1=301_000, ms0=0, ms1=300, status=status)
    return encoder.data


@pytest.fixture
def stored(tmp_path: Path) -> Callable[..., Capture]:
    """A function that writes bytes as a capture and reads it back."""

    def store(data: bytes, status: str | None = "ok", plan: CapturePlan = PLAN) -> Capture:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.hilcap"
        with CaptureWriter(path, BOARD, plan) as writer:
            writer.rx(data, 1000)
            if status is not None:
                writer.finish(status)
        return read_capture(path)

    return store
