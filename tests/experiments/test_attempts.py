"""A stored run in which a case was measured several times."""

import json
from dataclasses import replace

import numpy as np
import pytest

from hil.boards.backends.registry import parse_board
from hil.experiments.budget_files import load_budgets
from hil.experiments.evaluation import evaluate_run
from hil.model.budgets import Budgets
from hil.model.errors import CaptureError
from hil.model.result_files import build_results, parse_results
from hil.model.results import ErrorRecord, RunInfo
from hil.pytest_plugin.measuring import _stored_cases
from hil.recording.capture_file import capture_path, list_captures
from hil.recording.run_folder import RunLog
from hil.recording.stored_run import CaptureStream, read_run, sound_captures
from hil.report.exports.job_summary import job_summary
from hil.report.exports.junit import junit_text
from tools import synthetic_captures as synthetic


def stored(tmp_path, *late_us, errors=()):
    """A run whose only case was measured so many times, the last activation so late; an attempt
    that is ``None`` has no file."""
    captures = tmp_path / "run" / "capture"
    captures.mkdir(parents=True)
    name = "b"
    for number, late in enumerate(late_us):
        if late is None:
            continue
        lateness = np.zeros(50)
        lateness[20] = late
        capture = synthetic.capture([lateness])
        name = capture.board.name
        plan = replace(capture.plan, attempt=number)
        path = capture_path(captures, number, plan.technique, plan.load, 0, number)
        synthetic.store(path, replace(capture, plan=plan))
    log = RunLog(captures, RunInfo("r", "2026-01-01T00:00:00Z", 1.0, "quick", "0", "h", "sim"))
    for attempt, text in errors:
        log.error(ErrorRecord(name, "timer_hard", "idle", text, attempt=attempt))
    log.finish(1.0)
    return tmp_path / "run"


@pytest.fixture
def budgets(tmp_path) -> Budgets:
    path = tmp_path / "b.toml"
    path.write_text("[budgets.any.idle]\nlateness_max_us = 100\n")
    return load_budgets(path)


def worst(results):
    return max(m.value for m in results.measurements if m.metric == "lateness_max_us")


def test_the_worst_attempt_counts_everywhere(tmp_path, budgets):
    folder = stored(tmp_path, 10, 3000, 20)
    run = read_run(folder)
    results = evaluate_run(run, budgets)
    told = [(a.attempt, a.verdict) for a in results.attempts]
    assert told == [(2, "fail"), (1, "pass"), (3, "pass")]
    assert worst(results) > 2900
    assert list(results.counted_attempts.values()) == [1]
    (capture,) = sound_captures(run, results.counted_attempts)
    (streamed,) = CaptureStream(folder, results.counted_attempts)
    for chosen in (capture, streamed):
        assert chosen.plan.attempt == 1
    assert [c.plan.attempt for c in CaptureStream(folder)] == [0]
    assert [path.name for path in list_captures(folder / "capture")] == [
        "000_timer_hard_idle.hilcap",
        "001_timer_hard_idle_a2.hilcap",
        "002_timer_hard_idle_a3.hilcap",
    ]
    assert '<property name="attempt.2.verdict" value="fail"' in junit_text(results)
    assert "### Measured several times: the worst counts (3)" in job_summary(results)
    assert parse_results(json.dumps(build_results(results))).attempts == results.attempts


def test_of_attempts_as_bad_the_first_counts(tmp_path, budgets):
    results = evaluate_run(read_run(stored(tmp_path, 900, 3000)), budgets)
    assert worst(results) < 1000


def test_a_single_measurement_has_no_attempts(tmp_path, budgets):
    results = evaluate_run(read_run(stored(tmp_path, 900)), budgets)
    assert results.attempts == ()
    assert "attempts" not in build_results(results)


def test_an_attempt_that_failed_before_it_had_a_file_is_told_and_no_error(tmp_path, budgets):
    folder = stored(tmp_path, None, 10, errors=[(0, "it rained")])
    results = evaluate_run(read_run(folder), budgets)
    assert [(a.attempt, a.verdict, a.text) for a in results.attempts] == [
        (2, "pass", "within its budget"),
        (1, "invalid", "not measured: it rained"),
    ]
    assert results.errors == ()


def test_an_attempt_that_failed_after_a_sound_one_stays_an_error(tmp_path, budgets):
    folder = stored(tmp_path, 10, None, errors=[(1, "it rained")])
    results = evaluate_run(read_run(folder), budgets)
    assert [(error.error, error.attempt) for error in results.errors] == [("it rained", 1)]
    assert worst(results) < 100


def test_a_made_up_number_of_attempts_is_not_counted_up_to(tmp_path):
    folder = stored(tmp_path, 10)
    (file,) = list_captures(folder / "capture")
    capture = synthetic.capture([np.zeros(50)])
    plan = replace(capture.plan, attempt=1 << 62)
    synthetic.store(file.with_name("001_x.hilcap"), replace(capture, plan=plan))
    (case,) = _stored_cases((parse_board(f"replay:{folder}"),), ())
    assert (case.attempts, case.plan.attempt) == (2, 0)


def test_the_same_attempt_twice_is_refused(tmp_path):
    folder = stored(tmp_path, 10, 20)
    first, second = list_captures(folder / "capture")
    second.write_bytes(first.read_bytes())
    with pytest.raises(CaptureError, match="two captures of"):
        read_run(folder)
