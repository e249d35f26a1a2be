"""Soak: the embedded board streams at full rate through many tick wraps; nothing may be lost.

    python -m tools.soak [--minutes M] [--rate HZ] [--stamps N]

First a live capture on `sim` with short ticks (2**tick_bits us) at ``--rate`` for ``--minutes``:
every stamp must arrive, unwrapped, and the memory of harness and board stay flat. Then a report
from ``--stamps`` synthetic stamps through the real store and analysis.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from hil.boards.backends.registry import parse_board
from hil.boards.backends.sim import SimBoard
from hil.experiments.evaluation import summarise_capture
from hil.experiments.plan import Case, capture_job, find_profile, make_cases
from hil.experiments.session import Session
from hil.recording.capture_reader import read_capture
from hil.recording.interfaces import Observer
from hil.recording.validity import require_valid
from tools.processes import children, resident_mb
from tools.synthetic_captures import STREAM_PERIOD_US, store_stream

TICK_BITS = 26  # 67 s


class Watch(Observer):
    """Notes the memory of this process and of the board's as the capture goes on."""

    def __init__(self, supervisor: int) -> None:
        self._supervisor = supervisor
        self.rss_mb: list[tuple[float, float, float]] = []

    def advance(self, elapsed_s: float, received_bytes: int) -> None:  # noqa: ARG002
        if not self.rss_mb or elapsed_s - self.rss_mb[-1][0] > 5:
            of_board = sum(map(resident_mb, children(self._supervisor)))
            self.rss_mb.append((elapsed_s, resident_mb(), of_board))

    def grown(self, which: int, settled_s: float) -> tuple[float, float]:
        """MB from the settled state to the end, and between the least and the most."""
        values = [sample[which] for sample in self.rss_mb if sample[0] > settled_s] or [0.0]
        return values[-1] - values[0], max(values) - min(values)


def live(minutes: float, rate_hz: float, technique: str, folder: Path) -> list[str]:
    """Stream from the embedded board; returns what was wrong."""
    (case,) = make_cases(
        find_profile("soak"), [technique], ["idle"],
        period_ms=1000 / rate_hz, duration_s=max(60 * minutes, 61), windows=1,
    )  # fmt: skip
    path = folder / "soak.hilcap"
    first = Case(replace(case.plan, duration_us=5_000_000))  # the agents' own memory
    with Session(parse_board(f"sim:tick_bits={TICK_BITS}")) as session:
        board = session._connection.board
        watch = Watch(board.process.pid if isinstance(board, SimBoard) else 0)
        session.capture(capture_job(first, session.board), folder / "first.hilcap")
        free = int(session._repl.exec("import gc; gc.collect(); print(gc.mem_free())"))
        session.capture(capture_job(case, session.board), path, observer=watch)
        free_after = int(session._repl.exec("gc.collect(); print(gc.mem_free())"))
    capture = read_capture(path)
    require_valid(capture)
    wrong = [f"{fault.kind}: {fault.detail}" for fault in capture.faults]
    seconds = case.plan.duration_us / 1e6
    stamps = sum(len(track.stamps_us) for track in capture.tracks)
    dropped = sum(track.dropped for track in capture.tracks)
    lost = sum(gap.count for track in capture.tracks for gap in track.gaps)
    wrong += [f"{dropped} dropped"] if dropped else []
    wrong += [f"{lost} lost on the wire"] if lost else []
    for track in capture.tracks:
        asked = int((track.end_us - track.origin_us) // track.period_us)
        if abs(len(track.stamps_us) - asked) > 0.001 * asked + 2 and technique != "thread":
            wrong.append(f"task {track.index}: {len(track.stamps_us)} stamps of {asked}")
        if (np.diff(track.stamps_us) <= 0).any():
            wrong.append(f"task {track.index}: time goes back")
    settled_s = min(10, seconds / 4)
    grown, spread = watch.grown(1, settled_s)
    vm_grown, vm_spread = watch.grown(2, settled_s)
    for who, mb in (("this process", grown), ("the board's process", vm_grown)):
        if mb > 5:
            wrong.append(f"{who} grew by {mb:.1f} MB while it captured")
    if free - free_after > 4096:
        wrong.append(
            f"the board has {free - free_after} bytes less free than after a short capture"
        )
    print(
        f"live: {technique} at {rate_hz:g} Hz, 2 tasks, {seconds:.0f} s, "
        f"{seconds * 1e6 / 2**TICK_BITS:.1f} tick wraps: {stamps:,} stamps, {dropped} dropped, "
        f"{lost} lost, {path.stat().st_size / max(1, stamps):.2f} bytes a stamp on disk, "
        f"harness {grown:+.2f} MB (least to most {spread:.2f}), the board's process "
        f"{vm_grown:+.2f} MB ({vm_spread:.2f}), its heap {free_after - free:+,} bytes free"
    )
    return wrong


def synthetic(count: int, folder: Path) -> list[str]:
    """A report from ``count`` stamps, through the store."""
    each = count // 2
    path = folder / "large.hilcap"
    began = time.monotonic()
    store_stream(path, each, tasks=2)
    written = time.monotonic()
    capture = read_capture(path)
    read = time.monotonic()
    require_valid(capture)
    summary = summarise_capture(capture)
    done = time.monotonic()
    stamps = sum(len(track.stamps_us) for track in capture.tracks)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"synthetic: {stamps:,} stamps over {each * STREAM_PERIOD_US / 3.6e9:.1f} h of board time, "
        f"{path.stat().st_size / 1e6:.0f} MB; written in {written - began:.0f} s, read in "
        f"{read - written:.1f} s, {len(summary.measurements)} figures in {done - read:.1f} s, "
        f"peak {peak:.0f} MB"
    )
    wrong = [f"{fault.kind}: {fault.detail}" for fault in capture.faults]
    missed = sum(m.value for m in summary.measurements if m.metric == "missed")
    if stamps != 2 * each or missed:
        wrong.append(f"{stamps} stamps of {2 * each}, {missed:g} missed")
    return wrong


def main() -> int:
    """Soak and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--technique", default="timer_hard")
    parser.add_argument("--stamps", type=float, default=1.2e7)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="hil-soak-"))
    try:
        wrong = synthetic(int(options.stamps), folder) if options.stamps else []
        if options.minutes:
            wrong += live(options.minutes, options.rate, options.technique, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for line in wrong:
        print(f"wrong: {line}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
