"""What keeps the person waiting: the suite's wall time, the first stamp, the imports."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from hil.boards.backends.sim import VirtualBoard
from hil.model.captures import Capture
from hil.recording.capture_file import TIME, list_captures, read_chunks
from hil.recording.capture_reader import read_capture
from hil.recording.stored_run import captures_folder
from tools.bench.table import Goal, Row, Times, at_most, in_turn, ratio

ROOT = Path(__file__).resolve().parents[2]
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
    of interrupts, starts and stops.
    """
    spans = {(s.track.origin_us, s.track.end_us) for s in capture.series}
    after = sum(end - origin for origin, end in merged(spans))
    for name in ("share.with_us", "share.bare_us"):
        after += int(capture.values.get(name, np.zeros(0)).sum())
    late = [e.stimulus_us[e.stimulus_us > window_end(capture)] for e in capture.events]
    chains = {(int(times.min()), int(times.max())) for times in late if times.size}
    after += sum(end - start for start, end in merged(chains))
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


def empty_run(folder: str, *without: str) -> list[str]:
    """Pytest in a folder without tests, ``without`` these plugins."""
    left_out = (part for name in without for part in ("-p", f"no:{name}"))
    return [
        *(sys.executable, "-m", "pytest", folder, f"--rootdir={folder}", "-q"),
        *("-p", "no:cacheprovider", *left_out),
    ]


LISTENING_S = 0.2
LISTENING = f"import time; time.sleep({LISTENING_S}); print(1)"
"""As long as a run listens, by intent, for what the board's own program left running."""


NEEDED = "import numpy, serial, mpremote.transport_serial"


