"""``hil compare A B``: two runs, boards or firmware versions side by side."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hil.cli.asking import add_place
from hil.cli.output import terminal_width, wants_color, write_out
from hil.errors import ConfigurationError
from hil.report.export.names import plain

if TYPE_CHECKING:
    from hil.history.database import History
    from hil.history.kept import KeptRun
    from hil.report.side_by_side import SideBySide

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
    add_place(parser)
    parser.add_argument("--html", metavar="FILE", help="write a page too")
    parser.add_argument("--all", action="store_true", help="every figure, not the main ones only")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: argparse.Namespace) -> int:
    """Print the tables; the exit status does not tell what changed."""
    if args.after is None and args.boards is None:
        raise ConfigurationError("compare with what? give two runs: `hil compare A B`")
    view = _view(args)
    if args.html:
        from hil.report.compare_page import render_comparison
        from hil.report.whole_file import write_text_atomically

        write_text_atomically(Path(args.html), render_comparison(view))
    if args.json:
        print(json.dumps(_document(view)))
        return 0
    from hil.report.compare_terminal import comparison_text

    color = wants_color(sys.stdout)
    write_out(comparison_text(view, width=terminal_width(), color=color, every=args.all))
    if args.html:
        print(f"page: {args.html}")
    return 0


def _view(args: argparse.Namespace) -> SideBySide:
    from hil.history.comparing import PAIR_CONFIDENCE, compare_kept
    from hil.history.database import open_history
    from hil.history.place import find_place
    from hil.report.side_by_side import side_by_side

    def compared(history: History | None, shown: str) -> SideBySide:
        names = (args.before, args.before if args.after is None else args.after)
        before, after = (_named(name, history, shown) for name in names)
        if args.boards:
            before, after = map(_only, (before, after), args.boards)
        comparison = compare_kept(before, after, PAIR_CONFIDENCE, history)
        return side_by_side(comparison, before, after)

    place = find_place(args.history, _OUT)
    if place is None or (place.file is not None and not place.file.is_file()):
        return compared(None, place.shown if place else "--history none")
    with open_history(place) as history:
        return compared(history, place.shown)


def _named(name: str, history: History | None, shown: str) -> KeptRun:
    """The run that ``name`` means; raises :class:`~hil.errors.HilError` for none."""
    from hil.history.comparing import read_kept
    from hil.history.listing import Wanted, list_runs

    wanted = None
    if name.startswith(_BOARD):
        wanted = Wanted(board=name.removeprefix(_BOARD))
    elif name.startswith(_FIRMWARE):
        wanted = Wanted(firmware=name.removeprefix(_FIRMWARE))
    if wanted is None or Path(name).is_dir():
        if history is None and not Path(name).is_dir():
            raise ConfigurationError(
                f"{plain(name)}: no such folder, and there is no history ({shown}); "
                "give run folders, or --history"
            )
        return read_kept(name, history)
    if history is None:
        raise ConfigurationError(f"{plain(name)}: there is no history ({shown}); give --history")
    found = list_runs(history, wanted, 1)
    if not found:
        raise ConfigurationError(f"{plain(name)}: no such run in {shown}; see `hil history`")
    kept = read_kept(found[0].run, history)
    boards = tuple(
        board
        for board in kept.boards
        if wanted.board in (None, board.identity.name, board.key)
        and board.identity.micropython.removeprefix("v").startswith(wanted.firmware or "")
    )
    return dataclasses.replace(kept, boards=boards or kept.boards)


def _only(kept: KeptRun, name: str) -> KeptRun:
    boards = tuple(one for one in kept.boards if name in (one.identity.name, one.key))
    if not boards:
        has = ", ".join(one.identity.name for one in kept.boards) or "none"
        raise ConfigurationError(
            f"--boards: no board {plain(name)} in {plain(kept.info.id)}; it has {plain(has)}"
        )
    return dataclasses.replace(kept, boards=boards)


def _document(view: SideBySide) -> dict[str, object]:
    from hil.model.result_files import build_changes

    return {
        **build_changes(view.comparison),
        "before": {"run": view.before.run, **dict(view.before.facts)},
        "after": {"run": view.after.run, **dict(view.after.facts)},
    }
