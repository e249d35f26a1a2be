"""A run compared with earlier runs, or two runs with each other, from their stored stamps."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hil.analysis.change_detection import CHANGE_CONFIDENCE, judge_changes
from hil.history.comparison_inputs import (
    EVIDENCE_DETAILS,
    PAST_RUNS,
    PAST_RUNS_OF_PAIR,
    case_evidence,
    pair_figures,
)
from hil.history.missing_parts import missing_parts
from hil.history.run_order import CLOCK_WRONG, order_time
from hil.history.run_reader import (
    FirmwareLine,
    baseline_runs,
    find_history_run,
    load_run,
    newest_of,
    other_lines,
    past_runs,
)
from hil.history.stored_records import describe_plan, pair_boards, settings_differ
from hil.model.captures import BOARD_SOURCE
from hil.model.errors import CaptureError, HilError
from hil.model.metrics import metric_or_unknown
from hil.model.results import Change, Comparison

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hil.analysis.change_detection import FigureHistory, JudgedChange
    from hil.analysis.comparison_scale import Evidence
    from hil.history.comparison_inputs import FigureKey
    from hil.history.database import History
    from hil.history.missing_parts import AskedCases
    from hil.history.stored_records import HistoryBoard, HistoryCase, HistoryRun

PAIR_CONFIDENCE = 0.95
_Case = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Open:
    """A figure that waits for its verdict: all boards' figures are judged together."""

    board: str
    key: FigureKey
    figure: FigureHistory


@dataclass(frozen=True, slots=True)
class _Side:
    """One run on one board: evidence by figure, and how each case was measured."""

    evidence: Mapping[FigureKey, Evidence]
    plans: Mapping[_Case, str]


def line_of_board(run: HistoryRun, board: HistoryBoard) -> FirmwareLine:
    """What this board's earlier runs must share with ``run``."""
    return FirmwareLine(board.key, board.firmware, run.info.profile, board.identity.source)


def compare_with_history(
    history: History,
    run: HistoryRun,
    choice: str,
    read_folder: Callable[[Path], HistoryRun],
    confidence: float = CHANGE_CONFIDENCE,
    *,
    asked: AskedCases | None = None,
    just_ended: bool = False,
) -> Comparison:
    """Compare ``run`` with what ``choice`` names: ``last``, ``baseline``, a run's id or its folder.

    ``last`` compares it with up to :data:`~hil.history.comparison_inputs.PAST_RUNS` runs before it
    of the same board, firmware line and profile; the others with one or several named runs; the
    noise floor is learned from the runs before it. Without any such run there are no changes, and
    ``against`` says so. What the last of the runs had and this one was ``asked`` for and lacks is
    ``missing``. Where the run has ``just_ended``, a clock that is known to be wrong does not tell
    which runs were before it. Raises :class:`~hil.model.errors.HilError` for a run that can't be
    found or read.
    """
    named = None
    if choice not in ("last", "baseline"):
        named = find_history_run(choice, history, read_folder)
    waiting: list[_Open] = []
    missing: list[str] = []
    differs: list[str] = []
    most = 0
    began = run.info.started_utc or "9"
    order_utc = history.read(partial(order_time, run=run)) if just_ended else began
    if order_utc != began:
        missing.append(f"the clock of this host: it says {began}, {CLOCK_WRONG}")
        began = "9"
    for board in run.boards:
        line = line_of_board(run, board)
        now = _side(board.cases, board.key)
        reference: list[_Side] | None = None
        reference_runs: list[HistoryRun] = []
        without = {run.fingerprint}
        if choice == "baseline":
            fixed = _sound_runs(history, baseline_runs(history, line, run.fingerprint), line.key)
            reference = [_earlier_side(baseline, line.key) for baseline in fixed]
            reference_runs = fixed
            without |= {baseline.fingerprint for baseline in fixed}
        elif named is not None:
            same_boards = [other for other in named.boards if line_of_board(named, other) == line]
            reference = [_side(other.cases, line.key) for other in same_boards[:1]]
            reference_runs = [replace(named, boards=tuple(same_boards[:1]))]
            without.add(named.fingerprint)
        before = past_runs(history, line, before_utc=began, most=PAST_RUNS, without=without)
        sound = _sound_runs(history, before, line.key)
        earlier_sides = [_earlier_side(earlier, line.key) for earlier in sound]
        held_against = sound if reference is None else reference_runs
        differs += settings_differ((b for earlier in held_against for b in earlier.boards), board)
        compared = earlier_sides if reference is None else reference
        most = max(most, len(compared))
        if not compared:
            missing.append(_nothing(history, choice, board, line))
            continue
        missing += _missing_cases(now, compared, board.identity.name)
        waiting += _figures(now, earlier_sides, reference, board.identity.name)
    lacking: tuple[str, ...] = ()
    if asked is not None:
        last = named or _last_run(history, run, choice, began)
        lacking = () if last is None else missing_parts(last, run, asked)
    against = _against(choice, most)
    if differs:
        against += f" ({'; '.join(dict.fromkeys(differs))})"
    changes = _named(_judged(waiting, confidence), run)
    return Comparison(against, changes, tuple(missing), lacking)


