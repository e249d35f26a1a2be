"""What keeps the person waiting: the suite's wall time, the first stamp, the page, the imports."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from table import Row, in_turn, ratio

from hil.records import Capture
from hil.store import list_captures, read_capture, read_chunks
from hil.store.chunks import TIME
from hil.stored_run import captures_folder
from hil.transport.vm import VirtualBoard

ROOT = Path(__file__).resolve().parents[3]
SUITE = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), "-q", "-p", "no:cacheprovider"]


def run(command: list[str], **options: object) -> float:
    """Seconds of a command; its output is not looked at."""
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)  # type: ignore[call-overload]
    return time.perf_counter() - start


def pytest(board: str, out: str, *more: str) -> list[str]:
    return [
        *(sys.executable, "-m", "pytest", str(ROOT / "benchmarks"), *SUITE),
        *(f"--board={board}", f"--hil-out={out}", *more),
    ]


def recorded_s(capture: Capture) -> tuple[float, float]:
    """Seconds of the window, and of what is recorded after it.

    After it: series of variants (those side by side once), pairs for the background's share, events
    of interrupts, starts and stops, lives of a stored plan.
    """
    spans = {(s.track.origin_us, s.track.end_us) for s in capture.series}
    after = sum(end - origin for origin, end in merged(spans))
    for name in ("share.with_us", "share.bare_us"):
        after += int(capture.values.get(name, np.zeros(0)).sum())
    for events in capture.events:
        late = events.stimulus_us[events.stimulus_us > window_end(capture)]
        after += int(late[-1] - late[0]) if late.size > 1 else 0
    return capture.plan.duration_us / 1e6, after / 1e6


def window_end(capture: Capture) -> int:
    """End of the window on the board's clock."""
    return capture.tracks[0].end_us if capture.tracks else 0


def merged(spans: set[tuple[int, int]]) -> list[tuple[int, int]]:
    """Stretches of time; those that overlap are one."""
    result: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if result and start < result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result


def captures(out: Path) -> list[Capture]:
    """The captures of the only run in a folder of runs."""
    (run_folder,) = (p for p in out.iterdir() if p.is_dir() and not p.is_symlink())
    return [read_capture(path) for path in list_captures(captures_folder(run_folder))]


def first_stamp_row(rounds: int) -> Row:
    """From the command to the first stamp, against mpremote's shortest command."""
    over: list[float] = []
    each: list[float] = []
    with VirtualBoard() as board, TemporaryDirectory() as folder:
        once = [sys.executable, "-m", "mpremote", "connect", board.port, "resume"]
        for number in range(rounds):
            theirs = run([*once, "exec", "print(1)"])
            out = Path(folder, str(number))
            start = time.monotonic_ns()
            run(pytest(board.port, str(out), "--hil-technique=timer_hard", "--hil-duration-s=0.5"))
            ours = (first_stamp_ns(captures(out)[-1]) - start) / 1e9
            each.append(ours)
            over.append(ours - theirs)
    middle = float(np.median(over))
    return Row(
        "from pytest --board=... to the first stamp",
        "<= 1.0 s over mpremote exec 'print(1)'",
        f"{middle:.2f} s over it ({min(over):.2f} to {max(over):.2f}); {np.median(each):.2f} s in all",
        middle <= 1.0,
        "a board at a serial port that runs already; the first period of 10 ms is included",
    )


def first_stamp_ns(capture: Capture) -> int:
    """Host time of the first stamp, by the clock exchange that was fastest."""
    pings = capture.pings
    assert pings is not None
    best = int(np.argmin(pings.host_rx_ns - pings.host_tx_ns))
    middle = int(pings.host_rx_ns[best] + pings.host_tx_ns[best]) // 2
    since_us = int(capture.tracks[0].stamps_us[0] - pings.board_rx_us[best])
    return middle + since_us * 1000


def import_row(rounds: int) -> Row:
    """What a person waits for before anything happens."""
    python = sys.executable
    beside = Path(python).with_name("hil")
    works = {
        "pass": [python, "-c", "pass"],
        "import": [python, "-c", "import hil"],
        "help": [str(beside), "--help"],
    }
    times = in_turn(rounds, {name: lambda c=c: run(c) for name, c in works.items()})
    took, shown = times["import"].median, times["help"].median
    return Row(
        "import hil, hil --help",
        "<= 0.15 s, <= 0.3 s",
        f"{took:.3f} s, {shown:.3f} s ({ratio(times, 'import', 'pass')[0]:.1f}x and "
        f"{ratio(times, 'help', 'pass')[0]:.1f}x python -c pass)",
        took <= 0.15 and shown <= 0.3,
    )


