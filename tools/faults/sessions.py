"""Whole sessions on a scripted board: attached, identified, calibrated, given code, measured.

One seeded run of each kind of fault, put into a stage of the session: was it ended in time, and was
the truth told? The session is the real one, from the port up.
"""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

from hil.experiments.capture_sources import LiveSource
from hil.experiments.evaluation import summarise_capture
from hil.experiments.plan import Case
from hil.experiments.session import Session
from hil.model.board import Wiring
from hil.model.captures import Capture
from hil.model.errors import HilError
from hil.model.secrets import KNOWN_SECRETS
from hil.protocol.capture_limits import CaptureLimits
from hil.recording.capture_reader import read_capture
from hil.recording.validity import require_valid
from tools.faults.cases import Outcome, file_limit, step_clock, wrong_figures, wrong_stamps
from tools.faults.repl_board import ReplBoard
from tools.faults.scripted_board import Script, ScriptedClock, make_script
from tools.faults.scripted_link import Wire, spec_of
from tools.faults.session_faults import IN_PROGRAM, KINDS, SessionFault, canary_in

__all__ = ["KINDS", "run"]
WIRING = Wiring("scripted", outputs=(0, 1, 2, 3), timers=(-1,))
SOUND = frozenset(("none", "slow", "slow first answer", "host clock step", "re-enumeration"))
"""Nothing is lost by these, and all of it is to be measured."""
RESETS = frozenset(("reset", "reset and silence", "resets again", "watchdog", "drip"))
"""What was at work when they strike can't be measured."""
MUST_FAIL = IN_PROGRAM
LIES = frozenset(("hostile frames",))
"""What a board that means ill claims need not be so; it must not cost more than a board may."""
BASE_S = 180.0
"""Beside the window's own limit: attaching, identifying, the calibration, and bringing it back."""


def run(kind: str, seed: int, folder: Path) -> Outcome:
    """One seeded session with one kind of fault; ``folder`` is empty."""
    chance = random.Random(f"session {kind} {seed}")
    script = make_script(chance, kind if kind in IN_PROGRAM - {"board clock step"} else "")
    if kind == "board clock step":
        step_clock(script, chance)
    clock = ScriptedClock()
    board = ReplBoard(script, clock, chance)
    fault = SessionFault(kind, chance, board, Wire(board), folder)
    captures = folder / "capture"
    captures.mkdir()
    wrong: list[str] = []
    began = clock.now
    capture, cause, slowness = None, "", 1.0
    source = None
    try:
        with file_limit(fault.file_limit):
            session = Session(spec_of(fault.wire), wiring=WIRING, faults=fault.link)
            source = LiveSource(session, captures, 0)
            slowness = source.identity.slowness or 1.0
            capture = source.take(Case(script.plan), None)
    except (HilError, KeyboardInterrupt) as error:
        cause = str(error) or type(error).__name__
    except Exception as error:
        cause = repr(error)
        wrong.append(f"not an error of ours: {cause[:120]}")
    finally:
        if source is not None:
            with contextlib.suppress(KeyboardInterrupt):
                source.close()
    limit_s = (2 * script.plan.duration_us / 1e6 + 30 + BASE_S) * max(slowness, board.slow)
    if clock.now - began > limit_s + fault.paused_s:
        wrong.append(f"late: {clock.now - began:.0f} s of {limit_s:.0f}")
    if "\n" in cause:
        wrong.append(f"the cause is not one line: {cause[:100]!r}")
    end = "error"
    if capture is not None:
        end, cause, more = _judge(capture, script, kind, fault)
        wrong += more
    elif stored := [path for path in captures.glob("*.hilcap") if "calibrate" not in path.name]:
        wrong += _wrong_store(stored[0], script)
    wrong += _leaks(folder, cause)
    KNOWN_SECRETS.clear()
    if kind in SOUND and end != "sound":
        wrong.append(f"nothing was lost: {cause[:200]}")
    where = board.struck_in or "-"
    return Outcome(f"session {kind}", seed, end, tuple(wrong), f"{where}: {cause}" if cause else "")


def _judge(
    capture: Capture, script: Script, kind: str, fault: SessionFault
) -> tuple[str, str, list[str]]:
    """How a capture ended, its cause if it is an error, and what is wrong with it."""
    most = max(CaptureLimits.of_plan(script.plan).tasks)
    wrong = [] if kind in LIES else wrong_stamps(capture, script)
    wrong += ["more stamps than the plan allows" for t in capture.tracks if len(t.stamps_us) > most]
    try:
        require_valid(capture)
    except HilError as error:
        return "error", str(error), wrong
    if kind in LIES:
        summarise_capture(capture)
    else:
        wrong += wrong_figures(capture, script)
    if (kind in RESETS and fault.board.struck_in_window) or kind in MUST_FAIL:
        wrong.append(f"a run with {kind!r} gave figures")
    return "losses" if capture.faults else "sound", "", wrong


def _leaks(folder: Path, cause: str) -> list[str]:
    """Where a secret stands that the board gave away."""
    texts = {"the cause": cause.encode()}
    texts |= {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return [f"{name} has {form}" for name, text in texts.items() if (form := canary_in(text))]


def _wrong_store(path: Path, script: Script) -> list[str]:
    """What is on disk of a run that failed."""
    try:
        return wrong_stamps(read_capture(path), script)
    except HilError as error:
        return [] if str(error) else [f"unreadable without a word: {path.name}"]
