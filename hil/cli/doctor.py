"""``hil doctor``: walk from the port to the pins, say what is wrong and what mends it."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import re
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hil.boards.backend import Finding
from hil.boards.backends.registry import parse_board
from hil.boards.locks import brief_locks
from hil.boards.other_firmware import DOWNLOAD, OLDEST
from hil.boards.slowness import slower_hint
from hil.boards.wiring import load_wiring
from hil.experiments.session import Session
from hil.model.errors import BoardResetError, CaptureError, HilError
from hil.model.printable import escaped_line
from hil.recording.interfaces import seconds
from hil.report.terminal.console import TextConsole
from hil.report.terminal.tables import Cell, Column, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from hil.boards.backend import BoardSpec, State
    from hil.model.board import Wiring

OPENING_STEPS = ("port", "permission", "lock")
STEPS = (*OPENING_STEPS, "REPL", "version", "memory", "clock", "wiring", "watchdog")
_MARKS: dict[State, str] = {"ok": "ok", "warning": "!", "wrong": "WRONG", "not tried": "-"}
_FIRMWARE = f"flash a current MicroPython ({DOWNLOAD})"
_HEAP_BYTES = 8192
_CLOCK_S, _CLOCK_READS = 0.4, 5
_TICKS = """
try:
 import time
except ImportError:
 import utime as time
print(time.ticks_us())
"""
_CLOCK_TOLERANCE = 0.02
_AFTER_RESET = "do what it says, then run this again"
WATCH_S, _MOST_WATCHED_S = 9.0, 3600.0
"""An RP2's watchdog waits 8.4 s at most, an ESP32's 5 s unless main.py says otherwise."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("--board", required=True, help="as for pytest, see the README")
    parser.add_argument("--wiring", metavar="FILE", help="pins and jumpers of this board (TOML)")
    parser.add_argument(
        "--watch-s",
        metavar="N",
        type=_seconds,
        default=WATCH_S,
        help="how long to watch for a watchdog's reset at the prompt, in seconds; 0 for not at all "
        f"(default {WATCH_S:g})",
    )
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: argparse.Namespace) -> int:
    """See :func:`run_doctor`."""
    return run_doctor(args.board, wiring=args.wiring, as_json=args.json, watch_s=args.watch_s)


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 <= float(text) <= _MOST_WATCHED_S:
            return float(text)
    raise argparse.ArgumentTypeError(f"{text:.40}: give seconds, 0 to {_MOST_WATCHED_S:g}")


def run_doctor(
    board: str, *, wiring: str | None = None, as_json: bool = False, watch_s: float = WATCH_S
) -> int:
    """Print the findings; exit status 1 if anything is wrong. ``wiring`` is the user's file.

    ``watch_s`` is how long a board on which programs of its own run is watched.
    """
    given = load_wiring(Path(wiring)) if wiring else None
    spec = parse_board(board)
    with brief_locks():
        findings = list(examine(spec, given, watch_s=watch_s))
    wrong = any(finding.state == "wrong" for finding in findings)
    if as_json:
        rows = [dataclasses.asdict(finding) for finding in findings]
        print(json.dumps({"schema": 1, "board": spec.text, "ok": not wrong, "findings": rows}))
    else:
        _print(findings)
    return int(wrong)


def _print(findings: Iterable[Finding]) -> None:
    rows = []
    for finding in findings:
        mark = _MARKS[finding.state]
        rows.append([Cell(mark), Cell(finding.step), Cell(escaped_line(finding.text))])
        if finding.fix:
            rows.append([Cell(""), Cell(""), Cell(f"-> {escaped_line(finding.fix)}")])
    console = TextConsole.of_output()
    columns = (Column("", right=True), Column(""), Column("", folds=True))
    console.table(Table(columns, rows, spaced=False))
    console.write()


def examine(
    spec: BoardSpec, wiring: Wiring | None = None, *, watch_s: float = WATCH_S
) -> Iterator[Finding]:
    """Every step in order; what can't be tried after one that is wrong is told as such."""
    done = 0
    for finding in _walk(spec, wiring, watch_s):
        yield finding
        done = STEPS.index(finding.step) + 1
        if finding.state == "wrong" and done <= STEPS.index("REPL") + 1:
            break
    for step in STEPS[done:]:
        yield Finding(step, "not tried", "needs what is wrong above")


def _walk(spec: BoardSpec, wiring: Wiring | None, watch_s: float) -> Iterator[Finding]:
    checked = []
    for finding in spec.backend.checks(spec):
        yield finding
        checked.append(finding.step)
    for step in OPENING_STEPS:
        if step not in checked:
            yield Finding(step, "ok", "taken care of when the board is opened")
    session = Session(spec, wiring=wiring)
    with contextlib.closing(session):
        try:
            begin = time.monotonic()
            session.open(gently=True)
        except HilError as error:
            yield Finding("REPL", "wrong", str(error), "do what it says, then run this again")
            return
        yield _repl(session, f"answers and tells what it is in {_since(begin)}")
        yield _version(session)
        yield _memory(session)
        checks: dict[str, Callable[[Session], Finding]]
        checks = {"clock": _clock, "wiring": _wiring, "watchdog": partial(_watchdog, watch_s)}
        for step, check in checks.items():
            finding = _guarded(step, check, session)
            yield finding
            if finding.fix is _AFTER_RESET:
                return