def _last_run(history: History, run: HistoryRun, choice: str, began: str) -> HistoryRun | None:
    """The newest run that this one is compared with, of any of its boards, whole."""
    newest: list[int] = []
    for board in run.boards:
        line = line_of_board(run, board)
        if choice == "baseline":
            newest += baseline_runs(history, line, run.fingerprint)[:1]
        else:
            newest += past_runs(history, line, before_utc=began, most=1, without={run.fingerprint})
    return load_run(history, newest_of(history, newest)) if newest else None


def compare_runs(
    before: HistoryRun, after: HistoryRun, confidence: float, history: History | None = None
) -> Comparison:
    """Two stored runs; without ``history`` the noise floor is assumed.

    Boards are paired by what they are and by their firmware line where the runs share any; else
    by their order, and ``against`` says that boards or firmware differ. Cases that were measured
    otherwise (another period or window) are named in ``absent``.
    """
    pairs, differs = pair_boards(before, after)
    waiting: list[_Open] = []
    missing = [f"board {board.identity.name}: only in {before.info.id}" for board in before.boards]
    missing += [f"board {board.identity.name}: only in {after.info.id}" for board in after.boards]
    for old, new in pairs:
        missing.remove(f"board {old.identity.name}: only in {before.info.id}")
        missing.remove(f"board {new.identity.name}: only in {after.info.id}")
        earlier_sides: list[_Side] = []
        if history is not None:
            line = line_of_board(before, old)
            without = {before.fingerprint, after.fingerprint}
            numbers = past_runs(
                history, line, before_utc="9", most=PAST_RUNS_OF_PAIR, without=without
            )
            # one after the other: a run's figures and stamps take much more than its evidence
            earlier_sides = [
                _earlier_side(earlier, new.key)
                for number in numbers
                for earlier in _sound_runs(history, [number], line.key)
            ]
        now, then = _side(new.cases, new.key), _side(old.cases, new.key)
        missing += _missing_cases(now, [then], new.identity.name)
        waiting += _figures(now, earlier_sides, [then], new.identity.name, two_nights=False)
    against = f"run {before.info.id}"
    if differs:
        against += f" ({differs})"
    changes = _named(_judged(waiting, confidence), after)
    return Comparison(against, changes, tuple(dict.fromkeys(missing)))


def _sound_runs(history: History, run_ids: Sequence[int], key: str) -> list[HistoryRun]:
    """Runs of one board; those whose rows are damaged, or gone meanwhile, say nothing."""
    sound = []
    for run_id in run_ids:
        with contextlib.suppress(CaptureError):
            sound.append(load_run(history, run_id, key, EVIDENCE_DETAILS))
    return sound


def _earlier_side(run: HistoryRun, label: str) -> _Side:
    """An earlier run of one board; what is damaged in it is left out."""
    return _side([case for board in run.boards for case in board.cases], label, damaged=True)


def _side(cases: Sequence[HistoryCase], label: str, damaged: bool = False) -> _Side:
    evidence: dict[FigureKey, Evidence] = {}
    plans: dict[_Case, str] = {}
    for case in cases:
        try:
            case_figures = case_evidence(case, label)
        except HilError:
            if not damaged:
                raise
            continue
        evidence.update(case_figures)
        plans[case.technique, case.load] = describe_plan(
            case.duration_us, case.periods, case.windows
        )
    return _Side(evidence, plans)


def _figures(
    now: _Side,
    earlier_sides: Sequence[_Side],
    reference: Sequence[_Side] | None,
    board: str,
    *,
    two_nights: bool = True,
) -> list[_Open]:
    history = [_alike(side, now) for side in earlier_sides]
    compared = None if reference is None else [_alike(side, now) for side in reference]
    pairs = pair_figures(now.evidence, history, compared, two_nights=two_nights)
    return [_Open(board, key, figure) for key, figure in pairs if _ever_bounded(figure)]


