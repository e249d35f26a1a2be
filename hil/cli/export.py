"""``hil export``: a run in the formats of other programs."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import TextIO

from hil.errors import CaptureError, ConfigurationError
from hil.report.export.formats import FORMATS, STDOUT, Exported, export_run
from hil.report.export.names import plain

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
        help=f"{', '.join(FORMATS)}, or several with commas, or all",
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
    written = [export_run(folder, FORMATS[name], out) for name in args.to]
    _say(written, args.json, sys.stderr if out == STDOUT else sys.stdout)
    return 0


def _formats(text: str) -> list[str]:
    names = list(FORMATS) if text == "all" else list(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in FORMATS:
            raise argparse.ArgumentTypeError(f"unknown {name!r}; known are {', '.join(FORMATS)}")
    return names


def _list(as_json: bool) -> int:
    rows = [{"name": one.name, "file": one.file, "opens": one.opens} for one in FORMATS.values()]
    if as_json:
        print(json.dumps({"schema": 1, "formats": rows}))
        return 0
    for row in rows:
        print(f"{row['name']:<12} {row['file']:<18} {row['opens']}")
    return 0


def _say(written: list[Exported], as_json: bool, stream: TextIO) -> None:
    if as_json:
        rows = [dataclasses.asdict(one) for one in written]
        print(json.dumps({"schema": 1, "written": rows}), file=stream)
        return
    for line in dict.fromkeys(line for one in written for line in one.left_out):
        print(f"hil: {plain(line)}", file=sys.stderr)
    for one in written:
        print(f"{one.format:<12} {one.count} {one.what}: {one.path}", file=stream)