USERS = """
import time
from machine import Timer
stamps = []
timers = [Timer(-1) for _ in range(2)]
for timer in timers:
    timer.init(period=10, callback=lambda t: stamps.append(time.ticks_us()))
time.sleep(SECONDS)
for timer in timers:
    timer.deinit()
for stamp in stamps:
    print(stamp)
"""
"""What one would write to see a timer's jitter: printed at the end, to be looked at by hand."""


def wall_row(techniques: int = 13) -> Row:
    """The whole quick suite on the embedded board, and ``mpremote run`` once a technique."""
    with TemporaryDirectory() as folder:
        out = Path(folder, "out")
        wall = run(pytest("sim", str(out)))
        taken = captures(out)
        counted = [recorded_s(capture) for capture in taken]
        outside = outside_s(out)
        program = Path(folder, "users.py")
        seconds = counted[-1][0]
        program.write_text(USERS.replace("SECONDS", str(int(seconds))))
        with VirtualBoard() as board:
            command = [sys.executable, "-m", "mpremote", "connect", board.port, "resume", "run"]
            theirs = sum(run([*command, str(program)]) for _ in range(3)) / 3 / seconds
    windows, after = (sum(one[k] for one in counted) for k in (0, 1))
    lives = sum(values.get("survival", 0.0) for values in outside)
    over = wall / (windows + after + lives)
    return Row(
        "wall time of the quick suite over what it records",
        f"<= 1.15 (mpremote run: {theirs:.2f})",
        f"{over:.3f} ({wall:.1f} s over {windows:.0f} s of windows, {after:.1f} s of series, pairs "
        f"and events after them, {lives:.1f} s of lives of a stored plan); "
        f"{wall / windows:.2f} over the first windows alone",
        over <= 1.15,
        f"{sum(1 for one in counted if one[0])} captures; recorded time is the time in which the "
        "board takes stamps that are reported, each second once; page and imports are in the wall "
        "time. mpremote run prints stamps of one timer program and computes nothing",
    )


def outside_s(out: Path) -> list[dict[str, float]]:
    """Seconds between a capture's last frame and its end, where lives of a plan are cut off."""
    found = []
    (run_folder,) = (p for p in out.iterdir() if p.is_dir() and not p.is_symlink())
    for path in list_captures(captures_folder(run_folder)):
        ended, last = path.stat().st_mtime_ns, 0
        for chunk in read_chunks(path, []):
            if chunk.kind == "R":
                last = TIME.unpack_from(chunk.payload)[0]
        lived = "survival.kill" in read_capture(path).values
        # file times and the monotonic clock run side by side
        now = time.time_ns() - time.monotonic_ns()
        found.append({"survival": (ended - now - last) / 1e9} if lived else {})
    return found


def page_row(stamps: int = 100_000) -> Row:
    """The page of 13 techniques under 7 loads, from captures in memory."""
    from synthetic import identity, jitter

    from hil.budgets import default_budgets
    from hil.metrics import LOADS, TECHNIQUES
    from hil.records import CapturePlan, RunInfo, TaskPlan, Track
    from hil.report.html import render_page
    from hil.report.remake import results_of
    from hil.run_log import RunRecord
    from hil.stored_run import StoredRun

    each = stamps // 2
    window = each * 1000
    made = []
    for number, (load, technique) in enumerate((a, b) for a in LOADS for b in TECHNIQUES):
        tasks = (TaskPlan(0, 1000), TaskPlan(1, 1000))
        tracks = tuple(
            Track(k, 1000.0, 0, window, np.arange(each) * 1000 + jitter(each, 2 * number + k))
            for k in (0, 1)
        )
        plan = CapturePlan(technique, load, tasks, window)
        made.append(Capture(identity(), plan, tracks))
    info = RunInfo("bench", "2026-01-01T00:00:00Z", 1.0, "nightly", "0", "host", "sim")
    stored = StoredRun(RunRecord(info, (), (), True), tuple(made))
    start = time.perf_counter()
    results = results_of(stored, default_budgets())
    analysed = time.perf_counter() - start
    page = render_page(results, stored.captures)
    took = time.perf_counter() - start
    size = len(page.encode()) / 1e6
    return Row(
        f"report of {len(TECHNIQUES)} techniques x {len(LOADS)} loads x {stamps:,} stamps",
        "<= 15 s, <= 5 MB",
        f"{took:.1f} s (of it analysis {analysed:.1f} s), {size:.2f} MB",
        took <= 15.0 and size <= 5.0,
    )
