"""What lib/schedule.py loses when its board is reset: kills, soft resets, deep sleep.

    python -m tools.reset_persistence [RESETS]

A board of its own runs a program from its flash that restores the plan, runs what is due and saves.
It is killed at random moments, mostly inside of a save, or reset softly, or sleeps deeply.
Everything that ran is in a file that the program appends to, line by line.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import serial

from hil.agents.bundle import agents_folder
from hil.boards.backends.sim import VirtualBoard

LIBRARY = ("schedule.py", "schedule_plan.py", "schedule_store.py")
JOBS = ("a", "b", "c")
SPEED = 50
"""The wall clock of the killed boards runs so many times faster, that much may be due."""

_BOOT = """\
import time
woke = time.time_ns()
import asyncio, machine, os
import schedule, schedule_plan

SPEED = {speed}
BASE = {base}
if SPEED > 1:
    def fast_ms():
        return BASE * 1000 + (time.time_ns() - BASE * 1000000000) * SPEED // 1000000
    schedule.wall_ms = schedule_plan.wall_ms = fast_ms

def log(*words):
    with open("log", "a") as f:
        f.write(" ".join(str(w) for w in words) + "\\n")

plan = schedule.Scheduler(report=lambda text: log("report", text))

def job(name):
    def run():
        entry = plan.jobs[name]
        log("run", name, entry.release, entry.due, entry.late_ms)
    return run

for name in {jobs!r}:
    plan.register(name, job(name))
