"""``hil lesson``: sheets for a class, one a technique, in the terminal or as a page to print."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hil.model.errors import ConfigurationError
from hil.model.known_names import unknown_name
from hil.model.lessons import LESSONS
from hil.recording.atomic_file import write_text_atomically
from hil.recording.latest_run import LATEST, newest_run
from hil.recording.run_folder import RunFolder, read_results
from hil.report.lesson_sheet import lesson_list, make_sheet, sheet_text, sheets_page

if TYPE_CHECKING:
    import argparse

    from hil.model.lessons import Lesson
    from hil.model.results import Results

PAGE_NAME = "lessons.html"
_OUT = "reports"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("technique", nargs="?", help="the lesson (default: list them all)")
    parser.add_argument("--all", action="store_true", help="all lessons, one sheet each")
    parser.add_argument(
        "--to", metavar="DIR", dest="folder", help=f"write {PAGE_NAME} there, to print"
    )
    parser.add_argument(
        "--run",
        nargs="?",
        const="",
        metavar="BOARD",
        help="do the experiment first (half a minute), for its figures; on this board, else on the "
        "one that the sheet names",
    )
    parser.add_argument(
        "--from", metavar="RUN", dest="measured", help="take the figures from this run's folder"
    )


def run(args: argparse.Namespace) -> int:
    """List the lessons, or make sheets."""
    if args.technique is None and not args.all:
        if args.run is not None or args.measured or args.folder:
            raise ConfigurationError("hil lesson: name a technique, or give --all")
        print(lesson_list())
        return 0
    if args.technique is not None and args.technique not in LESSONS:
        raise ConfigurationError(unknown_name("lesson", args.technique, LESSONS))
    lessons = list(LESSONS.values()) if args.all else [LESSONS[args.technique]]
    if args.run is not None and len(lessons) > 1:
        raise ConfigurationError("--run: one experiment at a time; name a technique")
    if args.run is None:
        results = _stored(args.measured)
    else:
        results = _measure(lessons[0], args.run or lessons[0].board)
    sheets = [make_sheet(lesson, results) for lesson in lessons]
    if args.folder is None:
        print("\n".join(map(sheet_text, sheets)), end="")
        return 0
    folder = Path(args.folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"--to={folder}: {error.strerror}; choose another") from None
    write_text_atomically(folder / PAGE_NAME, sheets_page(sheets))
    print(folder / PAGE_NAME)
    return 0


def _stored(run_folder: str | None) -> Results | None:
    if run_folder is None:
        return None
    return read_results(RunFolder(newest_run(Path(run_folder))).results)


def _measure(lesson: Lesson, board: str) -> Results:
    """The experiment, done by ``hil run``; what it says goes to the standard error."""
    latest = Path(_OUT) / LATEST
    before = latest.resolve()
    words = ["-m", "hil", *lesson.command_on(board).split()[1:], f"--out={_OUT}", "--", "-q"]
    environment = os.environ | {"PYTHONSAFEPATH": "1"}
    done = subprocess.run([sys.executable, *words], env=environment, stdout=sys.stderr, check=False)
    if newest_run(latest).resolve() == before or done.returncode not in (0, 1):
        raise ConfigurationError(f"there are no figures of this: {lesson.command_on(board)}")
    return read_results(RunFolder(newest_run(latest)).results)
