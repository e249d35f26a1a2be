"""``hil notify``: what became of a run, for a service that failed and for a test of the way."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from hil.cli.main import EXIT_FAILED
from hil.model.errors import ConfigurationError, HilError
from hil.model.printable import escaped_line
from hil.model.run_options import NOTIFY_VARIABLE
from hil.model.verdicts import run_verdict
from hil.recording.latest_run import newest_beside, newest_run
from hil.recording.run_folder import CHANGES_NAME, RunFolder, read_changes, read_results
from hil.report.notifications.message import NightMessage, harmless, night_message
from hil.report.notifications.sending import send_all
from hil.report.notifications.targets import parse_targets, report_link
from hil.report.notifications.told import was_told

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from hil.report.notifications.targets import Target

MONITOR = "MONITOR_"
"""How the variables begin by which systemd tells an ``OnFailure=`` unit of the one that failed."""
_MOST_STATUS = 255


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument(
        "folder", nargs="?", metavar="FOLDER", help="a run's folder, for example reports/latest"
    )
    parser.add_argument(
        "--to",
        action="append",
        metavar="URL",
        help="https://… or mailto:NAME@HOST; may be given several times "
        f"(default: {NOTIFY_VARIABLE})",
    )
    parser.add_argument(
        "--unit",
        metavar="NAME",
        help="a systemd unit that failed: tell what the unit itself has not told",
    )
    parser.add_argument(
        "--test", action="store_true", help="send a message that only tests the way"
    )
    parser.add_argument("--json", action="store_true", help="print the message instead")


def run(args: argparse.Namespace) -> int:
    """Send it; exit status 1 where a target did not take it."""
    targets = parse_targets(args.to or (), os.environ)
    if not targets and args.unit and not args.json:
        print(f"nobody to tell: {NOTIFY_VARIABLE} is not set")
        return 0
    if not targets and not args.json:
        raise ConfigurationError(f"nobody to notify: give --to=URL, or set {NOTIFY_VARIABLE}")
    if args.test:
        return _send(NightMessage(0, errors=("a test: nothing was measured",)), targets, args)
    folder = None if args.folder is None else newest_run(Path(args.folder))
    if args.unit:
        message = _of_unit(args.unit, folder, os.environ)
        if message is None:
            print("the run has told it itself")
            return 0
        return _send(message, targets, args)
    if folder is None:
        raise ConfigurationError("give a run's folder, for example reports/latest, or --test")
    return _send(_of_run(folder), targets, args)


def _send(message: NightMessage, targets: tuple[Target, ...], args: argparse.Namespace) -> int:
    if args.json:
        print(json.dumps(message.document()))
        return 0
    lines = send_all(message, targets)
    for line in lines:
        print(line)
    return EXIT_FAILED if any(not line.endswith(": sent") for line in lines) else 0


def _of_run(folder: Path, status: int | None = None) -> NightMessage:
    results = read_results(RunFolder(folder).results)
    changes = folder / CHANGES_NAME
    comparison = read_changes(changes) if changes.exists() else None
    verdict = run_verdict(results)
    if status is None:
        worse = comparison is not None and any(c.trend == "worse" for c in comparison.changes)
        status = (1 if verdict == "fail" or worse else 0) + (8 if results.errors else 0)
    report = report_link(folder.name, str(folder / "report.html"), os.environ)
    return night_message(results, verdict, comparison, status=status, report=report)


def _of_unit(unit: str, folder: Path | None, environment: Mapping[str, str]) -> NightMessage | None:
    """What systemd says of a unit; ``None`` where its run has told the same."""
    invocation = environment.get(f"{MONITOR}INVOCATION_ID", "")
    if folder is not None:  # `latest` does not lead to a run in which nothing was measured
        folder = newest_beside(folder)
    if folder is not None and was_told(folder, invocation):
        return None
    result = environment.get(f"{MONITOR}SERVICE_RESULT", "failed")
    text = environment.get(f"{MONITOR}EXIT_STATUS", "")
    status = int(text) if text.isascii() and text.isdecimal() and len(text) < 4 else None
    how = f"{escaped_line(unit)}: {result}" + (f", exit status {text}" if text else "")
    reason = harmless(f"{how}; journalctl -u {unit} tells more")
    if folder is not None and status is not None and status <= _MOST_STATUS:
        try:
            message = _of_run(folder, status)
        except HilError:
            message = None
        if message is not None and _is_recent(folder):
            return message
    return NightMessage(status, errors=(reason,))


def _is_recent(folder: Path) -> bool:
    """Whether the newest run may be that of the unit: one of an earlier night tells nothing."""
    try:
        return time.time() - folder.stat().st_mtime < 3600
    except OSError:
        return False
