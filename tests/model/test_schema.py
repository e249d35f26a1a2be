"""Files of older versions open, those of newer ones are refused, for every kind of file.

A next version is made up here for each kind, whose files differ, and what this version writes is
read by it: through its step.
"""

import json

import pytest

import hil.model.result_files as result_files
from hil.model.board import BoardIdentity
from hil.model.captures import CapturePlan, TaskPlan
from hil.model.errors import CaptureError, NewerSchemaError
from hil.model.result_files import build_results, parse_changes, parse_results
from hil.model.results import Comparison, Results, RunInfo
from hil.model.schema import Schema
from hil.recording import capture_file, edge_file, run_folder
from hil.recording.capture_file import CaptureWriter, Chunk
from hil.recording.capture_reader import read_capture
from hil.recording.run_folder import RunLog, read_results, read_run_log

BOARD = BoardIdentity("sim", "/dev/pts/1", "sim", "linux", "m", "1.29", 1 << 30)
PLAN = CapturePlan("timer_soft", "idle", (TaskPlan(0, 10_000),), 300_000)
INFO = RunInfo("id", "2026-01-02T12:00:00Z", 1.0, "quick", "0.1", "Linux", "sim")
THREE = Schema("a letter", 3, {1: lambda text: text + " two", 2: lambda text: text + " three"})


@pytest.mark.parametrize(("number", "read"), [(1, "one two three"), (2, "one three"), (3, "one")])
def test_a_document_takes_every_step_from_its_own_number_on(number, read):
    assert THREE.upgrade("one", THREE.check(number)) == read


@pytest.mark.parametrize("number", [4, 99, 10**30])
def test_a_newer_number_is_refused_with_what_to_do(number):
    with pytest.raises(NewerSchemaError, match="update hil") as caught:
        THREE.check(number)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("number", [0, -1, True, 1.0, "1", None, [1]])
def test_what_is_no_number_is_no_file_of_this_kind(number):
    with pytest.raises(CaptureError, match="not a letter") as caught:
        THREE.check(number)
    assert not isinstance(caught.value, NewerSchemaError)


@pytest.mark.parametrize(("newest", "steps"), [(2, ()), (3, (2,)), (3, (1,)), (1, (1,)), (0, ())])
def test_a_number_without_its_step_does_not_import(newest, steps):
    with pytest.raises(ValueError, match="a step from every schema"):
        Schema("a letter", newest, dict.fromkeys(steps, str))


def test_the_numbers_of_all_kinds():
    """Raised one of them? Then keep a file as the version before wrote it, and read it here."""
    kinds = (capture_file.CAPTURE_SCHEMA, run_folder.RUN_LOG_SCHEMA, result_files.RESULTS_SCHEMA)
    kinds = (*kinds, result_files.CHANGES_SCHEMA, edge_file.EDGE_SCHEMA)
    assert [kind.newest for kind in kinds] == [1, 1, 2, 1, 1]


def test_a_capture_of_the_version_before(tmp_path, monkeypatch):
    path = tmp_path / "a.hilcap"
    with CaptureWriter(path, BOARD, PLAN) as writer:
        writer.finish("ok")

    def step(chunk):
        return Chunk(chunk.kind, chunk.payload.replace(b'"sim"', b'"SIM"').replace(b"SIM", b"sim"))

    seen = []

    def counted(chunk):
        seen.append(chunk.kind)
        return step(chunk)

    monkeypatch.setattr(capture_file, "CAPTURE_SCHEMA", Schema("a capture", 2, {1: counted}))
    assert read_capture(path).board == BOARD
    assert seen == ["M", "E"]
    with CaptureWriter(tmp_path / "b.hilcap", BOARD, PLAN) as writer:
        writer.finish("ok")
    assert read_capture(tmp_path / "b.hilcap").board == BOARD  # its own files take no step
    assert seen == ["M", "E"]
    monkeypatch.undo()
    with pytest.raises(NewerSchemaError, match=r"b\.hilcap: schema is 2"):
        read_capture(tmp_path / "b.hilcap")


def test_a_log_of_the_version_before(tmp_path, monkeypatch):
    """The made-up version calls the end of a run `done`."""
    RunLog(tmp_path, INFO).finish(2.5)

    def renamed(entry):
        return {"end": entry["done"]} if "done" in entry else entry

    text = (tmp_path / "run.jsonl").read_text()
    (tmp_path / "run.jsonl").write_text(text.replace('"end"', '"done"'))
    assert not read_run_log(tmp_path).complete
    monkeypatch.setattr(run_folder, "RUN_LOG_SCHEMA", Schema("a run's log", 2, {1: renamed}))
    record = read_run_log(tmp_path)
    assert record.complete
    assert record.info.duration_s == 2.5
    text = (tmp_path / "run.jsonl").read_text()
    (tmp_path / "run.jsonl").write_text(text.replace('"schema": 1', '"schema": 3'))
    with pytest.raises(NewerSchemaError, match=r"run\.jsonl: schema is 3"):
        read_run_log(tmp_path)


def add_errors(top):
    return {**top, "errors": []}


def test_results_of_the_version_before(tmp_path, monkeypatch):
    """The made-up version before had no list of errors."""
    document = build_results(Results(INFO, (BOARD,), (), (), ()))
    del document["errors"]
    raw = json.dumps(document).encode()
    with pytest.raises(CaptureError, match="no 'errors'"):
        parse_results(raw)
    steps = {1: dict, 2: add_errors}
    monkeypatch.setattr(result_files, "RESULTS_SCHEMA", Schema("results", 3, steps))
    assert parse_results(raw).errors == ()
    path = tmp_path / "results.json"
    path.write_text(json.dumps({**document, "schema": 4}))
    with pytest.raises(NewerSchemaError, match=r"results\.json: schema is 4"):
        read_results(path)


def test_changes_of_the_version_before(monkeypatch):
    document = {"schema": 1, "against": "x", "changes": []}
    schema = Schema("changes", 2, {1: lambda top: {**top, "absent": []}})
    monkeypatch.setattr(result_files, "CHANGES_SCHEMA", schema)
    assert parse_changes(json.dumps(document).encode()) == Comparison("x", (), ())
    with pytest.raises(NewerSchemaError, match="schema is 3"):
        parse_changes(json.dumps({**document, "schema": 3}).encode())
