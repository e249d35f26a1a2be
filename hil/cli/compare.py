"""``hil compare A B``: two runs, boards or firmware versions side by side."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hil.cli.history_arguments import add_location_argument
from hil.cli.unread_captures import name_unread
from hil.history.bisect import NOT_MEASURED, bisect_verdict
from hil.history.location import find_location
from hil.model.errors import ConfigurationError, HilError
from hil.model.printable import escaped_line
from hil.model.result_files import build_changes
from hil.model.secrets import masked_traceback
from hil.recording.atomic_file import write_text_atomically
from hil.recording.latest_run import newest_run
from hil.report.terminal.console import TextConsole

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from hil.history.database import History
    from hil.history.stored_records import HistoryRun
    from hil.report.side_by_side import SideBySide

_Runs = tuple[tuple[str, "HistoryRun"], ...]
"""Both runs with the names that they were given by."""
_OUT = Path("reports")
_BOARD, _FIRMWARE = "board:", "firmware:"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    forms = "a run's folder, its id in the history, or the newest run of board:NAME, firmware:X"
    parser.add_argument("before", metavar="A", help=forms)
    parser.add_argument("after", metavar="B", nargs="?", help="as A (default: A, with --boards)")
    parser.add_argument(
        "--boards", metavar=("X", "Y"), nargs=2, help="board X of A against board Y of B"
    )
    add_location_argument(parser)
    parser.add_argument("--html", metavar="FILE", help="write a page too")
    parser.add_argument("--all", action="store_true", help="every figure, not the main ones only")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument(
        "--bisect",
        action="store_true",
        help="exit status for `git bisect run`: 0 B is not worse than A, 1 it is worse, "
        "125 one of them was not measured, or not in the same way",
    )


def run(args: argparse.Namespace) -> int:
    """Print the tables; the exit status tells what changed with ``--bisect`` only."""
    if not args.bisect:
        _, runs = _compare(args)
        return name_unread(_left_out(runs))
    try:
        view, runs = _compare(args)
        status, text = bisect_verdict(view.comparison, list(_problems(runs)))
    except HilError as error:
        status, text = NOT_MEASURED, f"not measured: {error}"
    except Exception as error:  # a fault of our own makes no commit bad
        print(masked_traceback(error), end="", file=sys.stderr)
        status, text = NOT_MEASURED, "not measured: hil failed"
    print(f"bisect: {escaped_line(text)}", file=sys.stderr)
    return status


def _left_out(runs: _Runs) -> Iterator[str]:
    """Captures that could not be read."""
    for errors in filter(None, (run.errors for _, run in runs)):
        from hil.experiments.evaluation import left_out

        yield from left_out(errors)


def _problems(runs: _Runs) -> Iterator[str]:
    """What the runs failed to measure, with the run's name."""
    from hil.experiments.evaluation import unmeasured_parts

    for name, run in runs:
        recorded = [f"{error.technique}, {error.load}: {error.error}" for error in run.errors]
        folder = newest_run(Path(name))
        texts = unmeasured_parts(folder) if folder.is_dir() else recorded
        yield from (f"{run.info.id}: {text}" for text in texts)


def _compare(args: argparse.Namespace) -> tuple[SideBySide, _Runs]:
    if args.after is None and args.boards is None:
        raise ConfigurationError("compare with what? give two runs: `hil compare A B`")
    view, runs = _view(args)
    if args.html:
        from hil.report.page.history_pages import render_comparison

        write_text_atomically(Path(args.html), render_comparison(view))
    if args.json:
        print(json.dumps(_document(view)))
        return view, runs
    from hil.report.terminal.run_summary import print_comparison

    console = TextConsole.of_output()
    print_comparison(console, view, every=args.all)
    console.write()
    if args.html:
        print(f"page: {args.html}")
    return view, runs


def _view(args: argparse.Namespace) -> tuple[SideBySide, _Runs]:
    from hil.history.comparison import PAIR_CONFIDENCE, compare_runs
    from hil.history.database import open_history
    from hil.report.side_by_side import side_by_side

    def compared(history: History | None, shown: str) -> tuple[SideBySide, _Runs]:
        names = (args.before, args.before if args.after is None else args.after)
        before, after = (_named(name, history, shown) for name in names)
        if args.boards:
            before, after = map(_only, (before, after), args.boards)
        comparison = compare_runs(before, after, PAIR_CONFIDENCE, history)
        view = side_by_side(comparison, before, after)
        return view, tuple(zip(names, (before, after), strict=True))

    location = find_location(args.history, _OUT)
    if location is None or (location.file is not None and not location.file.exists()):
        return compared(None, location.shown if location else "--history none")
    with open_history(location) as history:
        return compared(history, location.shown)


def _named(name: str, history: History | None, shown: str) -> HistoryRun:
    """The run that ``name`` means; raises :class:`~hil.model.errors.HilError` for none."""
    from hil.history.queries import RunFilter, list_runs
    from hil.history.run_reader import find_history_run

    wanted = None
    if name.startswith(_BOARD):
        wanted = RunFilter(board=name.removeprefix(_BOARD))
    elif name.startswith(_FIRMWARE):
        wanted = RunFilter(firmware=name.removeprefix(_FIRMWARE))
    is_folder = newest_run(Path(name)).is_dir()
    if wanted is None or is_folder:
        if history is None and not is_folder:
            raise ConfigurationError(
                f"{escaped_line(name)}: no such folder, and there is no history ({shown}); "
                "give run folders, or --history"
            )
        return find_history_run(name, history, _read_folder)
    if history is None:
        raise ConfigurationError(
            f"{escaped_line(name)}: there is no history ({shown}); give --history"
        )
    newest = list_runs(history, wanted, 1)
    if not newest:
        raise ConfigurationError(f"{escaped_line(name)}: no such run in {shown}; see `hil history`")
    run = find_history_run(newest[0].run, history, _read_folder)
    boards = tuple(
        board
        for board in run.boards
        if wanted.board in (None, board.identity.name, board.key)
        and board.identity.micropython.removeprefix("v").startswith(wanted.firmware or "")
    )
    return dataclasses.replace(run, boards=boards or run.boards)


def _read_folder(folder: Path) -> HistoryRun:
    from hil.experiments.evaluation import unjudged_history_run  # not for a run of the history

    return unjudged_history_run(folder)


def _only(run: HistoryRun, name: str) -> HistoryRun:
    boards = tuple(board for board in run.boards if name in (board.identity.name, board.key))
    if not boards:
        has = ", ".join(board.identity.name for board in run.boards) or "none"
        raise ConfigurationError(
            f"--boards: no board {escaped_line(name)} in {escaped_line(run.info.id)}; "
            f"it has {escaped_line(has)}"
        )
    return dataclasses.replace(run, boards=boards)


def _document(view: SideBySide) -> dict[str, object]:
    return {
        **build_changes(view.comparison),
        "before": {"run": view.before.run, **dict(view.before.facts)},
        "after": {"run": view.after.run, **dict(view.after.facts)},
    }
