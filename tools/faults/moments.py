"""Whole runs that are hit at random moments: does each end in time and tell the truth?

    python -m tools.faults.moments [--runs N] [--seed S] [KIND ...]

Kinds: ``unplug`` (the board's process is killed), ``SIGINT`` and ``SIGTERM`` (to the run), ``kill``
(-9, to the run), ``kill virtual`` (the same, the board in virtual time), ``kill all`` (-9, to the
run and to what it started; then what the next run removes first is removed). The moment is uniform
over what an undisturbed run takes. A run is wrong when it outlasts its limit, ends with 0 without
all figures, prints a traceback of ours, leaves a process or a temporary file, or leaves a folder of
which ``hil report`` makes nothing. Exit status 1 if any is.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
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
from hil.boards.scratch_folder import LOCK_NAME, PREFIX, remove_abandoned

SUITE = 'def test_it(figures):\n    figures.check("lateness_p50_us")\n'
TECHNIQUES = ("timer_soft", "timer_hard", "thread")
LIMIT_S = 120.0
KINDS = ("unplug", "SIGINT", "SIGTERM", "kill", "kill virtual", "kill all")
HANDLED = {"SIGINT": signal.SIGINT, "SIGTERM": signal.SIGTERM} | dict.fromkeys(
    ("kill", "kill virtual", "kill all"), signal.SIGKILL
)
MEMORY = Path("/dev/shm")
GONE_S = 5.0
"""So long what a killed run started may need to see that it is alone."""


def start(folder: Path, board: str) -> subprocess.Popen[str]:
    """A run in ``folder``."""
    folder.joinpath("test_it.py").write_text(SUITE)
    folder.joinpath("pytest.ini").write_text("[pytest]\n")
    options = (f"--hil-technique={','.join(TECHNIQUES)}", "--hil-duration-s=0.3", "--hil-out=out")
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", f"--board={board}", *options],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True, preexec_fn=heed_interrupts,
        env={**os.environ, "TMPDIR": str(temporary_folder(folder))},
    )  # fmt: skip


def temporary_folder(folder: Path) -> Path:
    """Where the run in ``folder`` has its temporary files."""
    (folder / "tmp").mkdir(exist_ok=True)
    return folder / "tmp"


def left_files(folder: Path, before: set[str]) -> list[str]:
    """Temporary files of the run in ``folder``, also in memory and beside its results."""
    left = [path.name for path in temporary_folder(folder).iterdir()]
    left += [path.name for path in folder.glob("out/**/.*")]
    left += [name for name in in_memory() - before if is_abandoned(MEMORY / name)]
    return sorted(left)


def in_memory() -> set[str]:
    """The temporary folders in memory, of whatever process."""
    return {path.name for path in MEMORY.glob(f"{PREFIX}*")}


def is_abandoned(path: Path) -> bool:
    """Whether no process holds a temporary folder."""
    try:
        handle = os.open(path / LOCK_NAME, os.O_RDONLY)
    except OSError:
        return False  # not one of these, or gone by now
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return path.exists()


def family(folder: Path) -> list[int]:
    """The processes that have their temporary files where the run in ``folder`` has them."""
    own = f"TMPDIR={temporary_folder(folder)}".encode()
    pids = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            state = path.with_name("stat").read_text().rpartition(")")[2].split()[0]
            if state != "Z" and own in path.read_bytes().split(b"\0"):
                pids.append(int(path.parent.name))
    return pids


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
        before = in_memory()
        own = "sim:clock=virtual" if kind == "kill virtual" else "sim"
        process = start(folder, f"port:{board.port}" if board else own)
        time.sleep(moment)
        if board is not None:
            os.kill(board.pid, signal.SIGKILL)
        elif kind:
            with contextlib.suppress(ProcessLookupError):
                started = family(folder) if kind == "kill all" else []
                process.send_signal(HANDLED[kind])
                for pid in started:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
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
        killed = kind.startswith("kill")
        if begun and not late and not killed and re.search(r"Traceback|INTERNALERROR", output):
            traced = [line.strip() for line in output.splitlines() if '  File "' in line]
            wrong.append(f"a traceback: {output.strip().splitlines()[-1][:80]} {traced[-3:]}")
        deadline = time.monotonic() + GONE_S
        while (left := family(folder)) and time.monotonic() < deadline:
            time.sleep(0.1)
        if left:
            wrong.append(f"{len(left)} processes are left")
        if kind == "kill all":  # nobody was there to remove them: the next run does that first
            remove_abandoned(temporary_folder(folder))
            remove_abandoned(MEMORY)
        if files := left_files(folder, before):
            wrong.append(f"left: {', '.join(files[:5])}")
        wrong += _told(folder, "kill" if killed else kind, status, begun and not late)
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
