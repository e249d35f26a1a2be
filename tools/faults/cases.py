"""The kinds of faults of the campaign, and one run of each: what happened, and was it told?"""

from __future__ import annotations

import contextlib
import os
import random
import resource
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hil.boards.fault_injection import FaultSpec, LinkFaults
from hil.boards.raw_repl import RawRepl
from hil.boards.serial_port import BufferedPort
from hil.experiments.evaluation import summarise_capture
from hil.model.board import BoardIdentity
from hil.model.captures import Capture
from hil.model.errors import CaptureError, HilError
from hil.recording.capture_file import CaptureWriter, read_chunks
from hil.recording.capture_loop import run_capture
from hil.recording.capture_reader import read_capture
from hil.recording.validity import require_valid, truncate_capture
from tools.faults.scripted_board import (
    TICKS,
    Script,
    ScriptedBoard,
    ScriptedClock,
    ScriptedDevice,
    make_script,
)

BOARD = BoardIdentity("scripted", "-", "sim", "x", "scripted", "1.24", TICKS)
LINK = (
    *("none", "drop", "flip", "dup", "reorder", "delay", "garbage", "storm", "echo"),
    *("silence", "lost", "reset", "stall", "mix"),
)
ON_BOARD = (
    *("callback", "hard", "thread", "coroutine", "memory"),
    *("hang", "irq storm", "watchdog", "restart", "clock step"),
)
ON_HOST = ("disk full", "folder removed", "interrupt", "kill -9", "file damaged")
KINDS = LINK + ON_BOARD + ON_HOST
MUST_FAIL = frozenset(("silence", "lost", "callback", "hard", "thread", "coroutine", "memory")) | {
    "hang",
    "irq storm",
    "watchdog",
    "restart",
    "clock step",
    "interrupt",
}
_CODE_S, _SLACK_S, _IDLE_S = 20.0, 30.0, 15.0


@dataclass(frozen=True)
class Outcome:
    """One run: ``end`` is sound, losses, error; every entry of ``wrong`` is a defect."""

    kind: str
    seed: int
    end: str
    wrong: tuple[str, ...]
    cause: str = ""
    committed: int = 0


class ScriptedRepl(RawRepl):
    """The real read side of the REPL on a scripted port."""

    def __init__(self, board: ScriptedBoard, faults: LinkFaults) -> None:
        self.port = "scripted"
        self.clock = board.clock
        self._serial: _Port = _Port(board, faults)


class _Port(BufferedPort):
    """Between them; ``delivered`` is what arrived, ``on_break`` is called at a byte of it."""

    def __init__(self, board: ScriptedBoard, faults: LinkFaults) -> None:
        super().__init__(ScriptedDevice(board.write), board.clock)
        self._board = board
        self.faults = faults
        self.delivered = bytearray()
        self.break_at = -1
        self.struck = False
        self.on_break: Callable[[], None] = _interrupt

    def receive(self, timeout_s: float) -> bytes:
        """What the board says."""
        return self._board.read(timeout_s)

    def _fill(self, timeout_s: float) -> bytes:
        data = super()._fill(timeout_s)
        if 0 <= self.break_at < len(self.delivered) + len(data):
            self.break_at = -1
            self.struck = True
            self.on_break()
        self.delivered += data
        return data


def link_faults(kind: str, size: int, chance: random.Random, *, always: bool = False) -> FaultSpec:
    """The link's faults for ``kind`` in a stream of about ``size`` bytes, in captures or always."""
    rate = 10 ** chance.uniform(-4, -1.5)
    offset = chance.randrange(1, max(2, size))
    seed = chance.randrange(1 << 30)
    more: dict[str, int] = {"always": 1} if always else {}
    match kind:
        case "drop" | "flip" | "dup" | "reorder" | "garbage" | "storm":
            return FaultSpec(**{kind: rate}, seed=seed, **more)  # type: ignore[arg-type]
        case "delay":
            return FaultSpec(delay=rate, delay_ms=chance.uniform(1, 3000), seed=seed, **more)
        case "echo":
            return FaultSpec(echo=1, **more)
        case "silence":
            return FaultSpec(silence_at=offset, **more)
        case "lost":
            return FaultSpec(lost_at=offset, gone_s=chance.uniform(0.1, 30), **more)
        case "reset":
            return FaultSpec(reset_at=offset, **more)
        case "stall":
            return FaultSpec(stall_at=offset, stall_s=chance.uniform(0.1, 10), **more)
        case "mix":
            return FaultSpec(
                drop=rate / 6, flip=rate / 6, dup=rate / 6, reorder=rate / 6, garbage=rate / 6,
                storm=rate / 6, seed=seed, **more,
            )  # fmt: skip
    return FaultSpec()


