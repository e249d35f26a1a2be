"""What a board or a stored file claims takes neither the memory nor the time that it claims."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hil.model.board import BoardIdentity
from hil.model.captures import CapturePlan, TaskPlan
from hil.model.errors import CaptureError
from hil.protocol import frames
from hil.protocol.capture_limits import CaptureLimits
from hil.protocol.decoder import StreamDecoder
from hil.protocol.encoder import StreamEncoder, encode_text
from hil.recording.capture_file import CaptureWriter
from hil.recording.capture_reader import read_capture

BOARD = BoardIdentity("x", "-", "hardware", "p", "m", "1.24", 1 << 30)
PLAN = CapturePlan("timer_soft", "idle", (TaskPlan(0, 10_000), TaskPlan(1, 10_000)), 1_000_000)
A_MONTH = replace(PLAN, duration_us=30 * 86_400_000_000, streaming=True)
ROOM_MB = 150
READER = f"""
import resource, sys
from pathlib import Path
from hil.experiments.evaluation import summarise_capture
from hil.model.errors import HilError
from hil.recording.capture_reader import read_capture
from hil.recording.validity import require_valid
import numpy as np
np.sort(np.arange(100_000)); np.unique(np.arange(100_000), return_inverse=True)
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + ({ROOM_MB} << 20),) * 2)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    capture = read_capture(Path(sys.argv[1]))
    require_valid(capture)
    outcome = "valid"