def _repl(session: Session, text: str) -> Finding:
    """How it answered, how slow it is, and what else was on the link."""
    factor, fixes = session.identity.slowness, []
    if factor is not None:
        text += f"; it is {factor:.2g} times slower than a usual board: so are all time limits"
        fixes.append(slower_hint(session.spec, factor))
    for warning in session.link_warnings:
        what, mark, fix = warning.rpartition(": ")
        text += f"; {what if mark else warning}"
        fixes += [fix] if mark else []  # else there is nothing to mend
    if not fixes:
        return Finding("REPL", "ok", text)
    return Finding("REPL", "warning", text, "; ".join(filter(None, fixes)))


def _version(session: Session) -> Finding:
    board = session.identity
    text = f"MicroPython {board.micropython} on {board.machine}"
    version = re.match(r"(\d+)\.(\d+)", board.micropython)
    if not version:
        return Finding("version", "warning", text, _FIRMWARE)
    if (int(version[1]), int(version[2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        return Finding(
            "version",
            "warning",
            f"{text}: older than {oldest}, some techniques are skipped",
            _FIRMWARE,
        )
    return Finding("version", "ok", text)


def _memory(session: Session) -> Finding:
    free = session.identity.free_bytes
    if free is None:
        return Finding("memory", "warning", "the board does not tell how much is free")
    text = f"{free} bytes of heap are free"
    if free < _HEAP_BYTES:
        return Finding(
            "memory",
            "warning",
            f"{text}: only small runs fit",
            "leave frozen modules and what boot.py imports out",
        )
    return Finding("memory", "ok", text)


def _clock(session: Session) -> Finding:
    """The board's microseconds against the host's; round trips widen what is tolerated."""
    first, before, doubt_s = _read_clock(session)
    session.clock.sleep(_CLOCK_S)
    second, after, more_s = _read_clock(session)
    board_s = ((second - first) % session.identity.tick_period) / 1e6
    host_s = after - before
    if board_s == 0:
        return Finding("clock", "wrong", "ticks_us stands still", _FIRMWARE)
    off = abs(board_s / host_s - 1)
    if off > _CLOCK_TOLERANCE + (doubt_s + more_s) / host_s:
        return Finding(
            "clock",
            "wrong",
            f"the board's second lasts {host_s / board_s:.3f} s of the host's",
            f"{_FIRMWARE}; look at machine.freq() and at the crystal that the firmware expects",
        )
    return Finding("clock", "ok", f"agrees with the host's within {off:.1%}")


def _read_clock(session: Session) -> tuple[int, float, float]:
    """The board's ticks, the host's seconds, and half the round trip: of some the shortest."""
    reads = []
    for _ in range(_CLOCK_READS):
        begin = seconds(session.clock)
        said = session.run(_TICKS)
        end = seconds(session.clock)
        with contextlib.suppress(ValueError):
            reads.append((end - begin, int(said), (begin + end) / 2))
    if not reads:
        raise CaptureError("the board has no time.ticks_us()")
    trip_s, ticks, host_s = min(reads)
    return ticks, host_s, trip_s / 2


def _wiring(session: Session) -> Finding:
    wiring = session.wiring
    if not wiring.outputs:
        return Finding(
            "wiring",
            "warning",
            "no pins of this board are known: what needs pins is skipped",
            "name free pins in a file and give it as --hil-wiring=FILE",
        )
    pins = f"outputs {', '.join(map(str, wiring.outputs))}"
    if not wiring.loopback:
        return Finding("wiring", "ok", f"{wiring.name}: {pins}; no loopback pair")
    missing = session.missing_jumper()
    if missing:
        return Finding("wiring", "wrong", missing, wiring.jumper)
    out, back = wiring.loopback
    return Finding("wiring", "ok", f"{wiring.name}: {pins}; a signal comes from {out} to {back}")


def _watchdog(watch_s: float, session: Session) -> Finding:
    """Leave the board alone: a watchdog that its own main.py started resets it meanwhile."""
    if not session.spec.backend.traits.own_programs:
        return Finding("watchdog", "ok", "no program of its own runs on this board")
    if not watch_s:
        return Finding("watchdog", "ok", "not watched for, as asked (--watch-s=0)")
    shown = sys.stderr.isatty()

    def tell(elapsed_s: float) -> None:
        if shown:
            print(
                f"\rwatching for a reset: {elapsed_s:.0f} of {watch_s:g} s", end="", file=sys.stderr
            )

    try:
        session.watch_idle(watch_s, tell)
    finally:
        if shown:
            print(file=sys.stderr)
    return Finding(
        "watchdog",
        "ok",
        f"no reset within {watch_s:g} s, which is longer than a watchdog usually waits",
    )


def _guarded(step: str, check: Callable[[Session], Finding], session: Session) -> Finding:
    try:
        return check(session)
    except BoardResetError as error:
        return Finding(step, "wrong", str(error), _AFTER_RESET)
    except HilError as error:
        return Finding(step, "wrong", str(error), "run this again; if it stays, reset the board")


def _since(begin: float) -> str:
    return f"{time.monotonic() - begin:.2f} s"
