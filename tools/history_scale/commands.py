"""Each command in a process of its own: how long, and how much memory, above the start-up's."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.history_scale.made_runs import Farm

_HIL = "import sys; from hil.cli.main import main; sys.exit(main())"
METRIC = "lateness_p99_us"


@dataclass(frozen=True, slots=True)
class Spent:
    """Of a process: seconds, those of the processor, peak megabytes, and lines printed."""

    seconds: float
    cpu_s: float
    mb: float
    lines: int


def measured_command(address: str, words: Sequence[str]) -> Spent:
    """Run ``hil`` with these words on the history at ``address``; the best of two."""
    best: Spent | None = None
    for _ in range(2):
        spent = _once(address, words)
        if best is None or spent.seconds < best.seconds:
            best = spent
    assert best is not None
    return best


def _once(address: str, words: Sequence[str]) -> Spent:
    with tempfile.TemporaryFile() as out:
        begun = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-c", _HIL, *words],
            env={**os.environ, "HIL_HISTORY": address},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        said = out.read()
    if process.returncode:
        raise RuntimeError(f"hil {' '.join(words)}: {said.decode(errors='replace')[:500]}")
    cpu_s = usage.ru_utime + usage.ru_stime
    return Spent(seconds, cpu_s, usage.ru_maxrss / 1024, said.count(b"\n"))


def commands(farm: Farm) -> list[tuple[str, ...]]:
    """What is measured; the first is the start-up of all."""
    last = farm.nights - 1
    board = farm.key(1)
    return [
        ("baseline", "list"),
        ("history",),
        ("history", "--board", board),
        ("history", "--machine", "esp32"),
        ("trend", METRIC, "--board", board),
        ("trend", METRIC),
        ("trend", METRIC, "--last", "1"),
        ("compare", farm.run_name(1, last - 1), farm.run_name(1, last)),
        ("fleet",),
        ("prune", "--keep", "100000", "--dry-run"),
    ]
