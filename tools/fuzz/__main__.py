"""Coverage-guided fuzzing of everything that reads what somebody else wrote (atheris).

    python -m tools.fuzz [--runs N] [--seconds S] [TARGET ...]

Every target runs in a process of its own, with limits on time and memory for one input; an input
that breaks them, or raises what it should not, is kept in ``fuzz-findings/`` and fails the run.
``--runs`` is over all targets; each has the share that its speed allows (see ``SHARES``).
"""

from __future__ import annotations

import argparse
import gc
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FINDINGS = Path("fuzz-findings")
FUZZ = [sys.executable, "-m", "tools.fuzz"]
SHARES = {  # per cent of the executions
    "board": 14,
    "schedule": 4,
    "probe": 7,
    "run_log": 9,
    "results": 6,
    "wiring": 6,
    "budgets": 5,
    "wire": 4,
    "sound_frames": 4,
    "store": 3,
    "sound_chunks": 2,
    "edges_option": 5,
    "recorded_file": 2,
    "edge_file": 2,
    "boot_messages": 4,
    "foreign_lines": 4,
    "other_firmware": 4,
    "scrubber": 2,
    "sync_pattern": 2,
    "witness_stream": 2,
    "redaction": 2,
    "history_address": 2,
    "toml_text": 2,
    "latest_name": 1,
    "packed_stamps": 2,
}
ONE_INPUT_S, ONE_PROCESS_MB, ONE_PROCESS_RUNS = 10, 1500, 500_000


def seeds(target: str) -> list[bytes]:
    """Inputs to begin with, as the real thing looks."""
    from tools.fuzz.seeds import SEEDS

    return SEEDS.get(target, [b""])


def fuzz_here(target: str, arguments: list[str]) -> None:
    """Fuzz in this process; never returns."""
    import atheris
    import numpy  # noqa: F401 - before the instrumentation, which is for our code

    with atheris.instrument_imports(include=["hil", "tomllib", "tools"]):
        from tools.fuzz.targets import TARGETS

    atheris.Setup([sys.argv[0], *arguments], TARGETS[target])
    atheris.Fuzz()


def replay(target: str, corpus: str) -> None:
    """Every input of a corpus again and again, without instrumentation: does memory stay flat?

    The fuzzer's own records grow by some two objects an execution, so it can't be seen there.
    """
    from tools.fuzz.targets import TARGETS

    inputs = [path.read_bytes() for path in Path(corpus).iterdir()]
    rounds = max(3, 1500 // len(inputs))
    for _ in range(3):
        for _ in range(rounds):
            for data in inputs:
                TARGETS[target](data)
        gc.collect()
        print(sys.getallocatedblocks(), rounds * len(inputs), flush=True)


def memory_of(target: str, corpus: Path) -> tuple[str, bool]:
    """Objects left behind by one execution, and whether they are none."""
    command = [*FUZZ, "--replay", target, str(corpus)]
    lines = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
    if len(lines) != 3:
        return "the replay failed", False
    (_, _), (before, _), (after, count) = (map(int, line.split()) for line in lines)
    each = (after - before) / count
    return f"{each:.3f}", each < 0.2


def run_target(target: str, runs: int, seconds: int) -> tuple[int, float, str, str]:
    """One target in a child process: executions, seconds, memory, outcome."""
    FINDINGS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hil-fuzz-") as folder:
        corpus = Path(folder, "corpus")
        corpus.mkdir()
        for number, seed in enumerate(seeds(target)):
            (corpus / f"seed{number}").write_bytes(seed)
        began = time.monotonic()
        executions = 0
        while executions < runs:
            command = [
                *FUZZ,
                *("--child", target, str(corpus)),
                *(f"-atheris_runs={min(runs - executions, ONE_PROCESS_RUNS)}",),
                *(f"-timeout={ONE_INPUT_S}", f"-rss_limit_mb={ONE_PROCESS_MB}", "-max_len=4096"),
                f"-artifact_prefix={FINDINGS / target}-",
            ]
            if seconds:
                left = seconds - round(time.monotonic() - began)
                if left <= 0:
                    break
                command.append(f"-max_total_time={left}")
            done = subprocess.run(command, capture_output=True, text=True, errors="replace")
            counts = [int(n) for n in re.findall(r"^#(\d+)\s", done.stderr, re.M)]
            total = re.search(r"^Done (\d+) in", done.stderr, re.M)
            executions += int(total[1]) if total else max(counts, default=1)
            if done.returncode:
                break
        took = time.monotonic() - began
        grown, flat = memory_of(target, corpus)
    if done.returncode == 0:
        return executions, took, grown, "ok" if flat else "FAILED: memory grows"
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    (FINDINGS / f"{target}.log").write_text("\n".join((*lines[:60], "...", *lines[-60:])))
    return executions, took, grown, f"FAILED, see {FINDINGS}/{target}.log"


def main() -> int:
    """Fuzz the targets one after another and print the table."""
    if sys.argv[1:2] == ["--child"]:
        fuzz_here(sys.argv[2], sys.argv[3:])
    if sys.argv[1:2] == ["--replay"]:
        replay(sys.argv[2], sys.argv[3])
        return 0
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    parser.add_argument("--runs", type=float, default=1e6, help="executions over all targets")
    parser.add_argument("--seconds", type=int, default=0, help="at most so long for one target")
    options = parser.parse_args()
    chosen = options.targets or list(SHARES)
    unknown = [name for name in chosen if name not in SHARES]
    if unknown:
        parser.error(f"unknown target {unknown[0]}; known are {', '.join(SHARES)}")
    weight = sum(SHARES[name] for name in chosen)
    print("| target | executions | per second | objects left by one | outcome |")
    print("|---|--:|--:|---|---|")
    total, failed = 0, False
    for name in chosen:
        runs = round(options.runs * SHARES[name] / weight)
        executions, took, memory, outcome = run_target(name, runs, options.seconds)
        total += executions
        failed |= outcome != "ok"
        rate = executions / max(took, 1e-9)
        print(f"| `{name}` | {executions:,} | {rate:,.0f} | {memory} | {outcome} |", flush=True)
    print(f"| all | {total:,} | | | {'FAILED' if failed else 'ok'} |")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
