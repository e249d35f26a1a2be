"""``hil report``, ``show`` and ``export``: what can be made of a stored run."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

from hil.cli.history_export import export_history_figures
from hil.cli.main import EXIT_FAILED, EXIT_INTERNAL, Subcommand
from hil.cli.unread_captures import name_unread
from hil.experiments.budget_files import budgets_of_run
from hil.experiments.evaluation import evaluate_run, results_in
from hil.model.budgets import unmatched_budgets
from hil.model.errors import (
    CaptureError,
    ConfigurationError,
    HilError,
    NewerSchemaError,
    brief,
)
from hil.model.known_names import unknown_name
from hil.model.printable import escaped_line
from hil.model.result_files import build_results
from hil.model.results import LEFT_OUT
from hil.model.verdicts import run_verdict
from hil.recording.atomic_file import replaced_file, write_text_atomically
from hil.recording.latest_run import newest_run
from hil.recording.run_folder import (
    CHANGES_NAME,
    RunFolder,
    read_changes,
    read_results,
    write_results,
)
from hil.recording.stored_file import open_stored
from hil.recording.stored_run import CaptureStream, read_run, sound_captures, unreadable_files
from hil.report.exports.job_summary import job_summary, write_summary
from hil.report.exports.junit import junit_text
from hil.report.exports.registry import EXPORTS
from hil.report.terminal.console import TextConsole, can_show, wants_color
from hil.report.terminal.sparklines import ASCII, UNICODE, axis_line, bars, lateness_groups
from hil.report.terminal.tables import Cell, Column, Table, folded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any, TextIO

    from hil.model.captures import Capture
    from hil.model.results import Comparison, Results
    from hil.report.exports.export_format import Export
    from hil.report.terminal.sparklines import Group

DEFAULT_FOLDER = "reports/latest"
MAX_JUNIT_BYTES = 64_000_000
STDOUT = Path("-")
_WIDEST, _LEAST_BARS, _JSON_BINS = 120, 8, 80
_READABLE_BARS = 16
_BODY, _TAIL, _BOLD, _DIM, _END = "\x1b[36m", "\x1b[33m", "\x1b[1m", "\x1b[2m", "\x1b[0m"


def _add_folder_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder", nargs="?", default=DEFAULT_FOLDER, help=f"the run's (default: {DEFAULT_FOLDER})"
    )


def _stored_comparison(folder: Path) -> Comparison | None:
    stored = folder / CHANGES_NAME
    return read_changes(stored) if stored.exists() or stored.is_symlink() else None


def _add_report_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    _add_folder_argument(parser)
    parser.add_argument("--budgets", metavar="FILE", help="judge by these budgets (TOML)")
    parser.add_argument("--markdown", metavar="FILE", help="also a summary for a CI server's page")
    parser.add_argument("--json", action="store_true", help="say in JSON what was written")


def _report(args: argparse.Namespace) -> int:
    """See :func:`write_report`."""
    return write_report(args.folder, args.budgets, args.markdown, as_json=args.json)


def write_report(
    folder: str, budgets: str | None, markdown: str | None = None, *, as_json: bool = False
) -> int:
    """Write ``results.json``, ``report.html`` and ``junit.xml`` anew and print the table.

    A ``junit.xml`` that pytest wrote names its tests and how long they took, which no capture
    tells: it stays, unless other ``budgets`` judge the run now. Without ``budgets`` those of the
    run judge it again.
    """
    from hil.report.page.page import write_page
    from hil.report.terminal.run_summary import print_summary

    path = newest_run(Path(folder))
    if not path.is_dir():
        raise CaptureError(f"{folder}: no such folder; give a run's, for example {DEFAULT_FOLDER}")
    run = read_run(path)
    rules = budgets_of_run(path, run, Path(budgets) if budgets else None)
    results = evaluate_run(run, rules)
    files = RunFolder(path)
    hashes = files.hashes(run.files)
    _tell_changed(files, hashes)
    results = replace(results, run=replace(results.run, hashes=hashes))
    comparison = _stored_comparison(path)
    write_results(files.results, results)
    write_page(files.report, results, sound_captures(run, results.counted_attempts), comparison)
    if budgets or not _of_pytest(files.junit):
        write_text_atomically(files.junit, junit_text(results))
    if markdown is not None:
        write_summary(Path(markdown), job_summary(results, comparison))
    if as_json:
        print(json.dumps(_written(files, results)))
        return _status(run.unreadable)
    console = TextConsole.of_output()
    print_summary(console, results, comparison)
    console.write()
    print(f"results: {files.results}\nreport:  {files.report}\njunit:   {files.junit}")
    for line in unmatched_budgets(rules, results.measurements) if budgets else ():
        print(f"hint: {line}")
    return _status(run.unreadable)


def _tell_changed(files: RunFolder, hashes: Mapping[str, str]) -> None:
    """Name the files whose digests in ``results.json`` were others: they get new ones now."""
    with contextlib.suppress(HilError):  # without one there is nothing to compare with
        for name, digest in read_results(files.results).run.hashes.items():
            if hashes.get(name, digest) != digest:
                text = f"{name} is not what it was when results.json was written (`hil verify`)"
                print(f"hil: {escaped_line(text)}", file=sys.stderr)


def _status(unreadable: Iterable[str]) -> int:
    """Name the captures that could not be read, and the exit status that says so."""
    return name_unread(f"{LEFT_OUT}{reason}" for reason in unreadable)


def _of_pytest(junit: Path) -> bool:
    """Whether there is a file that pytest wrote, and not this command."""
    try:
        with open_stored(junit, MAX_JUNIT_BYTES) as file:
            return b'<testsuites name="hil">' not in file.read(200)
    except (OSError, CaptureError):  # a link or a pipe there is replaced by a file
        return False


def _written(files: RunFolder, results: Results) -> dict[str, object]:
    return {
        "schema": 1,
        "run": results.run.id,
        "results": str(files.results),
        "report": str(files.report),
        "junit": str(files.junit),
        "figures": len(results.measurements),
        "out_of_budget": sum(m.verdict == "fail" for m in results.measurements),
        "undecided": sum(m.verdict == "undecided" for m in results.measurements),
        "verdict": run_verdict(results),
        "errors": len(results.errors),
        "skipped": len(results.skipped),
    }


def _add_show_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    _add_folder_argument(parser)
    parser.add_argument("--json", action="store_true", help="results.json and the distributions")


def show_run(args: argparse.Namespace) -> int:
    """Print table and distributions; they need the captures, the table only ``results.json``."""
    from hil.report.terminal.run_summary import print_summary

    folder = newest_run(Path(args.folder))
    results = results_in(folder)
    captures, missing, unreadable = _captures(folder, results)
    if args.json:
        groups = list(lateness_groups(captures, _JSON_BINS))
        print(json.dumps({**build_results(results), "lateness": list(map(_plain_group, groups))}))
        return _status(unreadable)
    console = TextConsole.of_output()
    print_summary(console, results, _stored_comparison(folder))
    console.write()
    width = min(console.width, _WIDEST)
    characters = UNICODE if can_show(UNICODE, sys.stdout) else ASCII
    for line in _lines(captures, width, characters, wants_color(sys.stdout)):
        print(line)
    if missing:
        print(f"hil: no distributions: {escaped_line(missing)}", file=sys.stderr)
    return _status(unreadable)


def _captures(folder: Path, results: Results) -> tuple[list[Capture], str, tuple[str, ...]]:
    """The sound captures, or why there are none; and the files that could not be read."""
    try:
        run = read_run(folder)
    except NewerSchemaError:
        raise
    except CaptureError as error:
        return [], str(error), ()
    captures = sound_captures(run, results.counted_attempts)
    return captures, "" if captures else "no capture that can be trusted", run.unreadable


def _lines(captures: Sequence[Capture], width: int, characters: str, color: bool) -> list[str]:
    longest = max((cell_len(escaped_line(c.plan.technique)) for c in captures), default=0)
    beside = longest + _READABLE_BARS + 3 <= width
    name = longest if beside else 0
    bins = max(_LEAST_BARS, width - name - 3)
    lines: list[str] = []
    for group in lateness_groups(captures, bins):
        title = escaped_line(f"lateness, {group.board}, load {group.load}")
        lines += ["", *(_styled(line, _BOLD, color) for line in folded(title, width))]
        for row in group.rows:
            text = escaped_line(row.technique)
            if not beside:
                lines.append(f" {text}")
                text = ""
            drawn = bars(row.counts, characters)
            body, tail = drawn[: row.tail], drawn[row.tail :].rstrip()
            body = body if tail else body.rstrip()
            shown = _styled(body, _BODY, color) + _styled(tail, _TAIL, color)
            lines.append(f" {set_cell_size(text, name)} {shown}".rstrip())
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


def _add_export_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument(
        "folder",
        nargs="?",
        default=DEFAULT_FOLDER,
        metavar="FOLDER|HISTORY",
        help=f"a run's (default: {DEFAULT_FOLDER}), or a history's file or address",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--to",
        metavar="FORMAT[,FORMAT...]",
        type=_formats,
        help=f"{', '.join(EXPORTS)}, or several with commas, or all",
    )
    what.add_argument("--list", action="store_true", help="list the formats and what opens them")
    parser.add_argument(
        "--out", metavar="FILE", help="default: a file in the run's folder; - is stdout (text only)"
    )
    parser.add_argument("--json", action="store_true", help="say in JSON what was written")


def export(args: argparse.Namespace) -> int:
    """Write, then say what and where; what is left out goes to stderr."""
    if args.list:
        return _list_exports(args.json)
    if "://" in args.folder or Path(args.folder).is_file():
        return export_history_figures(args.folder, args.to, args.out, as_json=args.json)
    if args.out is not None and len(args.to) > 1:
        raise ConfigurationError("--out names one file: give one format, or leave --out away")
    folder = newest_run(Path(args.folder))
    if not folder.is_dir():
        raise CaptureError(f"{folder}: no such folder; give a run's, for example {DEFAULT_FOLDER}")
    out = None if args.out is None else Path(args.out)
    written: list[ExportedFile] = []
    failed: dict[str, str] = {}
    broken = False
    for name in args.to:
        try:
            written.append(export_run(folder, EXPORTS[name], out))
        except HilError as error:
            failed[name] = str(error)
        except Exception as error:  # a fault of our own in one format costs no other its file
            if len(args.to) == 1:
                raise
            failed[name] = f"internal failure, `--to {name}` alone shows where: {brief(error)}"
            broken = True
    _tell_written(written, failed, args.json, sys.stderr if out == STDOUT else sys.stdout)
    status = _status(line for file in written for line in file.unreadable)
    if failed:
        return EXIT_INTERNAL if broken else EXIT_FAILED
    return status


def _formats(text: str) -> list[str]:
    names = list(EXPORTS) if text == "all" else list(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in EXPORTS:
            raise argparse.ArgumentTypeError(unknown_name("format", name, EXPORTS))
    return names


def _list_exports(as_json: bool) -> int:
    rows = [
        {
            "name": export.name,
            "file": export.file,
            "opens": export.opens,
            "package": export.package,
        }
        for export in EXPORTS.values()
    ]
    if as_json:
        print(json.dumps({"schema": 1, "formats": rows}))
        return 0
    columns = (Column(""), Column("", keep=1), Column("", folds=True))
    cells = [[Cell(str(row[key])) for key in ("name", "file", "opens")] for row in rows]
    console = TextConsole.of_output()
    console.table(Table(columns, cells, spaced=False))
    console.write()
    return 0


def _tell_written(
    written: list[ExportedFile], failed: Mapping[str, str], as_json: bool, stream: TextIO
) -> None:
    for name, reason in failed.items():
        text = reason if name in reason else f"{name}: {reason}"
        print(f"hil: {escaped_line(text)}", file=sys.stderr)
    if as_json:
        document: dict[str, object] = {"schema": 1, "written": [asdict(file) for file in written]}
        if failed:
            document["failed"] = failed
        print(json.dumps(document), file=stream)
        return
    unreadable = {line for file in written for line in file.unreadable}
    for line in dict.fromkeys(line for file in written for line in file.left_out):
        if line in unreadable:  # named by itself
            continue
        print(f"hil: {escaped_line(line)}", file=sys.stderr)
    for file in written:
        print(f"{file.format:<12} {file.count} {file.what}: {file.path}", file=stream)


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """What was written: ``count`` activations, figures or charts, and what is not in it.

    Of what was ``left_out``, ``unreadable`` are the captures that could not be read at all.
    """

    format: str
    path: str
    what: str
    count: int
    left_out: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()


class FolderInput:
    """A run's folder as an :class:`~hil.report.exports.export_format.ExportInput`.

    Figures are those of ``results.json``; where there is none they are computed from the captures
    and judged by the default budgets.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._captures: CaptureStream | None = None

    @cached_property
    def results(self) -> Results:
        """The judged figures."""
        return results_in(self._folder)

    @property
    def captures(self) -> CaptureStream:
        """The captures that give figures, read one at a time."""
        if self._captures is None:
            counted = {}
            with contextlib.suppress(HilError):  # stamps need no figures
                counted = read_results(RunFolder(self._folder).results).counted_attempts
            self._captures = CaptureStream(self._folder, counted)
        return self._captures

    @property
    def left_out(self) -> tuple[str, ...]:
        """What was not read, if captures were asked for, and why."""
        return () if self._captures is None else tuple(self._captures.left_out)

    @property
    def unreadable(self) -> tuple[str, ...]:
        """The captures that could not be read; each by its head where nothing asked for more."""
        if self._captures is not None:
            return tuple(self._captures.unreadable)
        return unreadable_files(self._folder)


def export_run(folder: Path, export: Export, out: Path | None = None) -> ExportedFile:
    """Write one format; ``out`` defaults to the format's file in ``folder``, ``-`` is stdout.

    Raises :class:`~hil.model.errors.HilError`.
    """
    path = out if out is not None else folder / export.file
    run = FolderInput(folder)
    if path == STDOUT:
        stream = TextIOWrapper(sys.stdout.buffer, "utf-8", newline="")
        try:
            count = export.write(stream, run)
            stream.flush()
        finally:
            stream.detach()
    else:
        with replaced_file(path) as temporary:
            count = export.write(temporary, run)
    return ExportedFile(export.name, str(path), export.counts, count, run.left_out, run.unreadable)


REPORT = Subcommand(_add_report_arguments, _report)
SHOW = Subcommand(_add_show_arguments, show_run)
EXPORT = Subcommand(_add_export_arguments, export)
