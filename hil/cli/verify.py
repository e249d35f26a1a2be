"""``hil verify``: whether a stored run is what it was, and its figures what its captures say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from hil.cli.main import EXIT_INCOMPLETE
from hil.experiments.verification import verify_run
from hil.model.errors import CaptureError
from hil.model.printable import escaped_line
from hil.recording.latest_run import newest_run

if TYPE_CHECKING:
    import argparse

    from hil.experiments.verification import Verification

_MOST_SHOWN = 10
_WORDS = {
    "changed": "changed since the run",
    "missing": "missing",
    "extra": "not a part of the run",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("folder", metavar="FOLDER", help="the run's, for example reports/latest")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: argparse.Namespace) -> int:
    """Verify and tell; exit status 0 where everything holds, else 8."""
    folder = newest_run(Path(args.folder))
    if not folder.is_dir():
        raise CaptureError(
            f"{args.folder}: no such folder; give a run's, for example reports/latest"
        )
    verification = verify_run(folder)
    if args.json:
        print(json.dumps(_document(folder, verification)))
    else:
        for line in _lines(verification):
            print(escaped_line(line))
    return 0 if verification.holds else EXIT_INCOMPLETE


def _document(folder: Path, verification: Verification) -> dict[str, object]:
    return {
        "schema": 1,
        "run": folder.resolve().name,
        "holds": verification.holds,
        "problem": verification.problem,
        "files": {
            check.name: {"state": check.state, **({"detail": check.detail} if check.detail else {})}
            for check in verification.files
        },
        "figures": verification.figures,
        "differences": [
            {"what": d.what, "stored": d.stored, "computed": d.computed, "small": d.small}
            for d in verification.differences
        ],
        "other": list(verification.other),
        "notes": list(verification.notes),
    }


def _lines(verification: Verification) -> list[str]:
    lines = []
    bad, files = verification.bad_files, verification.files
    if files:
        same = len(files) - len(bad)
        lines.append(f"files:   {same} of {len(files)} as they were stored")
    for check in bad[:_MOST_SHOWN]:
        lines.append(f"  {check.name}: {_WORDS.get(check.state) or check.detail}")
    lines += _more(len(bad))
    if not verification.problem:
        lines += _figure_lines(verification)
        lines += [f"note:    {note}" for note in verification.notes]
    else:
        lines.append(f"problem: {verification.problem}")
    verdict = "verified" if verification.holds else "NOT verified"
    return [*lines, f"verdict: {verdict}"]


def _figure_lines(verification: Verification) -> list[str]:
    different, figures = verification.differences, verification.figures
    if not different:
        lines = [f"figures: {figures} follow from the captures, to the last digit"]
    elif verification.holds:
        text = f"{len(different)} numbers differ by less than a billionth of themselves"
        lines = [f"figures: {figures} follow from the captures; {text}"]
    else:
        lines = [f"figures: {len(different)} numbers are not what the captures give"]
        for shown in different[:_MOST_SHOWN]:
            stored, computed = shown.stored or "not there", shown.computed or "none"
            lines.append(f"  {shown.what}: stored {stored}, computed {computed}")
        lines += _more(len(different))
    return [*lines, *(f"  {text}" for text in verification.other)]


def _more(count: int) -> list[str]:
    return [f"  and {count - _MOST_SHOWN} more"] if count > _MOST_SHOWN else []
