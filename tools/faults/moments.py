"""Whole runs that are hit at random moments: does each end in time and tell the truth?

    python -m tools.faults.moments [--runs N] [--seed S] [KIND ...]

Kinds: ``unplug`` (the board's process is killed), ``SIGINT`` and ``SIGTERM`` (to the run), ``kill``
(-9, to the run). The moment is uniform over what an undisturbed run takes. A run is wrong when it
outlasts its limit, ends with 0 without all figures, prints a traceback of ours, leaves a process,
or leaves a folder of which ``hil report`` makes nothing. Exit status 1 if any is.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hil.boards.backends.sim import VirtualBoard
from tools.processes import session_members

SUITE = 'def test_it(figures):\n    figures.check("lateness_p50_us")\n'
TECHNIQUES = ("timer_soft", "timer_hard", "thread")
LIMIT_S = 120.0
KINDS = ("unplug", "SIGINT", "SIGTERM", "kill")
HANDLED = {"SIGINT": signal.SIGINT, "SIGTERM": signal.SIGTERM, "kill": signal.SIGKILL}


def start(folder: Path, board: str) -> subprocess.Popen[str]:
    """A run in ``folder``."""
    folder.joinpath("test_it.py").write_text(SUITE)
    folder.joinpath("pytest.ini").write_text("[pytest]\n")
    options = (f"--hil-technique={','.join(TECHNIQUES)}", "--hil-duration-s=0.3", "--hil-out=out")
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", f"--board={board}", *options],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True, preexec_fn=heed_interrupts,
    )  # fmt: skip


def heed_interrupts() -> None:
    """Where this was started in the background, a shell has switched Ctrl-C off."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def run_one(kind: str, chance: random.Random, usual_s: float) -> tuple[list[str], str]:
    """One run; what was wrong with it, and how it ended."""
    wrong = []
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        board = stack.enter_context(VirtualBoard()) if kind == "unplug" else None
        moment = chance.uniform(0, usual_s * 1.1)
        process = start(folder, f"port:{board.port}" if board else "sim")
        time.sleep(moment)
        if board is not None:
            os.kill(board.pid, signal.SIGKILL)
        elif kind:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(HANDLED[kind])
        began = time.monotonic()
        try:
            output, _ = process.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
            wrong.append(f"not done {LIMIT_S:.0f} s later")
        status = process.returncode
        late = status < 0 and "report:  " in output  # all was written; pytest was tidying up
        begun = "test session starts" in output or (folder / "out").exists()
        if begun and not late and kind != "kill" and re.search(r"Traceback|INTERNALERROR", output):
            traced = [line.strip() for line in output.splitlines() if '  File "' in line]
            wrong.append(f"a traceback: {output.strip().splitlines()[-1][:80]} {traced[-3:]}")
        deadline = time.monotonic() + 5
        while (left := session_members(process.pid)) and time.monotonic() < deadline:
            time.sleep(0.1)
        if left:
            wrong.append(f"{len(left)} processes are left")
        wrong += _told(folder, kind, status, begun and not late)
        end = f"{kind} at {moment:.1f} s: status {status} after {time.monotonic() - began:.1f} s"
        return wrong, end


def _told(folder: Path, kind: str, status: int, begun: bool) -> list[str]:
    wrong = []
    runs = [path for path in folder.glob("out/2*") if (path / "capture").is_dir()]
    measured: set[str] = set()
    for run in runs:
        results = run / "results.json"
        if results.exists():
            told = json.loads(results.read_text())
            measured = {figure["technique"] for figure in told["measurements"]}
            if status == 0 and told["errors"]:
                wrong.append("status 0 with errors in the results")
            if status and kind != "unplug" and not told["errors"] and measured != set(TECHNIQUES):
                wrong.append("figures are missing and the results do not say why")
        elif kind != "kill" and status >= 0 and status != 4:
            wrong.append(f"status {status} without results")
        if not list((run / "capture").iterdir()):
            continue
        made = subprocess.run(
            [sys.executable, "-m", "hil", "report", str(run)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        said = made.stdout + made.stderr
        nothing = "no run to read" in said or "has no beginning" in said
        if "Traceback" in said or (made.returncode and not nothing):
            wrong.append(f"no report: {said.strip()[-200:]}")
    if status == 0 and measured != set(TECHNIQUES):
        wrong.append("status 0 without all figures")
    if status < 0 and kind != "kill" and begun and runs:
        wrong.append(f"ended by signal {-status}")
    return wrong


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m tools.faults.moments", description=__doc__)
    parser.add_argument("kinds", nargs="*", default=KINDS, metavar="KIND")
    parser.add_argument("--runs", type=int, default=30, help="of each kind")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began = time.monotonic()
    wrong, _ = run_one("", random.Random(0), 0.0)
    usual_s = time.monotonic() - began
    print(f"undisturbed: {usual_s:.1f} s {wrong or ''}")
    bad = 0
    for kind in options.kinds:
        for number in range(options.runs):
            chance = random.Random(f"{kind} {options.seed + number}")
            wrong, end = run_one(kind, chance, usual_s)
            bad += bool(wrong)
            print(f"{'WRONG' if wrong else 'ok':>5}  {end}  {'; '.join(wrong)}", flush=True)
    print(f"{bad} wrong of {options.runs * len(options.kinds)}")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
