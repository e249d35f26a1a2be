"""``hil prune``: one policy for the folders of runs and for the history."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hil.cli.history_arguments import (
    add_board_arguments,
    add_location_argument,
    parse_moment,
)
from hil.cli.main import EXIT_INCOMPLETE
from hil.cli.number_arguments import MOST_RUNS, whole_number
from hil.history.location import find_location
from hil.history.retention_file import RETENTION_NAME, read_retention
from hil.history.retention_policy import (
    DatedRun,
    RetentionPolicy,
    parse_moment_utc,
    parse_steps,
)
from hil.model.errors import ConfigurationError, HilError
from hil.model.printable import escaped_line
from hil.model.units import format_digits
from hil.recording.run_removal import FoundRun, find_runs, remove_run

if TYPE_CHECKING:
    from collections.abc import Sequence

_COUNT = whole_number(0, MOST_RUNS)


@dataclass(slots=True)
class Pruned:
    """What goes, or has gone: runs of the history, folders, and the folders that had to stay."""

    history: str | None = None
    runs: list[str] = field(default_factory=list)
    removed: int = 0
    folders: list[str] = field(default_factory=list)
    folders_removed: int = 0
    freed_bytes: int = 0
    stays: list[dict[str, str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    add_location_argument(parser)
    parser.add_argument(
        "--out", metavar="DIR", default="reports", help="the folder of the runs' folders (reports/)"
    )
    parser.add_argument(
        "--keep",
        metavar="POLICY",
        help='what stays: "all 30d, weekly 1y, monthly", or a number: the newest N runs of each '
        f"board (default: DIR/{RETENTION_NAME})",
    )
    parser.add_argument(
        "--older-than", metavar="DAYS", help="only what began before that: 90d, or a day"
    )
    parser.add_argument(
        "--only", choices=("folders", "history"), help="leave the other as it is (default: both)"
    )
    add_board_arguments(parser)
    parser.add_argument(
        "--no-summaries",
        action="store_true",
        help="leave nothing of the runs in the history (else their figures stay summarised)",
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would go")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: argparse.Namespace) -> int:
    """Remove what the policy does not keep, and say what that freed."""
    out = Path(args.out)
    if (args.board or args.machine or args.firmware) and args.only != "history":
        raise ConfigurationError(
            "--board, --machine and --firmware choose runs of the history: add --only=history"
        )
    policy = _policy(args, out)
    pruned = _prune(args, out, policy)
    if args.json:
        _print_json(pruned, policy)
    else:
        _print(pruned, policy, dry=args.dry_run, history=args.only != "folders")
    return EXIT_INCOMPLETE if pruned.failures else 0


def _policy(args: argparse.Namespace, out: Path) -> RetentionPolicy:
    policy = RetentionPolicy()
    file = out / RETENTION_NAME
    if args.keep is not None and args.keep.strip().lstrip("-").isdecimal():
        try:
            policy = replace(policy, newest=_COUNT(args.keep))
        except argparse.ArgumentTypeError as error:
            raise ConfigurationError(f"--keep: {error}") from None
    elif args.keep is not None:
        policy = replace(policy, steps=parse_steps(args.keep))
    given = args.older_than
    if given is not None:
        moment = parse_moment("--older-than", f"{given}d" if given.isdecimal() else given)
        policy = replace(policy, since=parse_moment_utc(moment))
    if policy != RetentionPolicy():
        return policy
    if file.exists():
        return read_retention(file)
    raise ConfigurationError(
        'say what stays: --keep="all 30d, weekly 1y, monthly", --keep=N, --older-than=90d, or '
        f"keep = … in {file}"
    )


def _prune(args: argparse.Namespace, out: Path, policy: RetentionPolicy) -> Pruned:
    from hil.history.database import open_history
    from hil.history.old_runs import old_runs
    from hil.history.queries import RunFilter
    from hil.history.retention import baseline_names, remove_runs

    pruned = Pruned()
    location = find_location(args.history, out)
    folders = out.is_dir() and args.only != "history"
    reachable = location is not None and (location.file is None or location.file.exists())
    if location is None or (folders and not reachable):
        if not folders:
            raise ConfigurationError("--history none: name a history")
        _prune_folders(pruned, out, policy, frozenset(), dry=args.dry_run)
        return pruned
    with open_history(location, create=False) as history:
        pruned.history = location.shown
        if folders:  # first: a run that the history does not know any more can be added again
            _prune_folders(pruned, out, policy, baseline_names(history), dry=args.dry_run)
        if args.only != "folders":
            wanted = RunFilter(board=args.board, machine=args.machine, firmware=args.firmware)
            pruned.runs = old_runs(history, policy, wanted)
            if not args.dry_run:
                summarise = not args.no_summaries
                pruned.removed = remove_runs(history, pruned.runs, summarise=summarise)
    return pruned


def _prune_folders(
    pruned: Pruned, out: Path, policy: RetentionPolicy, baselines: frozenset[str], *, dry: bool
) -> None:
    runs = {run.name: run for run in find_runs(out)}
    dated = [DatedRun(run.name, run.moment, (run.line,)) for run in runs.values()]
    for name in policy.old(dated, datetime.now(UTC)):
        old_run = runs[name]
        reason = "baseline" if name in baselines else old_run.stays
        if reason:
            pruned.stays.append({"folder": str(old_run.path), "reason": reason})
            continue
        pruned.folders.append(str(old_run.path))
        if not dry:
            _remove(pruned, old_run)


def _remove(pruned: Pruned, run: FoundRun) -> None:
    try:
        pruned.freed_bytes += remove_run(run)
        pruned.folders_removed += 1
    except HilError as error:
        pruned.failures.append(str(error))


def _print(pruned: Pruned, policy: RetentionPolicy, *, dry: bool, history: bool) -> None:
    word = "would remove" if dry else "removed"
    failed = {line.partition(":")[0] for line in pruned.failures}
    for name in pruned.runs:
        print(f"{word} {escaped_line(name)}")
    for path in pruned.folders:
        if path not in failed:
            print(f"{word} {escaped_line(path)}/")
    for row in pruned.stays:
        print(f"stays: {escaped_line(row['folder'])}/ ({row['reason']})")
    for line in pruned.failures:
        print(f"error: {escaped_line(line)}")
    where = f" from {pruned.history}" if history and pruned.history else ""
    if not pruned.runs and not pruned.folders:
        print(f"nothing to remove{where} (kept: {policy.text})")
    elif pruned.folders_removed:
        size = f"{format_digits(pruned.freed_bytes / 1e6)} MB"
        print(f"{_many(pruned.folders_removed, 'folder')} removed, {size} freed")


def _many(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _print_json(pruned: Pruned, policy: RetentionPolicy) -> None:
    document: dict[str, object] = {"schema": 1, "policy": policy.text, "history": pruned.history}
    names: Sequence[str] = ("runs", "removed", "folders", "folders_removed", "freed_bytes", "stays")
    document |= {name: getattr(pruned, name) for name in names}
    if pruned.failures:
        document["failures"] = pruned.failures
    print(json.dumps(document))