def _ever_bounded(figure: FigureHistory) -> bool:
    """Not for extremes, which have bounds nowhere: they grow with the window and tell no change."""
    return any(math.isfinite(part.error) for part in (figure.now, *figure.before.reference))


def _judged(waiting: Sequence[_Open], confidence: float) -> tuple[Change, ...]:
    verdicts = judge_changes([waiting_figure.figure for waiting_figure in waiting], confidence)
    return tuple(
        _change(
            waiting_figure.key,
            waiting_figure.board,
            verdict,
            len(waiting_figure.figure.before.reference),
            confidence,
        )
        for waiting_figure, verdict in zip(waiting, verdicts, strict=True)
    )


def _named(changes: Sequence[Change], run: HistoryRun) -> tuple[Change, ...]:
    """The changes, with what a program of the user's own calls its tasks."""
    names = {
        (case.technique, figure.task): figure.task_name
        for board in run.boards
        for case in board.cases
        for figure in case.measurements
        if figure.task_name
    }
    return tuple(
        replace(change, task_name=names.get((change.technique, change.task), ""))
        for change in changes
    )


def _alike(side: _Side, now: _Side) -> dict[FigureKey, Evidence]:
    """The evidence of the cases that were measured as they are now."""
    same = {case for case, plan in side.plans.items() if now.plans.get(case) == plan}
    return {
        key: figure_evidence
        for key, figure_evidence in side.evidence.items()
        if (key.technique, key.load) in same
    }


def _change(
    key: FigureKey, board: str, change: JudgedChange, runs: int, confidence: float
) -> Change:
    notes = ["over all tasks"] if _all_tasks(key) else []
    if change.two:
        notes.append("this run and the one before it together")
    if change.note:
        notes.append(change.note)
    return Change(
        board=board,
        technique=key.technique,
        load=key.load,
        task=key.task,
        metric=key.metric,
        unit=metric_or_unknown(key.metric).unit,
        before=change.before,
        after=change.after,
        lo=change.lo,
        hi=change.hi,
        runs=runs,
        trend=change.trend,
        confidence=confidence,
        method=key.method,
        note="; ".join(notes) or None,
        detectable=change.detectable,
        source=key.source,
    )


def _all_tasks(key: FigureKey) -> bool:
    return (
        key.task is None
        and key.method is None
        and key.source == BOARD_SOURCE
        and metric_or_unknown(key.metric).is_percentile_of("lateness")
    )


def _missing_cases(now: _Side, compared: Sequence[_Side], board: str) -> list[str]:
    """Cases that only one side has, or that were measured otherwise."""
    differences = []
    for case, plan in now.plans.items():
        name = f"{case[0]}, {case[1]}, {board}"
        plans = {side.plans[case] for side in compared if case in side.plans}
        if not plans:
            differences.append(f"{name}: not in what it is compared with")
        elif plan not in plans:
            differences.append(f"{name}: {plan} now, {'; '.join(sorted(plans))} then: not compared")
    for case in dict.fromkeys(case for side in compared for case in side.plans):
        if case not in now.plans:
            differences.append(f"{case[0]}, {case[1]}, {board}: not in this run")
    return differences


def _nothing(history: History, choice: str, board: HistoryBoard, line: FirmwareLine) -> str:
    what = f"board {board.identity.name}, MicroPython {line.firmware}, profile {line.profile}"
    if choice == "baseline":
        return f"{what}: has no baseline; `hil baseline set RUN` makes a run one"
    if choice != "last":
        return f"{what}: not in the run it is compared with"
    others = [
        other
        for other in other_lines(history, line.key)
        if other != f"MicroPython {line.firmware}, profile {line.profile}"
    ]
    if not others:
        return f"{what}: its first run, nothing to compare with yet"
    return f"{what}: its first run; there are runs with {'; '.join(others[:5])}"


def _against(choice: str, most: int) -> str:
    if choice == "baseline":
        return "the baseline" if most < 2 else f"the baseline of {most} runs"
    if choice != "last":
        return f"run {Path(choice).name if '/' in choice else choice}"
    if not most:
        return "earlier runs, of which there are none yet"
    return "the last run" if most == 1 else f"the last {most} runs"
