"""What is written to disk is what is read from it, for every format that holds records."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields, replace
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hil.model.board import BoardIdentity
from hil.model.captures import TASK_NAME, CapturePlan, TaskPlan
from hil.model.codec import StoredRecord
from hil.model.errors import CaptureError
from hil.model.result_files import (
    build_changes,
    build_results,
    in_order,
    parse_changes,
    parse_results,
)
from hil.model.results import Change, Comparison, ErrorRecord, Measurement, Results, RunInfo, Skip
from hil.recording.capture_file import StoredMeta, dump_meta, load_meta
from hil.recording.run_folder import RunLog, RunRecord, read_run_log

SCHEMA_1 = Path(__file__).parent / "results_schema_1.json"
"""As the version before schema 2 wrote it of a run of ``sim:clock=virtual``; most figures and
captures were taken out by hand."""

TEXTS = st.text(st.characters(exclude_categories=()), max_size=20)  # with half characters
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
WHOLE = st.integers(-(2**62), 2**62)
PLAIN = st.recursive(
    st.none() | st.booleans() | WHOLE | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=6,
)
POSSIBLE: dict[type, dict[str, st.SearchStrategy[int]]] = {
    CapturePlan: {"duration_us": st.integers(0, 10**13)},
    TaskPlan: {
        "period_us": st.integers(1, 10**13),
        "name": st.just("") | st.from_regex(TASK_NAME, fullmatch=True),
    },
}
"""Of what is refused where nobody can have planned it."""
UNKNOWN = st.dictionaries(TEXTS.map("x_{}".format), PLAIN, max_size=2)


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Values of an annotation, without the codec's own view of it."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return st.sampled_from(args)
    if origin in (Union, UnionType):
        return st.one_of([st.none() if arg is NoneType else values(arg) for arg in args])
    if origin is tuple:
        return st.lists(values(args[0]), max_size=2).map(tuple)
    if origin is Mapping:
        return st.dictionaries(TEXTS, values(args[1]), max_size=2)
    plain = {bool: st.booleans(), int: WHOLE, float: NUMBERS, str: TEXTS, Any: PLAIN}
    return plain[hint] if hint in plain else records(hint)


def records(kind: type[StoredRecord]) -> st.SearchStrategy[Any]:
    """Records of a kind with any fields."""
    hints = get_type_hints(kind)
    given_fields = {f.name: values(hints[f.name]) for f in fields(kind)}
    return st.builds(kind, **{**given_fields, **POSSIBLE.get(kind, {}), "unknown_keys": UNKNOWN})


def on_disk(document: Mapping[str, Any]) -> bytes:
    """As :func:`hil.recording.atomic_file.write_json_atomically` writes it."""
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace")


@given(records(Results))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_results(results: Results) -> None:
    document = build_results(results)
    assert parse_results(on_disk(document)) == in_order(results)
    assert build_results(parse_results(on_disk(document))) == document


@given(records(Comparison))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_changes(comparison: Comparison) -> None:
    assert parse_changes(on_disk(build_changes(comparison))) == comparison


@given(records(StoredMeta))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_a_capture_says_of_itself(meta: StoredMeta) -> None:
    assert load_meta(dump_meta(meta), Path("a.hilcap")) == meta


@given(
    records(RunInfo),
    st.lists(records(Skip), max_size=2).map(tuple),
    st.lists(records(ErrorRecord), max_size=2).map(tuple),
    st.floats(0, 1e9),
    st.booleans(),
)
@settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_a_run_log(tmp_path, info, skipped, errors, duration_s, complete) -> None:
    path = tmp_path / "run.jsonl"
    path.unlink(missing_ok=True)
    log = RunLog(tmp_path, info)
    for skip in skipped:
        log.skip(skip)
    for error in errors:
        log.error(error)
    if complete:
        log.finish(duration_s)
        info = replace(info, duration_s=duration_s)
    else:
        log.close()
    assert read_run_log(tmp_path) == RunRecord(info, skipped, errors, complete)


@pytest.mark.parametrize(
    ("kind", "required"),
    [
        (BoardIdentity, 7),
        (CapturePlan, 4),
        (TaskPlan, 2),
        (RunInfo, 7),
        (Measurement, 10),
        (Skip, 4),
        (ErrorRecord, 4),
        (Change, 12),
        (Results, 1),
    ],
)
def test_records_of_before_need_no_key_that_is_new(kind: type, required: int) -> None:
    """A new field has a default: else a file from before it could not be read."""
    assert sum(_no_default(f) for f in fields(kind)) == required


def _no_default(declared: Any) -> bool:
    return declared.default is MISSING and declared.default_factory is MISSING


class TestSchema1:
    RAW = SCHEMA_1.read_bytes()

    def test_it_opens(self) -> None:
        document = json.loads(self.RAW)
        assert document["schema"] == 1
        results = parse_results(self.RAW)
        assert [board.source for board in results.boards] == [document["run"]["source"]]
        assert [board.clock for board in results.boards] == ["virtual"]
        assert len(results.measurements) == len(document["measurements"])
        for figure, told in zip(results.measurements, document["measurements"], strict=True):
            assert {key: getattr(figure, key) for key in told} == told
            assert (figure.source, figure.no_bounds, figure.where_us) == ("board", None, None)
            assert figure.remarks == told.get("note")
        assert [skip.reason for skip in results.skipped] == [
            skip["reason"] for skip in document["skipped"]
        ]

    def test_written_again_it_is_schema_2_with_all_that_it_had(self) -> None:
        before = json.loads(self.RAW)
        after = build_results(parse_results(self.RAW))
        assert after["schema"] == 2
        for name in ("boards", "measurements", "skipped", "errors"):
            for old, new in zip(before[name], after[name], strict=True):
                assert {key: new[key] for key in old} == old
        assert after["run"] == before["run"]
        assert parse_results(on_disk(after)) == parse_results(self.RAW)

    def test_unknown_keys_are_kept_too(self) -> None:
        document = json.loads(self.RAW)
        document["boards"][0]["site"] = "roof"
        after = build_results(parse_results(json.dumps(document).encode()))
        assert after["boards"][0]["site"] == "roof"

    @pytest.mark.parametrize("boards", [None, [1], {}])
    def test_what_is_no_list_of_boards_is_told(self, boards: Any) -> None:
        document = {**json.loads(self.RAW), "boards": boards}
        with pytest.raises(CaptureError, match=r"^boards"):
            parse_results(json.dumps(document).encode())
