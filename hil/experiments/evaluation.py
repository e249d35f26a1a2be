"""Captures of a stored run to judged results, or the results as they were written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.analysis.metric_sheet import skips_for_missing
from hil.analysis.summary import summarise
from hil.experiments.budget_files import default_budgets
from hil.model.budgets import judge_measurements
from hil.model.errors import CaptureError, HilError, RemoteCodeError
from hil.model.results import ErrorRecord, Results
from hil.recording.run_folder import RunFolder, read_results
from hil.recording.stored_run import read_run
from hil.recording.validity import mark_truncated, require_valid, truncate_capture

if TYPE_CHECKING:
    from pathlib import Path

    from hil.model.budgets import Budgets
    from hil.model.results import Measurement, Skip
    from hil.recording.stored_run import StoredRun


def evaluate_run(run: StoredRun, budgets: Budgets) -> Results:
    """Analyse and judge every capture of ``run``; one whose agent failed has no figures.

    One that was cut short is an error too, and gives the figures that its stamps still support,
    marked and without a verdict.
    """
    measurements: list[Measurement] = []
    skipped: list[Skip] = list(run.log.skipped)
    errors: list[ErrorRecord] = list(run.log.errors)
    told = {(error.board, error.technique, error.load) for error in errors}
    for capture in run.captures:
        key = (capture.board.name, capture.plan.technique, capture.plan.load)
        try:
            if key not in told:
                require_valid(capture)
        except HilError as error:
            detail = error.traceback if isinstance(error, RemoteCodeError) else ""
            errors.append(ErrorRecord(*key, str(error), detail))
            told.add(key)
        if key in told:
            rest = truncate_capture(capture)
            if rest is not None:
                measurements += mark_truncated(summarise(rest).measurements)
            continue
        summary = summarise(capture)
        measurements += judge_measurements(summary.measurements, budgets, capture.plan)
        skipped += skips_for_missing(capture, summary.reasons)
    errors += [ErrorRecord("-", "-", "-", reason, "") for reason in run.unreadable]
    if not run.log.complete:
        errors.append(ErrorRecord("-", "-", "-", "the run did not come to its end", ""))
    boards = {capture.board.name: capture.board for capture in run.captures}
    return Results(
        run=run.log.info,
        boards=tuple(boards.values()),
        measurements=tuple(measurements),
        skipped=tuple(skipped),
        errors=tuple(errors),
    )


def results_in(folder: Path) -> Results:
    """The results of a run's folder: ``results.json``, else computed from its captures."""
    if not folder.is_dir():
        raise CaptureError(f"{folder}: no such folder; give a run's, for example reports/latest")
    stored = RunFolder(folder).results
    if stored.is_file():
        return read_results(stored)
    return evaluate_run(read_run(folder), default_budgets())
