"""Child processes started and ended, and what Linux says of a process."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PATIENCE_S = 10.0


def end(process: subprocess.Popen[Any]) -> None:
    """End a process that still runs: SIGTERM, and SIGKILL where that takes more than 10 s."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def running(*command: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process in ``folder`` that is ended with the block; its output is in ``PROGRAM.log``."""
    with (folder / f"{Path(command[0]).name}.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
        try:
            yield process
        finally:
            end(process)


def children(pid: int) -> list[int]:
    """The processes that ``pid`` has started."""
    return [child for child, parent, _ in _processes() if parent == pid]


def session_members(pid: int) -> list[int]:
    """The processes that are left of the session led by ``pid``, and what ``pid`` started."""
    return [child for child, parent, session in _processes() if pid in (parent, session)]


def resident_mb(pid: int | str = "self") -> float:
    """Resident memory of a process now, MB; of this one its peak where Linux is not there."""
    statm = Path(f"/proc/{pid}/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def peak_bytes() -> int:
    """The most memory that this process had resident (a mapped file counts as well); else 0."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def _processes() -> Iterator[tuple[int, int, int]]:
    """Process, parent and session of all that have not ended; none where there is no ``/proc``."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent, _, session, *_ = stat.read_text().rpartition(")")[2].split()
            if state != "Z":
                yield int(stat.parent.name), int(parent), int(session)
