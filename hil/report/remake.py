"""Every output of a run again, from its stored captures alone."""

from __future__ import annotations

from hil.analysis.summary import summarise
from hil.budgets import Budgets, judge_all
from hil.errors import HilError, RemoteCodeError
from hil.records import Capture, ErrorRecord, Measurement, Skip
from hil.report.absent import skips_for_absent
from hil.report.cut import cut_short, marked
from hil.results import Results
from hil.stored_run import StoredRun
from hil.void import is_void, refuse_void


def results_of(run: StoredRun, budgets: Budgets) -> Results:
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
                refuse_void(capture)
        except HilError as error:
            detail = error.traceback if isinstance(error, RemoteCodeError) else ""
            errors.append(ErrorRecord(*key, str(error), detail))
            told.add(key)
        if key in told:
            rest = cut_short(capture)
            if rest is not None:
                measurements += marked(summarise(rest).measurements)
            continue
        summary = summarise(capture)
        measurements += judge_all(summary.measurements, budgets, capture.plan)
        skipped += skips_for_absent(capture, summary.reasons)
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


def sound_captures(run: StoredRun) -> list[Capture]:
    """The captures that have figures, those that were cut up to their last stamps."""
    sound = (c if not is_void(c) else cut_short(c) for c in run.captures)
    return [capture for capture in sound if capture is not None]
