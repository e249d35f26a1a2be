"""``hil show``: the table of a run again, with the distribution of lateness in small."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hil.cli.output import can_show, terminal_width, wants_color, write_out
from hil.cli.report import DEFAULT_FOLDER
from hil.experiments.evaluation import results_in
from hil.model.errors import CaptureError, NewerSchemaError
from hil.model.printable import escaped_line
from hil.model.result_files import build_results
from hil.recording.run_folder import CHANGES_NAME, read_changes
from hil.recording.stored_run import read_run, sound_captures
from hil.report.terminal.run_summary import terminal_summary
from hil.report.terminal.sparklines import ASCII, UNICODE, axis_line, bars, lateness_groups

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import Any

    from hil.model.captures import Capture
    from hil.report.terminal.sparklines import Group

_WIDEST, _LEAST_BARS, _JSON_BINS = 120, 16, 80
_BODY, _TAIL, _BOLD, _DIM, _END = "\x1b[36m", "\x1b[33m", "\x1b[1m", "\x1b[2m", "\x1b[0m"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument(
        "folder", nargs="?", default=DEFAULT_FOLDER, help=f"the run's (default: {DEFAULT_FOLDER})"
    )
    parser.add_argument("--json", action="store_true", help="results.json and the distributions")


def run(args: argparse.Namespace) -> int:
    """Print table and distributions; they need the captures, the table only ``results.json``."""
    folder = Path(args.folder)
    results = results_in(folder)
    captures, missing = _captures(folder)
    if args.json:
        groups = list(lateness_groups(captures, _JSON_BINS))
        print(json.dumps({**build_results(results), "lateness": list(map(_plain_group, groups))}))
        return 0
    width = max(40, min(terminal_width(), _WIDEST))
    color = wants_color(sys.stdout)
    stored = folder / CHANGES_NAME
    comparison = read_changes(stored) if stored.exists() else None
    write_out(terminal_summary(results, width=width, color=color, comparison=comparison))
    characters = UNICODE if can_show(UNICODE, sys.stdout) else ASCII
    for line in _lines(captures, width, characters, color):
        write_out(f"{line}\n")
    if missing:
        print(f"hil: no distributions: {missing}", file=sys.stderr)
    return 0


def _captures(folder: Path) -> tuple[list[Capture], str]:
    """The sound captures, or why there are none."""
    try:
        found = sound_captures(read_run(folder))
    except NewerSchemaError:
        raise
    except CaptureError as error:
        return [], str(error)
    return found, "" if found else "no capture that can be trusted"


def _lines(captures: Sequence[Capture], width: int, characters: str, color: bool) -> list[str]:
    longest = max((len(escaped_line(c.plan.technique)) for c in captures), default=0)
    name = min(longest, max(8, width // 4))
    room = width - name - 3
    bins = max(_LEAST_BARS, room)
    lines: list[str] = []
    for group in lateness_groups(captures, bins):
        title = escaped_line(f"lateness, {group.board}, load {group.load}")
        lines += ["", _styled(title[:width], _BOLD, color)]
        for row in group.rows:
            text = escaped_line(row.technique)
            text = text if len(text) <= name else f"{text[: name - 1]}~"
            drawn = bars(row.counts, characters)
            body, tail = drawn[: row.tail], drawn[row.tail :].rstrip()
            body = body if tail else body.rstrip()
            shown = _styled(body, _BODY, color) + _styled(tail, _TAIL, color)
            lines.append(f" {text:<{name}} {shown}".rstrip())
        axis = axis_line(group.axis, bins).rstrip()
        lines.append(_styled(f" {'':<{name}} {axis}", _DIM, color))
    if lines:
        lines.append(_styled("height: logarithm of the count", _DIM, color))
    return lines


def _styled(text: str, style: str, color: bool) -> str:
    return f"{style}{text}{_END}" if color and text else text


def _plain_group(group: Group) -> dict[str, Any]:
    return {
        "board": group.board,
        "load": group.load,
        "edges_us": group.edges_us.tolist(),
        "counts": {row.technique: row.counts.tolist() for row in group.rows},
    }
