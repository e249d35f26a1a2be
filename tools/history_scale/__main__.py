"""python -m tools.history_scale [--sizes BxN,BxN,BxN] [--postgresql] [--template FOLDER] [--write]

Makes histories of so many boards over so many nights in a temporary folder and measures each and
every command on it: a table in Markdown, of processor seconds above the start-up (in parentheses
the seconds that passed, with it), peak memory above the start-up's, and lines printed. With
``--postgresql`` on a server of its own (Debian package postgresql), else in an SQLite file. Without
``--template`` the embedded board is measured first. With ``--write`` the table goes into
docs/explanation/history-scale.md.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
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
from tools.history_scale.commands import commands, measured_command
from tools.history_scale.growth_table import PAGE, Size, growth_table, write_between_markers
from tools.history_scale.made_runs import Farm, fill
from tools.history_scale.writers import store_by_many

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hil.history.stored_records import HistoryRun

_SIZES = {False: "20x12,20x37,20x120", True: "100x4,300x4,1000x4"}


def main(words: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="tools.history_scale", description=__doc__)
    parser.add_argument("--sizes", help="boards x nights, from the smallest")
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--template", type=Path)
    parser.add_argument("--writers", type=int, default=20, help="who store 1,000 runs; 0: nobody")
    parser.add_argument("--write", action="store_true", help="into the page of the documentation")
    args = parser.parse_args(words)
    chosen = (args.sizes or _SIZES[args.postgresql]).split(",")
    farms = [Farm(*map(int, size.split("x"))) for size in chosen]
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hil-scale-")))
        template = judged_history_run(args.template or _measured(folder))
        new_database = stack.enter_context(_server()) if args.postgresql else _files(folder)
        if args.writers:
            stored, seconds = store_by_many(new_database(), template, args.writers)
            print(f"{args.writers} writers stored {stored} runs in {seconds:.0f} s", flush=True)
        sizes = [_size(new_database(), template, farm) for farm in farms]
    table = growth_table(sizes)
    print(f"\n{table}")
    if args.write:
        name = "postgresql" if args.postgresql else "sqlite"
        write_between_markers(PAGE, f"history-scale {name}", table)
    return 0


def _size(address: str, template: HistoryRun, farm: Farm) -> Size:
    location = find_location(address, Path())
    assert location is not None
    begun = time.monotonic()
    with open_history(location) as history:
        fill(history, template, farm)
        runs, stored_bytes = _stored(history)
    print(
        f"{farm.boards} boards x {farm.nights} nights: {runs} runs, {stored_bytes / 1e6:.0f} MB, "
        f"written in {time.monotonic() - begun:.0f} s",
        flush=True,
    )
    spent = [measured_command(address, words) for words in commands(farm)]
    return Size(farm, runs, stored_bytes, spent)


def _files(folder: Path) -> Callable[[], str]:
    numbers = itertools.count()
    return lambda: str(folder / f"history{next(numbers)}.db")


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
def _server() -> Iterator[Callable[[], str]]:
    sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "history"))
    from conftest import Cluster

    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        raise SystemExit("needs PostgreSQL: sudo apt-get install -y postgresql")
    cluster = Cluster(programs[-1].parent)
    try:
        cluster.start()
        yield cluster.new_database
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


if __name__ == "__main__":
    sys.exit(main())
