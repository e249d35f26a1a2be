"""The campaign's runs on the embedded board: the real session, in real time, with link faults."""

from __future__ import annotations

import random
import shutil
import time
from dataclasses import replace
from pathlib import Path
from unittest import mock

from hil.agents.bundle import start_code
from hil.boards.backends.registry import parse_board
from hil.boards.fault_injection import FaultSpec, LinkFaults
from hil.experiments import plan
from hil.experiments import session as session_module
from hil.experiments.evaluation import summarise_capture
from hil.experiments.plan import Case, capture_job, extra_s, find_profile, make_cases
from hil.experiments.session import Session
from hil.experiments.stamp_sources import board_recorder
from hil.model.errors import HilError
from hil.recording.capture_reader import read_capture
from hil.recording.validity import require_valid
from tools.faults.cases import Outcome, link_faults, scratch

KINDS = (
    *("none", "drop", "flip", "dup", "reorder", "delay", "garbage", "storm", "echo"),
    *("silence", "lost", "reset", "stall", "mix"),
    *("irq storm", "deaf storm", "clock step"),
)
# every edge makes the next one, so the main program never runs again
STORM = """\
    import machine
    out, back = machine.Pin(4, machine.Pin.OUT, value=0), machine.Pin(5, machine.Pin.IN)
    def storm(pin):
        out(1 - out())
    job.at_exit(lambda: back.irq(None))
    back.irq(storm, 12, hard=True)
    out(1)
"""
DEAF = "    import micropython\n    micropython.kbd_intr(-1)\n"
MUST_FAIL = ("irq storm", "deaf storm", "clock step")
TECHNIQUES = ("timer_soft", "timer_hard", "thread", "asyncio_deadline", "event_irq")
WINDOW_S, IDLE_S, SLACK_S, CODE_S = 0.3, 3.0, 8.0, 5.0
CLOCK_WINDOW_S = 1.2  # more than a second, after which its clock is set
PATIENCE_S = 2 * WINDOW_S + SLACK_S + CODE_S + 40.0  # and what getting the board back may take


def run_all(runs: int, seed: int, kinds: tuple[str, ...] = KINDS) -> list[Outcome]:
    """``runs`` captures, the kinds in turn; one board serves until a fault breaks its session."""
    outcomes: list[Outcome] = []
    session: Session | None = None
    faults = LinkFaults(FaultSpec())
    folder = scratch()
    try:
        with (
            mock.patch.multiple(plan, _WINDOW_SLACK_S=SLACK_S, _IDLE_SLACK_S=IDLE_S),
            mock.patch.object(session_module, "CODE_TIMEOUT_S", CODE_S),
            mock.patch.object(board_recorder, "CODE_TIMEOUT_S", CODE_S),
        ):
            for number in range(runs):
                kind = kinds[number % len(kinds)]
                if session is not None and session.spec.text != board_of(kind, seed):
                    session.close()
                    session = None
                if session is None:
                    faults = LinkFaults(FaultSpec())
                    session = Session(parse_board(board_of(kind, seed)), faults=faults).open()
                outcome = one_run(session, faults, kind, seed + number // len(kinds), folder)
                outcomes.append(outcome)
                if outcome.end == "error" and not _answers(session):
                    session.close()
                    session = None
    finally:
        if session is not None:
            session.close()
        shutil.rmtree(folder, ignore_errors=True)
    return outcomes


def board_of(kind: str, seed: int) -> str:
    """The board that a kind of fault needs."""
    if kind != "clock step":
        return "sim"
    return f"sim:step_us={random.Random(seed).choice((-1, 1)) * 150_000},step_every_ms=1000"


def storm_in(session: Session, technique: str, kind: str) -> None:
    """Let the technique, whose files are on the board, begin with a storm of interrupts."""
    run = start_code({"technique": technique}).partition("(")[2].partition(",")[0]
    body = (DEAF if kind == "deaf storm" else "") + STORM
    session.run(f"run_sound = {run}\ndef {run}(job):\n{body}    run_sound(job)\n")


def one_run(session: Session, faults: LinkFaults, kind: str, seed: int, folder: Path) -> Outcome:
    """One capture on an open board with one kind of fault."""
    chance = random.Random(f"vm {kind} {seed}")
    technique = chance.choice(TECHNIQUES)
    profile = find_profile("quick")
    window_s = CLOCK_WINDOW_S if kind == "clock step" else WINDOW_S
    (case,) = make_cases(
        profile, [technique], ["idle"], period_ms=5, duration_s=window_s, windows=1
    )
    faults.disarm()
    faults.__init__(link_faults(kind, 6000, chance))  # type: ignore[misc]
    path = folder / f"{kind}_{seed}.hilcap"
    wrong: list[str] = []
    cause = ""
    began = time.monotonic()
    try:
        if kind in ("irq storm", "deaf storm"):
            first = folder / "first.hilcap"
            short = Case(replace(case.plan, duration_us=50_000))
            session.capture(capture_job(short, session.board), first)
            first.unlink()
            storm_in(session, technique, kind)
        session.capture(capture_job(case, session.board), path)
    except HilError as error:
        cause = str(error)
    except Exception as error:
        cause = repr(error)
        wrong.append(f"not an error of ours: {cause[:100]}")
    took = time.monotonic() - began
    if took > PATIENCE_S + extra_s(case):
        wrong.append(f"late: {took:.0f} s")
    if "\n" in cause:
        wrong.append("the cause is not one line")
    end = "error"
    if path.exists():
        capture = read_capture(path)
        try:
            require_valid(capture)
        except HilError as error:
            cause = cause or str(error)
        else:
            end = "losses" if capture.faults else "sound"
            if cause:
                wrong.append(f"failed ({cause[:60]}), but what is stored gives figures")
            figures = {m.metric: m for m in summarise_capture(capture).measurements}
            for track in capture.tracks:
                lost = sum(gap.count for gap in track.gaps)
                if lost and not capture.faults:
                    wrong.append("losses without a fault")
    elif not cause:
        wrong.append("no capture and no cause")
    if kind == "none" and end != "sound":
        wrong.append(f"nothing was wrong: {cause}")
    if kind in MUST_FAIL and end != "error":
        wrong.append(f"a run with {kind!r} gave figures")
    if end != "error" and "figures" in locals() and not figures:
        wrong.append("no figures and no cause")
    path.unlink(missing_ok=True)
    return Outcome(f"vm {kind}", seed, end, tuple(wrong), cause)


def _answers(session: Session) -> bool:
    """Whether the next capture can be tried on this session."""
    try:
        return session._repl.exec("print(7)", timeout_s=3.0).strip() == b"7"
    except (HilError, AttributeError):
        return False