def step_clock(script: Script, chance: random.Random) -> None:
    """The board's clock steps in the middle of its window."""
    # less than some per cent of the window can't be told from a clock of another rate
    least = script.plan.duration_us // 8
    step = script.step_us = chance.choice((-1, 1)) * chance.randrange(least, 3_000_000 + least)
    script.pings = 20
    for index, stamps in enumerate(script.stamps):
        half = len(stamps) // 2
        script.stamps[index] = np.concatenate((stamps[:half], stamps[half:] + step))


def run(kind: str, seed: int, folder: Path) -> Outcome:
    """One seeded run of one kind."""
    chance = random.Random(f"{kind} {seed}")
    script = make_script(chance, kind if kind in ON_BOARD and kind != "clock step" else "")
    if kind == "clock step":
        step_clock(script, chance)
    path = folder / f"{kind.replace(' ', '_')}_{seed}.hilcap"
    size = 600 + sum(len(s) for s in script.stamps) * 2 + script.pings * 80
    wrong: list[str] = []
    clock = ScriptedClock()
    board = ScriptedBoard(script, clock, chance)
    faults = LinkFaults(link_faults(kind, size, chance))
    faults.follow(clock)
    faults.arm()
    repl = ScriptedRepl(board, faults)
    port = repl._serial
    began = clock.now
    window_s = script.plan.duration_us / 1e6
    limit_s = 2 * window_s + _SLACK_S
    try:
        cause = _take(kind, repl, port, script, path, limit_s, chance, size)
    except CaptureError as error:
        cause, board.interrupted = str(error), True  # no file, so the agent never began
    except BaseException as error:
        cause = repr(error)
        wrong.append(f"not an error of ours: {cause[:80]}")
    # the idle and the overall limit, and the wait for the end of the program
    if clock.now - began > limit_s + _CODE_S + 1:
        wrong.append(f"late: {clock.now - began:.0f} s of {limit_s:.0f}")
    if cause and not board.interrupted and not clock.now < faults._gone_until:
        wrong.append("the board was not stopped")
    if kind == "kill -9":
        raw = path.read_bytes()
        path.write_bytes(raw[: chance.randrange(8, len(raw))])
    elif kind == "file damaged":
        raw = bytearray(path.read_bytes())
        raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
        path.write_bytes(raw)
    struck = kind in ON_BOARD or port.struck or any(faults.done.values())
    outcome = _judge(kind, seed, script, path, bytes(port.delivered), cause, wrong, struck)
    path.unlink(missing_ok=True)
    return outcome


def _take(
    kind: str, repl: ScriptedRepl, port: _Port, script: Script, path: Path, limit_s: float,
    chance: random.Random, size: int,
) -> str:  # fmt: skip
    """Capture as a session does; returns the error's text, empty for none."""
    window_s = script.plan.duration_us / 1e6
    limit = chance.randrange(700, 700 + size) if kind == "disk full" else None
    if kind == "interrupt":
        port.break_at, port.on_break = chance.randrange(size), _interrupt
    elif kind == "folder removed":
        port.break_at = chance.randrange(size)
        port.on_break = lambda: shutil.rmtree(path.parent)
    with file_limit(limit), CaptureWriter(path, BOARD, script.plan) as writer:
        try:
            rest = run_capture(
                repl,
                writer,
                repl.deadline(limit_s, window_s + _IDLE_S),
                ping_every_s=1.0 if script.plan.streaming else None,
                clock=repl.clock,
            )
            repl.unread(rest)
            repl.end_of_program(repl.deadline(_CODE_S))
        except BaseException as error:
            ours = isinstance(error, HilError)
            with contextlib.suppress(HilError):
                repl.write(b"\x03\x03")
            with contextlib.suppress(HilError):
                writer.finish(f"error: {error}" if ours else "interrupted")
            if not ours and not isinstance(error, KeyboardInterrupt):
                raise
            return str(error) or "interrupted"
        writer.finish("ok")
    return ""


