"""One piece of work in a process of its own: prints its seconds and its peak of memory as JSON.

python -m tools.bench.child decode|analyse|adev|mtie N|FILE
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from hil.analysis import stability
from hil.experiments.evaluation import summarise_capture
from hil.protocol.decoder import StreamDecoder
from hil.protocol.reassembly import assemble
from hil.recording.capture_reader import read_capture
from tools import synthetic_captures
from tools.processes import peak_bytes


def in_child(what: str, argument: str | int) -> dict[str, float]:
    """Run this module; the last line that it prints."""
    command = [sys.executable, "-m", "tools.bench.child", what, str(argument)]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def decode(argument: str) -> int:
    """Frames, CRC, unwrapping; the encoded stream is made piece by piece and not counted."""
    n = int(argument)
    decoder, waiting, spent = StreamDecoder(), bytearray(), 0.0
    for frame in synthetic_captures.stream(n):
        waiting += frame
        if len(waiting) > 1 << 16:
            start = time.perf_counter()
            decoder.feed(bytes(waiting))
            spent += time.perf_counter() - start
            waiting.clear()
    start = time.perf_counter()
    decoder.feed(bytes(waiting))
    board, plan = synthetic_captures.board(), synthetic_captures.stream_plan(n)
    capture = assemble(decoder.finish(), board, plan)
    spent += time.perf_counter() - start
    assert capture.tracks[0].stamps_us.size == n
    return done(n, spent)


def analyse(argument: str) -> int:
    """From the file to all figures with bounds."""
    before = peak_bytes()
    start = time.perf_counter()
    capture = read_capture(Path(argument))
    read = time.perf_counter() - start
    n = int(capture.tracks[0].stamps_us.size)
    measurements = summarise_capture(capture).measurements
    assert not capture.faults, capture.faults[:3]
    took = time.perf_counter() - start
    return done(n, took, read_s=read, before=before, figures=len(measurements))


def noise(argument: str) -> np.ndarray:
    return np.random.default_rng(2).normal(0.0, synthetic_captures.STREAM_SIGMA_US, int(argument))


def adev(argument: str) -> int:
    x = noise(argument)
    start = time.perf_counter()
    error = stability.error_of(x)
    for m in stability.octaves(x.size):
        stability.adev_squares(error, m)
    return done(x.size, time.perf_counter() - start)


def mtie(argument: str) -> int:
    x = noise(argument)
    start = time.perf_counter()
    stability.mtie(stability.error_of(x), stability.octaves(x.size))
    return done(x.size, time.perf_counter() - start)


def done(n: int, seconds: float, **more: float) -> int:
    print(json.dumps({"n": n, "seconds": seconds, "peak": peak_bytes(), **more}))
    return 0


if __name__ == "__main__":
    works = {"decode": decode, "analyse": analyse, "adev": adev, "mtie": mtie}
    sys.exit(works[sys.argv[1]](sys.argv[2]))
