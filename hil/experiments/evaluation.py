"""Captures to judged figures: those of a run that goes on, and those of a stored one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hil.analysis.metric_sheet import skips_for_missing
from hil.analysis.summary import Summary, summarise
from hil.experiments.attempts import judge_attempts
from hil.experiments.budget_files import budgets_of_run
from hil.experiments.registry import analyses
from hil.experiments.window_figures import with_windows
from hil.history.stored_records import make_history_run
from hil.model.board import SOURCES
from hil.model.budgets import judge_measurements
from hil.model.errors import CaptureError, ConfigurationError, HilError, RemoteCodeError
from hil.model.program_records import ProgramRecord
from hil.model.results import LEFT_OUT, ErrorRecord, Results, case_key
from hil.recording.run_folder import RunFolder, read_results
from hil.recording.stored_run import read_run, sound_captures, window_name
from hil.recording.validity import mark_truncated, require_valid

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from hil.history.stored_records import HistoryRun
    from hil.model.budgets import Budgets
    from hil.model.captures import Capture, CapturePlan
    from hil.model.results import Attempt, CaseKey, EdgeComparison, Measurement, Notice, Skip
    from hil.recording.stored_run import StoredCase, StoredRun


def summarise_capture(capture: Capture) -> Summary:
    """All figures of ``capture``, the workloads' among them."""
    return summarise(capture, analyses())


@dataclass(frozen=True, slots=True)
class MeasuredCase:
    """One capture with its figures; ``measurements`` are judged by the budgets."""

    capture: Capture
    summary: Summary
    measurements: tuple[Measurement, ...]

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What a reader must know beside the figures."""
        return self.summary.notices

    @property
    def programs(self) -> tuple[ProgramRecord, ...]:
        """The files of the user's own program that was measured, at most one record."""
        program = ProgramRecord.of(self.capture)
        return () if program is None else (program,)

    @property
    def edges(self) -> tuple[EdgeComparison, ...]:
        """What each instrument saw of it, against the board's stamps."""
        return self.summary.edges

    @property
    def skips(self) -> list[Skip]:
        """One for each metric without a figure, with the reason."""
        return skips_for_missing(self.capture, self.summary.reasons)


def evaluate(capture: Capture, budgets: Budgets | None, *, truncated: bool = False) -> MeasuredCase:
    """The figures of one capture, judged by ``budgets``; without budgets no figure is judged.

    ``truncated`` says that ``capture`` is what
    :func:`~hil.recording.validity.truncate_capture` left of it: its figures are marked and have no
    verdict. Raises as :func:`~hil.recording.validity.require_valid` for any other invalid capture.
    """
    if not truncated:
        require_valid(capture)
    summary = summarise_capture(capture)
    measurements: Sequence[Measurement] = with_windows(
        capture, summary.measurements, summary.aligned
    )
    if truncated:
        measurements = mark_truncated(measurements)
    elif budgets is not None:
        measurements = judge_measurements(measurements, budgets, capture.plan)
    return MeasuredCase(capture, summary, tuple(measurements))


def evaluate_run(run: StoredRun, budgets: Budgets | None, *, truncated: bool = True) -> Results:
    """The results of a stored run; a window whose agent failed is an error and has no figures.

    The figures of a case are those of its other windows. Where there is none, a truncated capture's
    stamps still support some figures, which are among the measurements, marked and without a
    verdict, unless ``truncated`` is false. Of a case that was measured several times the worst
    attempt counts.
    """
    measurements: list[Measurement] = []
    skipped = list(run.log.skipped)
    notices: list[Notice] = []
    edges: list[EdgeComparison] = []
    attempts: list[Attempt] = []
    programs: list[ProgramRecord] = []
    errors = list(run.log.errors)
    cases: dict[CaseKey, list[StoredCase]] = {}
    for stored in run.cases:
        cases.setdefault(stored.key, []).append(stored)
    for key, tries in cases.items():
        outcomes: dict[int, MeasuredCase | HilError] = {}
        for case in tries:
            outcomes[case.attempt], told = _evaluate_case(case, run.log.errors, budgets)
            errors += told
        for error in run.log.errors:  # an attempt may have failed before there was a file
            if case_key(error) == key:
                outcomes.setdefault(error.attempt, CaptureError(error.error))
        judged = judge_attempts(key, outcomes)
        errors = [e for e in errors if case_key(e) != key or e.attempt not in judged.replaced]
        attempts += judged.attempts
        notices += judged.notices
        if (measured := judged.counted) is not None:
            measurements += measured.measurements
            skipped += measured.skips
            notices += measured.notices
            edges += measured.edges
            programs += measured.programs
        elif truncated:
            rests = (case.truncated() for case in tries if case.checked()[0] is None)
            if (rest := next(filter(None, rests), None)) is not None:
                measurements += evaluate(rest, None, truncated=True).measurements
    errors += unreadable_captures(run)
    if not run.log.complete:
        errors.append(ErrorRecord("-", "-", "-", "the run did not come to its end", ""))
    boards = {capture.board.name: run.log.board(capture.board) for capture in run.captures}
    return Results(
        run=run.log.info,
        boards=tuple(boards.values()),
        measurements=tuple(measurements),
        skipped=tuple(skipped),
        errors=tuple(errors),
        edges=tuple(edges),
        notices=tuple(notices),
        attempts=tuple(attempts),
        programs=tuple(programs),
    )