def first_stamp_row(rounds: int) -> Row:
    """From the command to the first stamp, against commands that do nothing."""
    names = ("mpremote", "empty", "bare", "needed", "ours")
    times: dict[str, list[float]] = {name: [] for name in names}
    with VirtualBoard() as board, TemporaryDirectory() as folder:
        once = [sys.executable, "-m", "mpremote", "connect", board.port, "resume"]
        nothing, needed = Path(folder, "empty"), Path(folder, "needed")
        nothing.mkdir()
        needed.mkdir()
        needed.joinpath("conftest.py").write_text(NEEDED)
        for number in range(rounds):
            times["mpremote"].append(run([*once, "exec", LISTENING]))
            times["empty"].append(run(empty_run(str(nothing))))
            times["bare"].append(run(empty_run(str(nothing), "hil", "hypothesispytest")))
            times["needed"].append(run(empty_run(str(needed))))
            out = Path(folder, str(number))
            start = time.monotonic_ns()
            run(pytest(board.port, str(out), "--hil-technique=timer_hard", "--hil-duration-s=0.5"))
            times["ours"].append((first_stamp_ns(captures(out)[-1]) - start) / 1e9)
    times["print"] = [seconds - LISTENING_S for seconds in times["mpremote"]]
    times["floor"] = [a + b for a, b in zip(times["needed"], times["mpremote"], strict=True)]
    spent = {name: Times(tuple(seconds)) for name, seconds in times.items()}
    alone = ratio(spent, "ours", "empty", "print")
    least = ratio(spent, "floor", "empty", "print").median
    return Row(
        "from pytest --board=... to the first stamp",
        (
            at_most(
                1.7,
                "an empty pytest run that imports numpy and pyserial + mpremote exec of a print "
                f"and {LISTENING_S} s",
                ratio(spent, "ours", "floor"),
            ),
        ),
        f"{alone.median:.2f}x ({alone.spread}) an empty pytest run + mpremote exec 'print(1)'; "
        f"{spent['ours'].median:.2f} s against {spent['empty'].median:.2f} s (without hil and "
        f"hypothesis {spent['bare'].median:.2f} s) and {spent['print'].median:.2f} s",
        "a board at a serial port that runs already; the first period of 10 ms is included. "
        f"{LISTENING_S} s are listening, by intent, for what the board's own program left running, "
        "so the other side listens as long. That and the imports alone are "
        f"{least:.2f} times the empty commands; 1.4 times them, once wished for, is not reached",
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
    with TemporaryDirectory() as folder:
        works["empty"] = empty_run(folder, "hypothesispytest")
        works["bare"] = empty_run(folder, "hypothesispytest", "hil")
        times = in_turn(rounds, {name: lambda c=c: run(c) for name, c in works.items()})
    return Row(
        "import hil, hil --help, an empty pytest run where hil is installed",
        (
            at_most(1.5, "python -c pass", ratio(times, "import", "pass")),
            at_most(5, "python -c pass", ratio(times, "help", "pass")),
            at_most(1.15, "one without hil", ratio(times, "empty", "bare")),
        ),
        ", ".join(f"{times[name].median:.3f} s" for name in ("import", "help", "empty")),
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


@dataclass(frozen=True, slots=True)
class Taken:
    """One stored capture: when its first and last bytes came (monotonic, s) and what it records."""

    first_s: float
    last_s: float
    ended_s: float
    window_s: float
    after_s: float
    was_reset: bool

    @property
    def resets_s(self) -> float:
        """Time of the resets of a stored plan: from the last byte to the end of the file."""
        return self.ended_s - self.last_s if self.was_reset else 0.0


def taken(out: Path) -> list[Taken]:
    """The captures of the only run in a folder of runs, in their order."""
    (run_folder,) = (p for p in out.iterdir() if p.is_dir() and not p.is_symlink())
    offset = time.time_ns() - time.monotonic_ns()
    captured = []
    for path in list_captures(captures_folder(run_folder)):
        times = [
            TIME.unpack_from(c.payload)[0] / 1e9 for c in read_chunks(path, []) if c.kind == "R"
        ]
        capture = read_capture(path)
        ended = (path.stat().st_mtime_ns - offset) / 1e9
        was_reset = "survival.kill" in capture.values
        captured.append(Taken(times[0], times[-1], ended, *recorded_s(capture), was_reset))
    return captured


def wall_row() -> Row:
    """The whole quick suite on the embedded board, and ``mpremote run`` once a technique."""
    seconds = 5
    with TemporaryDirectory() as folder:
        out = Path(folder, "out")
        program = Path(folder, "users.py")
        program.write_text(USERS.replace("SECONDS", str(seconds)))
        with VirtualBoard() as board:
            command = [sys.executable, "-m", "mpremote", "connect", board.port, "resume", "run"]
            before = [run([*command, str(program)]) / seconds for _ in range(2)]
        begin = time.monotonic()
        wall = run(pytest("sim", str(out)))
        captured = taken(out)
        with VirtualBoard() as board:
            command[-3] = board.port
            behind = [run([*command, str(program)]) / seconds for _ in range(2)]
    theirs = statistics.median(before + behind)
    windows, after = sum(c.window_s for c in captured), sum(c.after_s for c in captured)
    resets = sum(c.resets_s for c in captured)
    inside = sum(c.last_s - c.first_s for c in captured) - windows - after
    between = sum(b.first_s - a.last_s for a, b in pairwise(captured)) - resets
    over = wall / (windows + after + resets)
    return Row(
        "wall time of the quick suite",
        (Goal("<=", 1.12, "mpremote run's, each over what it records", over / theirs),),
        f"{over:.3f} against {theirs:.2f}; {wall:.1f} s over {windows:.0f} s of windows, "
        f"{after:.1f} s of series, pairs and events after them, {resets:.1f} s of resets of a "
        f"stored plan; {wall / windows:.2f}x the first windows alone",
        "recorded is the time in which the board takes what is reported, each second once. The "
        f"rest: {captured[0].first_s - begin:.1f} s to the first byte, {inside:.1f} s within "
        f"captures (clock exchanges, starts and stops, sending), {between:.1f} s between them "
        f"(analysis, agents), {begin + wall - captured[-1].last_s:.1f} s from the last byte to "
        "the end (page, history). mpremote run prints the stamps of one timer and computes nothing",
    )