unfinished = "schedule.new" in os.listdir()
restored = plan.load_flash()
log("boot", restored, int(unfinished), machine.reset_cause(), woke // 1000)
if not restored:
    for i, name in enumerate({jobs!r}):
        plan.every(i + 1).seconds.do(plan.functions[name], name=name)
    plan.save_flash()
    log("planned", len(plan.jobs))
"""
_LOOP = """\
if {before}:
    plan.before_run = plan.save_flash
while True:
    asyncio.run(plan.run_due())
    plan.save_flash()
"""
_SLEEP = """\
asyncio.run(plan.run_due())
plan.save_flash()
machine.deepsleep(max(0, plan.left_ms()))
"""


@dataclass
class Persistence:
    """What a board's file says. Times in ms of the plan's clock, ``wake_error_ms`` of the board's.

    ``jobs_lost`` jobs missing after a boot, ``runs_lost`` planned runs that neither came nor were
    made up for by a later one, ``run_twice`` planned runs that came twice, ``run_late`` runs a
    whole period late or more, ``inside_save`` boots that found a save half done.
    """

    boots: int = 0
    inside_save: int = 0
    runs: int = 0
    jobs_lost: int = 0
    runs_lost: int = 0
    run_twice: int = 0
    run_late: int = 0
    reports: list[str] = field(default_factory=list)
    late_ms: list[int] = field(default_factory=list)
    wake_error_ms: list[float] = field(default_factory=list)

    def line(self) -> str:
        """The figures in one line."""
        late = sorted(self.late_ms) or [0]
        text = (
            f"boots {self.boots}, inside a save {self.inside_save}, runs {self.runs}, "
            f"jobs lost {self.jobs_lost}, runs lost {self.runs_lost}, twice {self.run_twice}, "
            f"a period late {self.run_late}, lateness p50 {late[len(late) // 2]} ms, "
            f"max {late[-1]} ms, reports {len(self.reports)}"
        )
        if self.wake_error_ms:
            errors = sorted(self.wake_error_ms)
            text += (
                f", wake error min {errors[0]:.1f} p50 {errors[len(errors) // 2]:.1f} "
                f"max {errors[-1]:.1f} ms"
            )
        return text


def reset_often(folder: Path, mode: str, times: int, *, seed: int = 1) -> Persistence:
    """Reset a board ``times`` times whose flash is ``folder``.

    ``mode``: ``kill`` saves behind the runs (each run at least once), ``kill-before`` in front of
    them (at most once), ``soft`` is interrupted and reset softly, ``deepsleep`` boots, runs what is
    due and sleeps.
    """
    install(folder, mode)
    rng = random.Random(seed)
    log = folder / "log"
    with VirtualBoard(root=folder) as board, serial.Serial(board.port, timeout=0) as line:
        for n in range(times):
            _wait(log, "boot ", n + 1, line)
            line.reset_input_buffer()
            # a board that ends again and again at once is held back: let it run sometimes
            wait_s = rng.uniform(0.0, 0.06) + 0.5 * (n % 5 == 4)
            if mode == "soft":
                time.sleep(wait_s)
                line.write(b"\x03\x04")
            elif mode == "deepsleep":
                _wait(log, "run ", n, line)  # its first boot plans, each of the others runs once
            else:
                time.sleep(wait_s)
                board.reset()
    return read_log(_text(log), asleep=mode == "deepsleep")


def install(folder: Path, mode: str) -> None:
    """Put the library and the program onto the board's flash."""
    (folder / "lib").mkdir(parents=True)
    for name in LIBRARY:
        shutil.copy(agents_folder() / "lib" / name, folder / "lib" / name)
    asleep = mode == "deepsleep"
    base = int(time.time())
    program = _BOOT.format(speed=1 if asleep else SPEED, base=base, jobs=JOBS[: 1 if asleep else 3])
    program += _SLEEP if asleep else _LOOP.format(before=mode == "kill-before")
    (folder / "main.py").write_text(program)


def read_log(text: str, *, asleep: bool) -> Persistence:
    """The figures in a board's file; its last line may be cut."""
    figures = Persistence()
    planned: dict[str, int] = {}  # the run that must come next, by job
    seen: Counter[tuple[str, str]] = Counter()
    next_due: list[int] = []
    jobs = 0  # known to be stored
    for line in text.split("\n")[:-1]:
        kind, *words = line.split(" ")
        if kind == "boot":
            restored, unfinished, _, woke_us = map(int, words)
            figures.inside_save += unfinished
            figures.jobs_lost += max(0, jobs - restored)
            if next_due and asleep:
                figures.wake_error_ms.append(woke_us / 1000 - min(next_due))
                next_due.clear()
            figures.boots += 1
        elif kind == "planned":
            jobs = int(words[0])
        elif kind == "run":
            name, (release, due, late) = words[0], map(int, words[1:])
            figures.runs += 1
            seen[name, words[1]] += 1
            period = (JOBS.index(name) + 1) * 1000
            figures.run_late += late >= period
            figures.late_ms.append(late)
            if release > planned.get(name, release):
                figures.runs_lost += (release - planned[name]) // period
            planned[name] = due
            next_due.append(due)
        else:
            figures.reports.append(line)
    figures.run_twice = sum(n - 1 for n in seen.values())
    return figures


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _wait(log: Path, kind: str, count: int, line: serial.Serial) -> None:
    """Until the board's file has ``count`` whole lines of a kind, for 20 s at most."""
    limit = time.monotonic() + 20
    while f"\n{_text(log)}".rpartition("\n")[0].count(f"\n{kind}") < count:
        if time.monotonic() > limit:
            said = line.read(4096).decode("utf-8", "replace")
            raise TimeoutError(f"no {kind.strip()} {count}: {_text(log)[-300:]}\n{said}")
        time.sleep(0.002)


def main() -> None:
    """Print the figures of every mode."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("resets", type=int, nargs="?", default=500, help="of each kind of kill")
    times = parser.parse_args().resets
    for mode, count in (("kill", times), ("kill-before", times), ("soft", times // 5)):
        with tempfile.TemporaryDirectory() as folder:
            print(f"{mode}: {reset_often(Path(folder, 'flash'), mode, count).line()}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        figures = reset_often(Path(folder, "flash"), "deepsleep", min(60, times))
        print(f"deepsleep: {figures.line()}")


if __name__ == "__main__":
    main()
