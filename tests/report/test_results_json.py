from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from pathlib import Path

import pytest

from hil.model.board import board_key
from hil.model.errors import CaptureError, ConfigurationError
from hil.model.result_files import build_results, in_order, parse_results
from hil.model.results import Results
from hil.recording.run_folder import read_results, write_results

HERE = "HERE"


def raw(document: object) -> bytes:
    return json.dumps(document).encode()


def test_has_exactly_the_published_keys(results: Results) -> None:
    document = build_results(results)
    assert set(document) == {"schema", "run", "boards", "measurements", "skipped", "errors"}
    assert document["schema"] == 2
    assert set(document["run"]) == {
        *("id", "started_utc", "duration_s", "profile", "harness_version", "host", "source")
    }
    assert set(document["boards"][0]) == {
        *("name", "port", "source", "clock", "platform", "machine", "micropython", "cpu_hz"),
        *("unique_id", "tick_resolution_us", "tick_period", "capabilities", "stamp_cost_us"),
    }
    required = {
        *("board", "technique", "load", "task", "metric", "unit", "source", "value", "lo", "hi"),
        *("confidence", "n", "budget", "verdict"),
    }
    for measurement in document["measurements"]:
        assert required <= set(measurement) <= required | {"method", "note", "where_us"}


def test_round_trip_keeps_everything(results: Results, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_results(path, results)
    assert read_results(path) == in_order(results)
    assert [p.name for p in tmp_path.iterdir()] == ["results.json"]


def test_the_boards_of_a_mixed_run_keep_their_sources(results: Results, tmp_path: Path) -> None:
    """The run's source is the least artificial: a ``sim`` beside a board is not hardware."""
    sim = replace(results.boards[0], source="sim", clock="virtual")
    real = replace(sim, name="/dev/ttyACM0", source="hardware", clock="real")
    jumpy = replace(real, name="qemu-microbit", source="emulator", free_bytes=9, clock_jump_us=7)
    mixed = replace(results, run=replace(results.run, source="hardware"), boards=(sim, real, jumpy))
    write_results(tmp_path / "results.json", mixed)
    boards = read_results(tmp_path / "results.json").boards
    assert boards == (sim, real, jumpy)
    assert [board_key(board) for board in boards] == [board_key(board) for board in mixed.boards]
    assert board_key(boards[0]) == "sim:clock=virtual"


def test_order_does_not_depend_on_the_input(results: Results) -> None:
    shuffled = list(results.measurements)
    random.Random(4).shuffle(shuffled)
    assert build_results(replace(results, measurements=tuple(shuffled))) == build_results(results)


def test_figures_over_all_tasks_come_first_and_methods_in_order(results: Results) -> None:
    first = results.measurements[0]
    given = [(1, "b"), (0, None), (None, None), (1, None), (1, "a"), (None, "z")]
    changed = tuple(replace(first, task=task, method=method) for task, method in given)
    document = build_results(replace(results, measurements=changed))
    assert [(written["task"], written.get("method")) for written in document["measurements"]] == [
        (None, None), (None, "z"), (0, None), (1, None), (1, "a"), (1, "b")
    ]  # fmt: skip


def test_what_is_no_number_of_a_whole_capture_names_no_task(results: Results) -> None:
    measurement = replace(results.measurements[0], task=None, confidence=math.nan, note="why")
    document = build_results(replace(results, measurements=(measurement,), errors=()))
    (error,) = document["errors"]
    assert (error["error"], error["detail"]) == (
        f"{measurement.metric} is not a finite number",
        "why",
    )


def test_numbers_are_plain_floats_and_integers(results: Results) -> None:
    measurement = replace(results.measurements[0], value=3, lo=2, hi=4, n=5, budget=6, confidence=1)
    (told,) = build_results(replace(results, measurements=(measurement,)))["measurements"]
    kinds = {key: type(told[key]) for key in ("value", "lo", "hi", "budget", "confidence", "n")}
    assert kinds == {**dict.fromkeys(kinds, float), "n": int}


@pytest.mark.parametrize("source", ["hardware", "emulator", "sim", "replay"])
def test_every_source_comes_back(results: Results, source: str) -> None:
    changed = replace(results, run=replace(results.run, source=source))
    assert parse_results(raw(build_results(changed))).run.source == source


def test_errors_are_in_the_order_of_the_loads(results: Results) -> None:
    error = results.errors[0]
    given = tuple(replace(error, load=load, error=f"{k}") for k, load in enumerate(["gc", "idle"]))
    document = build_results(replace(results, errors=given))
    assert [error["load"] for error in document["errors"]] == ["idle", "gc"]


def test_another_file_is_told_what_it_is_not(results: Results) -> None:
    document = {**build_results(results), "schema": "x"}
    with pytest.raises(CaptureError, match=r"schema is 'x'; not a results\.json"):
        parse_results(raw(document))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_no_number_becomes_an_error(results: Results, bad: float) -> None:
    first, *rest = results.measurements
    document = build_results(replace(results, measurements=(replace(first, value=bad), *rest)))
    assert len(document["measurements"]) == len(rest)
    told = [error for error in document["errors"] if "not a finite number" in error["error"]]
    assert told == [
        {
            "board": first.board,
            "technique": first.technique,
            "load": first.load,
            "error": f"{first.metric} of task {first.task} is not a finite number",
            "detail": "",
        }
    ]
    json.dumps(document, allow_nan=False)


def test_a_bound_that_is_no_number_is_null_and_says_so(results: Results) -> None:
    first = results.measurements[0]
    changed = replace(first, hi=math.inf, note="short window")
    document = build_results(replace(results, measurements=(changed,)))
    (measurement,) = document["measurements"]
    assert measurement["hi"] is None
    assert measurement["lo"] == first.lo
    assert measurement["note"] == "short window; hi has no finite value"


def test_absent_facts_are_null(results: Results) -> None:
    board = replace(results.boards[0], cpu_hz=None, stamp_cost_us=math.nan)
    document = build_results(replace(results, boards=(board,)))
    assert document["boards"][0]["cpu_hz"] is None
    assert document["boards"][0]["stamp_cost_us"] is None


BREAKS = {
    "schema is 3": lambda d: d.update(schema=3),
    "schema is True": lambda d: d.update(schema=True),
    "top level: no 'errors'": lambda d: d.pop("errors"),
    "run: no 'host'": lambda d: d["run"].pop("host"),
    "run.source: 'moon' is none of": lambda d: d["run"].update(source="moon"),
    "run: not an object": lambda d: d.update(run=[]),
    "boards: not a list but dict": lambda d: d.update(boards={}),
    "boards[0].tick_period: not a whole number but float": lambda d: d["boards"][0].update(
        tick_period=1.5
    ),
    "boards[0].capabilities[0]: not text but int": lambda d: d["boards"][0].update(
        capabilities=[1]
    ),
    "measurements[0]: no 'lo'": lambda d: d["measurements"][0].pop("lo"),
    "measurements[1].value: not a number but str": lambda d: d["measurements"][1].update(value="3"),
    "measurements[1].value: not a number but bool": lambda d: d["measurements"][1].update(
        value=True
    ),
    "measurements[1].value: not a number but NoneType": lambda d: d["measurements"][1].update(
        value=None
    ),
    "measurements[2].n: not a whole number": lambda d: d["measurements"][2].update(n=2.0),
    "measurements[2].verdict: 'maybe' is none of": lambda d: d["measurements"][2].update(
        verdict="maybe"
    ),
    "measurements[0].hi: not a finite number": lambda d: d["measurements"][0].update(hi=10**400),
    "skipped[0].reason: not text but int": lambda d: d["skipped"][0].update(reason=3),
    "errors[0]: not an object": lambda d: d.update(errors=["no"]),
}


@pytest.mark.parametrize("line", BREAKS, ids=lambda line: line)
def test_reader_refuses_in_one_line(results: Results, line: str) -> None:
    document = build_results(results)
    BREAKS[line](document)
    with pytest.raises(CaptureError) as caught:
        parse_results(raw(document))
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_keys_are_kept(results: Results) -> None:
    document = build_results(results)
    document["later"] = {"x": [1, None, {"y": "z"}]}
    document["run"]["weather"] = "rain"
    document["boards"][0]["colour"] = "green"
    for name in ("measurements", "skipped", "errors"):
        document[name][0]["more"] = [1.5, True]
    assert build_results(parse_results(raw(document))) == document


def test_unknown_keys_are_plain_json_of_some_depth(results: Results) -> None:
    document = build_results(results)
    document["boards"][0]["odd\nname"] = {"x": HERE}
    text = json.dumps(document).replace(f'"{HERE}"', "1e999")
    with pytest.raises(CaptureError) as caught:
        parse_results(text.encode())
    assert str(caught.value) == r"boards[0]['odd\nname'].x: not a finite number"
    deep = json.dumps(document).replace(f'"{HERE}"', "[" * 60 + "]" * 60)
    with pytest.raises(CaptureError, match="nested too deeply") as caught:
        parse_results(deep.encode())
    assert "\n" not in str(caught.value)
    shallow = json.dumps(document).replace(f'"{HERE}"', "[" * 40 + "]" * 40)
    assert build_results(parse_results(shallow.encode()))["boards"][0]["odd\nname"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_reader_refuses_non_finite_numbers(results: Results, number: str) -> None:
    document = build_results(results)
    document["measurements"][0]["value"] = "HERE"
    text = json.dumps(document).replace('"HERE"', number)
    with pytest.raises(CaptureError, match="is not a number"):
        parse_results(text.encode())


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b"null"])
def test_reader_refuses_what_is_not_json(text: bytes) -> None:
    with pytest.raises(CaptureError):
        parse_results(text)


def test_reader_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"can't read .*none\.json"):
        read_results(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(CaptureError, match=r"bad\.json: schema is None"):
        read_results(tmp_path / "bad.json")


def test_a_folder_that_is_gone_is_one_line(results: Results, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="can't write"):
        write_results(tmp_path / "gone" / "results.json", results)


def test_a_failed_write_keeps_the_old_file(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "results.json"
    write_results(path, results)
    before = path.read_bytes()

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ConfigurationError, match="No space left"):
        write_results(path, replace(results, measurements=()))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["results.json"]