except HilError as error:
    outcome = str(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
print(outcome)
"""


def head(plan: CapturePlan) -> StreamEncoder:
    encoder = StreamEncoder()
    encoder.text("H", v=1, tp=1 << 30, tasks=len(plan.tasks))
    for task in plan.tasks:
        encoder.text("C", i=task.index, name=f"task{task.index}", kind="ticks")
        encoder.text("G", task=task.index, origin=1000, offset=0, period=task.period_us)
    return encoder


def end(encoder: StreamEncoder, plan: CapturePlan, n: int) -> bytes:
    for task in plan.tasks:
        encoder.text("T", i=task.index, n=n, dropped=0)
    encoder.text("E", us0=1000, us1=1_001_000, ms0=0, ms1=1000, status="ok", c1=2**61)
    return encoder.data


def zero_width(count: int, sequence: int) -> bytes:
    """``count`` frames of some 25 characters, each of 512 values that take no bits."""
    begin = frames.digit(0) + frames.digit(0) + frames.word(512)
    rest = frames.digit(0) + frames.digit(0) + frames.snumber(0)
    return b"".join(
        frames.frame("S", sequence + k, begin + frames.number(512 * k) + rest) for k in range(count)
    )


def bomb(plan: CapturePlan) -> bytes:
    encoder = head(plan)
    count = 80_000
    encoder.raw(zero_width(count, encoder.sequence))
    encoder.sequence += count
    return end(encoder, plan, 2**47)


def many(kind: str, count: int, body: str) -> bytes:
    encoder = head(PLAN)
    first = encoder.sequence
    encoder.raw(b"".join(encode_text(kind, first + k, [("a", body)]) for k in range(count)))
    encoder.sequence += count
    return end(encoder, PLAN, 0)


def usual(plan: CapturePlan) -> bytes:
    encoder = head(plan)
    for task in plan.tasks:
        late = np.random.default_rng(task.index).integers(0, 50, 100)
        encoder.stamps(task.index, 1000 + 10_000 * np.arange(100) + late)
    return end(encoder, plan, 100)


def stored(path: Path, plan: CapturePlan, data: bytes) -> Path:
    with CaptureWriter(path, BOARD, plan) as writer:
        for at in range(0, len(data), 4000):
            writer.rx(data[at : at + 4000], at)
        writer.finish("ok")
    return path


def read_within_limits(path: Path) -> tuple[int, str]:
    """How many MB reading it took beside the imports, and what came of it."""
    done = subprocess.run(
        [sys.executable, "-c", READER, path], capture_output=True, text=True, check=True, timeout=60
    )
    used, outcome = done.stdout.splitlines()
    return int(used), outcome


BOMBS = {
    "zero-width blocks": lambda: bomb(PLAN),
    "clock exchanges": lambda: many("P", 100_000, "1"),
    "grids": lambda: many("G", 100_000, "1"),
    "unknown frames": lambda: many("z", 100_000, ""),
    "fields": lambda: many("P", 1_000, ";" + "".join(f"{k}=;" for k in range(1000))),
    "empty lines": lambda: end(head(PLAN), PLAN, 0) + b"\n" * 1_500_000,
}


TOLD = ("zero-width blocks", "clock exchanges", "grids")
"""The others are strange, but no more than a capture of this plan may be."""


@pytest.fixture(scope="module")
def usual_mb(tmp_path_factory) -> int:
    path = stored(tmp_path_factory.mktemp("usual") / "a.hilcap", PLAN, usual(PLAN))
    used, outcome = read_within_limits(path)
    assert outcome == "valid"
    return used


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS and /proc")
@pytest.mark.parametrize("kind", BOMBS)
def test_a_capture_takes_the_memory_of_its_plan(kind, tmp_path, usual_mb):
    """2 MB of frames for 41 million stamps would be 328 MB: a plan of a second has 200."""
    used, outcome = read_within_limits(stored(tmp_path / "a.hilcap", PLAN, BOMBS[kind]()))
    told = outcome.startswith("the capture is invalid: ")
    assert told == (kind in TOLD), outcome
    assert used < usual_mb + 90


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS and /proc")
def test_a_stored_plan_of_a_month_takes_no_more_than_there_is(tmp_path):
    """The plan beside stored frames is as hostile as they are."""
    path = stored(tmp_path / "a.hilcap", A_MONTH, bomb(A_MONTH))
    _, outcome = read_within_limits(path)
    assert outcome == f"{path} needs more memory than there is; read it on a larger computer"


@pytest.mark.parametrize(
    "change",
    [
        {"duration_us": 1 << 62},
        {"duration_us": -1},
        {"tasks": (TaskPlan(0, 0),)},
        {"tasks": (TaskPlan(0, -5),)},
        {"tasks": tuple(TaskPlan(k, 1000) for k in range(1001))},
    ],
)
def test_a_stored_plan_that_nobody_made_is_refused(tmp_path, change):
    path = stored(tmp_path / "a.hilcap", replace(PLAN, **change), b"")
    with pytest.raises(CaptureError, match=r"does not say properly what was measured: plan\."):
        read_capture(path)


def lost_frames(count: int) -> bytes:
    """Every second frame is lost, and another one damaged in its place."""
    sound = [frames.frame("R", 2 * k, b"n=0") for k in range(count)]
    return b"".join(line + b"~Rxx\n" for line in sound)


def repeated(count: int) -> bytes:
    return frames.frame("R", 0, b"n=0") * count


def overlapping(count: int) -> bytes:
    body = frames.digit(0) + frames.digit(0) + frames.word(1) + frames.number(0)
    body += frames.digit(0) + frames.digit(0) + frames.snumber(0)
    channel = frames.frame("C", 0, b"i=0;name=task0;kind=ticks")
    return channel + b"".join(frames.frame("S", 1 + k, body) for k in range(count))


def marks(count: int) -> bytes:
    return b"~" * count * 20


def prints(count: int) -> bytes:
    return b"Traceback (most recent call last):\n  x\nError\n" * count


STORMS = (lost_frames, repeated, overlapping, marks, prints)


@pytest.mark.parametrize("storm", STORMS)
@pytest.mark.parametrize("piece", [64, 1 << 16])
def test_twice_as_much_takes_about_twice_the_time(storm, piece):
    limits = replace(CaptureLimits.of_plan(PLAN), tasks=(1 << 30, 0), frames=1 << 30, texts=None)

    def seconds(data: bytes) -> float:
        decoder = StreamDecoder(limits)
        begun = time.process_time()
        for at in range(0, len(data), piece):
            decoder.feed(data[at : at + piece])
        decoder.finish()
        return time.process_time() - begun

    count = 1_500
    once, twice, eightfold = storm(count), storm(2 * count), storm(8 * count)
    seconds(once)
    base = min(seconds(twice) for _ in range(3))
    assert min(seconds(eightfold) for _ in range(2)) < 9 * max(base, 0.005)
