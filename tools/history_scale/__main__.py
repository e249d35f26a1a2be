"""python -m tools.history_scale [--boards N] [--nights N,N,N] [--postgresql] [--template FOLDER]

Makes a history of so many boards over so many nights in a temporary folder, some sizes one after
another, and measures the file and every command: a table in Markdown, of seconds (in parentheses
those of the processor) and peak memory above the start-up. With ``--postgresql`` on a server of its
own (Debian package postgresql), else in an SQLite file. Without ``--template`` the embedded board
is measured first.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from hil.experiments.evaluation import judged_history_run
from hil.history.database import History, open_history
from hil.history.location import find_location
from tools.history_scale.commands import Spent, commands, measured_command
from tools.history_scale.made_runs import Farm, fill
from tools.history_scale.writers import store_by_many

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_BOARDS = {False: 20, True: 1000}
_NIGHTS = {False: "37,122,365", True: "3,10,30"}


def main(words: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="tools.history_scale", description=__doc__)
    parser.add_argument("--boards", type=int)
    parser.add_argument("--nights")
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--template", type=Path)
    parser.add_argument("--writers", type=int, default=20, help="who store 1,000 runs at first")
    args = parser.parse_args(words)
    count = args.boards or _BOARDS[args.postgresql]
    sizes = [int(size) for size in (args.nights or _NIGHTS[args.postgresql]).split(",")]
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hil-scale-")))
        template = judged_history_run(args.template or _measured(folder))
        address = stack.enter_context(_server()) if args.postgresql else str(folder / "history.db")
        stored, seconds = store_by_many(address, template, args.writers)
        print(f"{args.writers} writers stored {stored} runs in {seconds:.0f} s", flush=True)
        columns: list[list[Spent]] = []
        titles: list[str] = []
        done = 0
        for size in sizes:
            farm = Farm(count, size)
            location = find_location(address, folder)
            assert location is not None
            begun = time.monotonic()
            with open_history(location) as history:
                fill(history, template, farm, done)
                stored, bytes_stored = _stored(history)
            done = size
            titles.append(f"{count} x {size}")
            print(
                f"{count} boards x {size} nights: {stored} runs, {bytes_stored / 1e6:.0f} MB, "
                f"{bytes_stored / stored / 1000:.1f} kB a run, "
                f"written in {time.monotonic() - begun:.0f} s",
                flush=True,
            )
            columns.append([measured_command(address, words) for words in commands(farm)])
        _print(titles, commands(farm), columns)
    return 0


def _measured(folder: Path) -> Path:
    """The embedded board's quick suite, in virtual time."""
    out = folder / "template"
    subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "benchmarks", "--board=sim:clock=virtual"),
            *(f"--hil-out={out}", "--hil-history=none", "--hil-load=idle"),
        ],
        check=False,
        stdout=subprocess.DEVNULL,
    )
    return out / "latest"


@contextlib.contextmanager
def _server() -> Iterator[str]:
    sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "history"))
    from conftest import Cluster

    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        raise SystemExit("needs PostgreSQL: sudo apt-get install -y postgresql")
    cluster = Cluster(programs[-1].parent)
    try:
        cluster.start()
        yield cluster.new_database()
    finally:
        cluster.stop()


def _stored(history: History) -> tuple[int, int]:
    """How many runs there are, and the bytes that they take with their indexes."""

    def work(connection: sa.Connection) -> tuple[int, int]:
        runs = int(connection.execute(sa.text("SELECT count(*) FROM runs")).scalar_one())
        if connection.dialect.name == "postgresql":
            query = "SELECT pg_database_size(current_database())"
            return runs, int(connection.execute(sa.text(query)).scalar_one())
        pages = int(connection.execute(sa.text("PRAGMA page_count")).scalar_one())
        return runs, pages * int(connection.execute(sa.text("PRAGMA page_size")).scalar_one())

    return history.read(work)


def _print(
    titles: Sequence[str], asked: Sequence[Sequence[str]], columns: Sequence[Sequence[Spent]]
) -> None:
    print("\n| command | lines | " + " | ".join(titles) + " |")
    print("|---|--:|" + "--:|" * len(titles))
    for row, words in enumerate(asked):
        cells = []
        for column in columns:
            spent, start = column[row], column[0]
            less = start if row else Spent(0.0, 0.0, 0.0, 0)
            cells.append(
                f"{spent.seconds - less.seconds:.2f} s ({spent.cpu_s - less.cpu_s:.2f}), "
                f"{spent.mb - less.mb:.0f} MB"
            )
        name = " ".join(words) + ("" if row else " (start-up)")
        print(f"| `hil {name}` | {columns[-1][row].lines} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    sys.exit(main())
