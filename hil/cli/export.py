"""``hil export``: a run written in the formats of other programs."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from dataclasses import dataclass
from functools import cached_property
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

from hil.experiments.evaluation import results_in
from hil.model.errors import CaptureError, ConfigurationError
from hil.model.printable import escaped_line
from hil.recording.atomic_file import replaced_file
from hil.recording.stored_run import CaptureStream
from hil.report.exports.registry import EXPORTS

if TYPE_CHECKING:
    from typing import TextIO

    from hil.model.results import Results
    from hil.report.exports.export_format import Export

DEFAULT_FOLDER = "reports/latest"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument(
        "folder", nargs="?", default=DEFAULT_FOLDER, help=f"the run's (default: {DEFAULT_FOLDER})"
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


def run(args: argparse.Namespace) -> int:
    """Write, then say what and where; what is left out goes to stderr."""
    if args.list:
        return _list(args.json)
    if args.out is not None and len(args.to) > 1:
        raise ConfigurationError("--out names one file: give one format, or leave --out away")
    folder = Path(args.folder)
    if not folder.is_dir():
        raise CaptureError(f"{folder}: no such folder; give a run's, for example {DEFAULT_FOLDER}")
    out = None if args.out is None else Path(args.out)
    written = [export_run(folder, EXPORTS[name], out) for name in args.to]
    _say(written, args.json, sys.stderr if out == STDOUT else sys.stdout)
    return 0


def _formats(text: str) -> list[str]:
    names = list(EXPORTS) if text == "all" else list(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in EXPORTS:
            raise argparse.ArgumentTypeError(f"unknown {name!r}; known are {', '.join(EXPORTS)}")
    return names


def _list(as_json: bool) -> int:
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
    for row in rows:
        print(f"{row['name']:<12} {row['file']:<18} {row['opens']}")
    return 0


def _say(written: list[ExportedFile], as_json: bool, stream: TextIO) -> None:
    if as_json:
        rows = [dataclasses.asdict(file) for file in written]
        print(json.dumps({"schema": 1, "written": rows}), file=stream)
        return
    for line in dict.fromkeys(line for file in written for line in file.left_out):
        print(f"hil: {escaped_line(line)}", file=sys.stderr)
    for file in written:
        print(f"{file.format:<12} {file.count} {file.what}: {file.path}", file=stream)


STDOUT = Path("-")


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """What was written: ``count`` activations, figures or charts, and what is not in it."""

    format: str
    path: str
    what: str
    count: int
    left_out: tuple[str, ...] = ()


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
            self._captures = CaptureStream(self._folder)
        return self._captures

    @property
    def left_out(self) -> tuple[str, ...]:
        """What was not read, if captures were asked for, and why."""
        return () if self._captures is None else tuple(self._captures.left_out)


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
    return ExportedFile(export.name, str(path), export.counts, count, run.left_out)
