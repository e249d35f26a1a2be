"""Each command in a process of its own: how long, and how much memory.

A process begins with the peak memory of the one that it was forked from (``ru_maxrss`` keeps it
even over an exec), so the command reads its own peak, ``VmHWM``, which begins with its program.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.history_scale.made_runs import Farm

_HIL = """
import sys
from hil.cli.main import main
status = main(sys.argv[2:])
with open("/proc/self/status") as facts, open(sys.argv[1], "w") as peak:
    peak.write(facts.read())
sys.exit(status)
"""
_PEAK_KB = re.compile(r"^VmHWM:\s*(\d+) kB$", re.MULTILINE)
METRIC = "lateness_p99_us"


@dataclass(frozen=True, slots=True)
class Spent:
    """Of a process: seconds, those of the processor, peak megabytes, and lines printed."""

    seconds: float
    cpu_s: float
    mb: float
    lines: int


def measured_command(address: str, words: Sequence[str]) -> Spent:
    """Run ``hil`` with these words on the history at ``address``: of two, the less work."""
    return min((_once(address, words) for _ in range(2)), key=lambda spent: spent.cpu_s)


def _once(address: str, words: Sequence[str]) -> Spent:
    with tempfile.TemporaryDirectory(prefix="hil-scale-") as folder:
        facts, said = Path(folder, "status"), Path(folder, "said")
        begun = time.monotonic()
        with said.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-c", _HIL, str(facts), *words],
                env={**os.environ, "HIL_HISTORY": address},
                stdout=out,
                stderr=subprocess.STDOUT,
            )
            _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            text = said.read_text(errors="replace")[:500]
            raise RuntimeError(f"hil {' '.join(words)}: {text}")
        peak = _PEAK_KB.search(facts.read_text())
        assert peak is not None
        lines = said.read_bytes().count(b"\n")
    return Spent(seconds, usage.ru_utime + usage.ru_stime, int(peak[1]) / 1024, lines)


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


def shown(words: Sequence[str], farm: Farm) -> str:
    """The command with speaking names."""
    names = {
        farm.key(1): "ID",
        farm.run_name(1, farm.nights - 2): "A",
        farm.run_name(1, farm.nights - 1): "B",
    }
    return " ".join(["hil", *(names.get(word, word) for word in words)])