def _evaluate_case(
    case: StoredCase, logged: Sequence[ErrorRecord], budgets: Budgets | None
) -> tuple[MeasuredCase | HilError, list[ErrorRecord]]:
    """What came of one attempt of a case, and what the run's log does not tell of it."""
    told_before = [e for e in logged if (case_key(e), e.attempt) == (case.key, case.attempt)]
    whole, invalid = case.checked()
    if told_before and case.windows[0].plan.windows == 1:
        whole = None  # what failed may not be in the capture
    told = []
    for capture, error in invalid if not told_before else ():
        plan = None if whole is None and len(invalid) == 1 else capture.plan
        told.append(error_record(case.key, error, plan, case.attempt))
    if whole is None:
        texts = [error.error for error in (*told_before, *told)]
        return CaptureError(texts[0] if texts else "it was not measured"), told
    try:
        return evaluate(whole, budgets), told
    except HilError as error:
        return error, [*told, error_record(case.key, error, None, case.attempt)]


def unreadable_captures(run: StoredRun) -> list[ErrorRecord]:
    """The files of a stored run that could not be read, each as an error of no case."""
    return [ErrorRecord("-", "-", "-", f"{LEFT_OUT}{reason}", "") for reason in run.unreadable]


def left_out(errors: Iterable[ErrorRecord]) -> list[str]:
    """Of the errors of a run those that name a capture that could not be read."""
    return [error.error for error in errors if error.error.startswith(LEFT_OUT)]


def error_record(
    case: CaseKey, error: HilError, window: CapturePlan | None = None, attempt: int = 0
) -> ErrorRecord:
    """What a case that gives no figures is in the results, or one ``window`` of several."""
    detail = error.traceback if isinstance(error, RemoteCodeError) else ""
    name = "" if window is None else window_name(window).removeprefix(", ")
    return ErrorRecord(*case, f"{name}: {error}" if name else str(error), detail, attempt)


def results_in(folder: Path, run: StoredRun | None = None) -> Results:
    """The results of a run's folder: ``results.json``, else computed from its captures.

    ``run`` is the folder's content where it was read before. Raises
    :class:`~hil.model.errors.HilError` for a folder without a run.
    """
    if not folder.is_dir():
        raise CaptureError(f"{folder}: no such folder; give a run's, for example reports/latest")
    stored = RunFolder(folder).results
    if stored.exists() or stored.is_symlink():
        return read_results(stored)
    run = read_run(folder) if run is None else run
    return evaluate_run(run, budgets_of_run(folder, run))


def judged_history_run(folder: Path) -> HistoryRun:
    """A run's folder as the run itself would have stored it, with its verdicts.

    Raises :class:`~hil.model.errors.HilError` for a replayed run, and for one without figures.
    """
    run = read_run(folder)
    if not SOURCES[run.log.info.source].measured:
        raise ConfigurationError(f"{folder}: a replayed run; add the run that it replays")
    results = results_in(folder, run)
    missing = [error for error in unreadable_captures(run) if error not in results.errors]
    results = replace(results, errors=(*results.errors, *missing))
    if not results.measurements and not results.errors:
        raise ConfigurationError(f"{folder}: nothing was measured in it")
    return make_history_run(results, sound_captures(run, results.counted_attempts))


def unmeasured_parts(folder: Path) -> list[str]:
    """What a run's folder fails to tell, one line each: errors, invalid windows, broken files.

    Raises :class:`~hil.model.errors.CaptureError` for a folder without a run.
    """
    errors = evaluate_run(read_run(folder), None, truncated=False).errors
    return [f"{error.technique}, {error.load}: {error.error}" for error in errors]


def unjudged_history_run(folder: Path) -> HistoryRun:
    """Every whole capture of a run's folder, computed anew to be compared; nothing is judged.

    Raises :class:`~hil.model.errors.CaptureError` for a folder without a run.
    """
    run = read_run(folder)
    results = evaluate_run(run, None, truncated=False)
    errors = (*run.log.errors, *unreadable_captures(run))
    results = replace(results, skipped=run.log.skipped, errors=errors)
    failed = {case_key(error) for error in run.log.errors}
    whole = sound_captures(run, results.counted_attempts, truncated=False)
    usable = [c for c in whole if c.plan.windows > 1 or c.case not in failed]
    return make_history_run(results, usable)
