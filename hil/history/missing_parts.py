"""What an earlier run measured, and this one was asked for and did not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.model.results import missing_metric

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from hil.history.stored_records import HistoryBoard, HistoryRun
    from hil.model.results import CaseKey


@dataclass(frozen=True, slots=True)
class AskedCases:
    """What a run was asked for: board (as it is called in this run), technique and load.

    ``every_board``: it was asked for every board that is attached, so that each case means one of
    whatever board.
    """

    cases: Collection[CaseKey]
    every_board: bool = False

    def has(self, board: str, technique: str, load: str) -> bool:
        """Whether this case was asked for."""
        return (board, technique, load) in self.cases

    def has_anywhere(self, technique: str, load: str) -> bool:
        """Whether this case was asked for on a board."""
        return any(case[1:] == (technique, load) for case in self.cases)


def missing_parts(earlier: HistoryRun, run: HistoryRun, asked: AskedCases) -> tuple[str, ...]:
    """What ``earlier`` measured and ``run`` was asked for and lacks, one line each.

    A board, else a technique of which no load is left, else a case; with the reason, where the run
    has one.
    """
    missing: list[str] = []
    by_key = {board.key: board for board in run.boards}
    for old in earlier.boards:
        new = by_key.get(old.key)
        name = old.identity.name if new is None else new.identity.name
        wanted = [
            case
            for case in _measured(old)
            if asked.has(name, *case)
            or (new is None and asked.every_board and asked.has_anywhere(*case))
        ]
        if not wanted:
            continue
        there = set() if new is None else set(_measured(new))
        if new is None or not there & set(wanted):
            missing.append(
                f"board {name}: measured in {earlier.info.id}, asked for and not in this run"
            )
            continue
        missing += _of_board(run, name, wanted, there)
    return tuple(missing)


def _of_board(
    run: HistoryRun, board: str, wanted: Iterable[tuple[str, str]], there: set[tuple[str, str]]
) -> Iterable[str]:
    """The techniques and cases of one board that are not ``there``."""
    gone: dict[str, list[str]] = {}
    for technique, load in wanted:
        if (technique, load) not in there:
            gone.setdefault(technique, []).append(load)
    left = {technique for technique, _ in there}
    for technique, loads in gone.items():
        reasons = dict.fromkeys(_reasons(run, board, technique, loads))
        why = f" ({'; '.join(reasons)})" if reasons else ""
        if technique not in left:
            yield f"technique {technique}, {board}: asked for and not measured{why}"
        else:
            for load in loads:
                yield f"{technique}, {load}, {board}: asked for and not measured{why}"


def _measured(board: HistoryBoard) -> list[tuple[str, str]]:
    """The cases of a board that have a capture."""
    return [(case.technique, case.load) for case in board.cases if case.duration_us is not None]


def _reasons(run: HistoryRun, board: str, technique: str, loads: Collection[str]) -> Iterable[str]:
    """What the run says of cases that were not measured."""
    for skip in run.skipped:
        of_these = (skip.board, skip.technique) == (board, technique) and skip.load in loads
        if of_these and missing_metric(skip) is None:
            yield skip.reason
    for error in run.errors:
        if (error.board, error.technique) == (board, technique) and error.load in loads:
            yield error.error