def _interrupt() -> None:
    raise KeyboardInterrupt


@contextlib.contextmanager
def file_limit(size: int | None) -> Iterator[None]:
    if size is None:
        yield
        return
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


def _judge(
    kind: str, seed: int, script: Script, path: Path, delivered: bytes, cause: str,
    wrong: list[str], struck: bool,
) -> Outcome:  # fmt: skip
    committed = 0
    end = "error"
    try:
        capture = read_capture(path)
    except CaptureError as error:
        if kind not in ("folder removed", "kill -9", "file damaged"):
            wrong.append(f"unreadable: {error}")
        return Outcome(kind, seed, "error", tuple(wrong), cause or str(error))
    wrong += wrong_stamps(capture, script)
    committed = sum(len(track.stamps_us) for track in capture.tracks)
    if kind not in ("disk full", "kill -9", "file damaged"):
        stored = b"".join(c.payload[8:] for c in read_chunks(path, []) if c.kind == "R")
        if not delivered.startswith(stored) or len(stored) < len(delivered.partition(b"\x04")[0]):
            wrong.append("bytes that came are not on disk")
    try:
        require_valid(capture)
    except HilError as error:
        cause = cause or str(error)
        if not str(error).strip() or "\n" in str(error):
            wrong.append(f"the cause is not one line: {error}")
        rest = truncate_capture(capture)
        if rest is not None:
            summarise_capture(rest)
    else:
        if cause:
            wrong.append(f"failed ({cause[:60]}), but what is stored gives figures")
        end = "losses" if capture.faults else "sound"
        wrong += wrong_figures(capture, script)
        if kind in MUST_FAIL and struck:
            wrong.append(f"a run with {kind!r} gave figures")
    if kind in ("none", "stall", "delay") and not cause and end != "sound":
        wrong.append("losses where nothing was lost")
    if kind == "none" and end != "sound":
        wrong.append(f"nothing was wrong: {cause}")
    return Outcome(kind, seed, end, tuple(wrong), cause, committed)


def wrong_stamps(capture: Capture, script: Script) -> list[str]:
    """Stamps that differ from those that the board recorded at the same index."""
    wrong = []
    for track in capture.tracks:
        truth = script.stamps[track.index]
        index = np.arange(len(track.stamps_us))
        for gap in track.gaps:
            index[gap.position :] += gap.count
        if len(index) and index[-1] >= len(truth):
            wrong.append("stamps that never were")
            continue
        got = track.stamps_us
        if ((got - truth[index]) % TICKS).any():
            wrong.append("a wrong stamp")
        elif len(got) > 1 and (np.diff(got) != np.diff(truth[index])).any():
            wrong.append("a stamp a wrap away")
    return wrong


def wrong_figures(capture: Capture, script: Script) -> list[str]:
    """Figures of a capture that passed, against those of the script itself."""
    wrong = []
    clean = {t.index: t for t in capture.tracks}
    for task, truth in enumerate(script.stamps):
        track = clean[task]
        lost = sum(gap.count for gap in track.gaps)
        if len(track.stamps_us) + lost + track.dropped != len(truth):
            wrong.append("stamps are missing and not told")
        if lost and not capture.faults:
            wrong.append("losses without a fault")
    for figure in summarise_capture(capture).measurements:
        if figure.metric == "missed" and figure.value > 0:
            wrong.append(f"missed = {figure.value:g}, but none was")
        if figure.metric == "lateness_max_us":
            due = script.grid + script.plan.tasks[0].period_us * (
                1 + np.arange(len(script.stamps[0]))
            )
            top = max(int((s - due).max()) for s in script.stamps)
            if figure.value > top + 1:
                wrong.append(f"lateness_max {figure.value:g} above the true {top}")
    return wrong


def scratch() -> Path:
    """A folder for captures, in memory where there is one."""
    memory = Path("/dev/shm")
    return Path(
        tempfile.mkdtemp(
            prefix=f"hil-faults-{os.getpid()}-", dir=memory if memory.is_dir() else None
        )
    )
