import pytest

from hil.model.errors import CaptureError
from hil.model.results import ErrorRecord, RunInfo, Skip
from hil.recording.run_folder import RunLog, read_run_log

INFO = RunInfo("id", "2026-01-02T12:00:00Z", 0.0, "quick", "0.1.0", "host", "sim")


def write(tmp_path):
    log = RunLog(tmp_path, INFO)
    log.skip(Skip("b", "thread", "idle", "no threads"))
    log.error(ErrorRecord("b", "timer_hard", "idle", "lost", "Traceback\n  <b>"))
    return log


def test_a_finished_run_reads_back(tmp_path):
    write(tmp_path).finish(2.5)
    record = read_run_log(tmp_path)
    assert record.complete
    assert record.info.duration_s == 2.5
    assert record.skipped[0].reason == "no threads"
    assert record.errors[0].detail == "Traceback\n  <b>"


def test_a_killed_run_tells_what_it_had(tmp_path):
    write(tmp_path).close()
    path = tmp_path / "run.jsonl"
    whole = path.read_bytes()
    for length in range(whole.index(b"\n") + 1, len(whole)):
        path.write_bytes(whole[:length])
        record = read_run_log(tmp_path)
        assert not record.complete
        assert record.info.id == "id"


def test_a_newer_schema_is_refused_in_one_line(tmp_path):
    (tmp_path / "run.jsonl").write_text('{"schema": 99, "run": {}}\n')
    with pytest.raises(CaptureError, match="newer version"):
        read_run_log(tmp_path)


@pytest.mark.parametrize("text", ["", "no json\n", '{"skip": {"nose": 1}}\n', "[1]\n"])
def test_something_else_is_refused(tmp_path, text):
    (tmp_path / "run.jsonl").write_text(text)
    with pytest.raises(CaptureError):
        read_run_log(tmp_path)


def test_no_log_is_told(tmp_path):
    with pytest.raises(CaptureError, match="no run to read"):
        read_run_log(tmp_path)
