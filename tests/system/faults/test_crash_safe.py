"""What a run leaves when it is cut anywhere: a report of what was there, and never more."""

import json
from dataclasses import replace

import numpy as np
import pytest

from hil.cli.main import main
from hil.experiments.budget_files import default_budgets
from hil.experiments.evaluation import evaluate_run, summarise_capture
from hil.model.captures import CapturePlan
from hil.model.errors import CaptureError, NewerSchemaError
from hil.model.results import RunInfo
from hil.recording.capture_file import MAGIC, CaptureWriter
from hil.recording.capture_reader import read_capture
from hil.recording.run_folder import RunLog
from hil.recording.stored_run import read_run
from hil.recording.validity import TRUNCATED_NOTE, require_valid, truncate_capture

from .conftest import BOARD, PLAN, stream

INFO = RunInfo("id", "2026-01-02T12:00:00Z", 0.0, "quick", "0.1.0", "Linux", "sim")


def leave(folder, data=None, *, log=True, end=False):
    """A run's folder with one sound capture, and a second one of the bytes given."""
    captures = folder / "capture"
    captures.mkdir(parents=True)
    if log:
        run_log = RunLog(captures, INFO)
        run_log.finish(1.0) if end else run_log.close()
    for number, name in enumerate(("timer_soft", "timer_hard")):
        plan = replace(PLAN, technique=name)
        with CaptureWriter(captures / f"{number:03d}_{name}.hilcap", BOARD, plan) as writer:
            writer.rx(stream(), 1)
            writer.finish("ok")
    second = captures / "001_timer_hard.hilcap"
    if data is not None:
        second.write_bytes(data(second.read_bytes()))
    return folder


def test_a_capture_cut_at_every_place_never_stops_the_report(tmp_path):
    size = len((leave(tmp_path / "whole") / "capture" / "001_timer_hard.hilcap").read_bytes())
    for length in range(0, size, 37):
        folder = leave(tmp_path / str(length), lambda raw, length=length: raw[:length])
        results = evaluate_run(read_run(folder), default_budgets())
        assert {m.technique for m in results.measurements} >= {"timer_soft"}
        errors = [e.error for e in results.errors]
        assert "the run did not come to its end" in errors
        assert len(errors) == 2, errors  # and the one of the capture
        for measurement in results.measurements:
            if measurement.technique == "timer_hard":
                assert measurement.verdict == "none"
                assert TRUNCATED_NOTE in measurement.note


def test_a_truncated_capture_counts_nothing_as_missed(stored):
    data = stream()
    truncated = stored(data[: data.index(b"~T")], status=None)
    with pytest.raises(CaptureError, match="invalid"):
        require_valid(truncated)
    rest = truncate_capture(truncated)
    figures = {(m.metric, m.task): m.value for m in summarise_capture(rest).measurements}
    assert figures["missed", 0] == 0
    whole = {(m.metric, m.task): m.value for m in summarise_capture(stored(data)).measurements}
    assert figures["lateness_p50_us", 0] == pytest.approx(whole["lateness_p50_us", 0])


def test_a_sound_capture_is_not_cut_and_a_failed_agent_is_no_cut(stored):
    assert truncate_capture(stored(stream())) is None
    assert truncate_capture(stored(stream(status="error"))) is None
    assert truncate_capture(stored(stream()[:200], status=None)) is None


def test_stamps_lost_at_the_end_are_not_missed_releases(stored):
    short = stream(n=20)
    whole = stream(n=30)
    frames = [line for line in whole.splitlines(keepends=True) if line[:2] != b"~S"]
    stamps = [line for line in short.splitlines(keepends=True) if line[:2] == b"~S"]
    at = next(n for n, line in enumerate(frames) if line[:2] == b"~T")
    capture = stored(b"".join(frames[:at] + stamps + frames[at:]))
    figures = {(m.metric, m.task): m.value for m in summarise_capture(capture).measurements}
    assert figures["missed", 0] == 0
    assert figures["dropped", 0] == 10


@pytest.mark.parametrize("lost", ["T0", "T1"])
def test_lost_totals_invalidate_the_capture(stored, lost):
    with pytest.raises(CaptureError, match=r"totals of 'task\d' are lost"):
        require_valid(stored(stream(without=lost)))


@pytest.mark.parametrize("lost", ["C0", "G1"])
def test_a_channel_without_name_or_grid_invalidates_the_capture(stored, lost):
    with pytest.raises(CaptureError, match="invalid"):
        require_valid(stored(stream(without=lost)))


def test_a_board_that_says_another_tick_period_invalidates_the_capture(stored):
    from hil.protocol.encoder import StreamEncoder

    encoder = StreamEncoder()
    encoder.text("H", v=1, tp=1 << 29, tasks=2)
    rest = stream().split(b"\n", 1)[1]
    with pytest.raises(CaptureError, match="tick period"):
        require_valid(stored(encoder.data + rest))


def test_a_run_killed_before_its_log_was_begun_still_reports(tmp_path):
    results = evaluate_run(read_run(leave(tmp_path / "r", log=False)), default_budgets())
    assert {m.technique for m in results.measurements} == {"timer_soft", "timer_hard"}
    assert results.run.id == "r"
    assert any("no run to read" in e.error for e in results.errors)


def test_the_report_command_writes_all_of_it(tmp_path, capsys):
    folder = leave(tmp_path / "r", lambda raw: raw[:-200])
    assert main(["report", str(folder)]) == 0
    told = json.loads((folder / "results.json").read_text())
    assert told["errors"]
    assert (folder / "report.html").exists()


def test_a_capture_of_a_newer_version_is_refused_in_one_line(tmp_path, capsys):
    folder = leave(tmp_path / "r", lambda raw: MAGIC + b"\x63\x00" + raw[8:])
    with pytest.raises(NewerSchemaError, match="schema is 99"):
        read_run(folder)
    assert main(["report", str(folder)]) != 0
    assert "newer" in capsys.readouterr().err


def test_a_log_of_a_newer_version_is_refused_in_one_line(tmp_path, capsys):
    folder = leave(tmp_path / "r")
    (folder / "capture" / "run.jsonl").write_text('{"schema": 99, "run": {"new": 1}}\n')
    assert main(["report", str(folder)]) != 0
    told = capsys.readouterr().err
    assert "newer version" in told
    assert told.count("\n") == 1


def test_the_first_schema_still_opens(tmp_path):
    folder = leave(tmp_path / "r", end=True)
    raw = (folder / "capture" / "000_timer_soft.hilcap").read_bytes()
    assert raw[6:8] == b"\x01\x00", "a new schema: keep a file of the old one here, and read it"
    assert len(read_run(folder).captures) == 2


def test_what_was_committed_is_there_wherever_the_file_ends(tmp_path):
    path = tmp_path / "a.hilcap"
    plan = CapturePlan("timer_soft", "idle", PLAN.tasks, PLAN.duration_us, True)
    data = stream()
    with CaptureWriter(path, BOARD, plan) as writer:
        for at in range(0, len(data), 50):
            writer.rx(data[at : at + 50], at)
            # readable at once, by another program, without a close
            assert read_capture(path).board == BOARD
    whole = {t.index: t.stamps_us for t in read_capture(path).tracks}
    raw = path.read_bytes()
    for length in range(900, len(raw), 61):
        path.write_bytes(raw[:length])
        for track in read_capture(path).tracks:
            there = track.stamps_us - track.stamps_us[:1]
            true = whole[track.index][: len(there)]
            np.testing.assert_array_equal(there, true - true[:1])
