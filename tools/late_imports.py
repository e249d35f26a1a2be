"""What imports inside functions save: the list in ``pyproject.toml``, measured again.

For each line ``module -> imported`` of ``[tool.late-imports.start-up]`` a new process imports the
module and then, with the processor's time taken, what it imports later. Printed is the least of
several processes, in milliseconds, beside the number in the list. The modules are compiled before,
as in an installation.

    python -m tools.late_imports [--runs 7]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"
MEASURE = """
import importlib, sys, time
module, imported = sys.argv[1:]
importlib.import_module(module)
begin = time.process_time()
importlib.import_module(imported)
print((time.process_time() - begin) * 1000)
"""


def main(argv: list[str] | None = None) -> int:
    """Print one line for each import of the list."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7, metavar="N", help="processes each (7)")
    args = parser.parse_args(argv)
    listed = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["tool"]["late-imports"]["start-up"]
    with tempfile.TemporaryDirectory() as compiled:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for line, stated_ms in listed.items():
            module, _, imported = line.partition(" -> ")
            costs_ms = [_cost_ms(module, imported, environment) for _ in range(args.runs + 1)]
            print(f"{min(costs_ms[1:]):6.0f} ms, {stated_ms} in the list: {line}", flush=True)
    return 0


def _cost_ms(module: str, imported: str, environment: dict[str, str]) -> float:
    command = [sys.executable, "-c", MEASURE, module, imported]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
