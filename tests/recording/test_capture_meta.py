"""What a capture says of board and plan: read back whole, and each wrong field named."""

import json
from pathlib import Path

import numpy as np
import pytest

from hil.model.board import BoardIdentity
from hil.model.captures import CaptureIssue, CapturePlan, TaskPlan
from hil.model.errors import CaptureError
from hil.recording.capture_file import CaptureWriter, StoredMeta, dump_meta, load_meta, read_chunks
from hil.recording.capture_reader import read_capture, read_meta

BOARD = BoardIdentity(
    name="n", port="p", source="hardware", platform="rp2", machine="m", micropython="1.24",
    tick_period=1 << 30, cpu_hz=125_000_000, unique_id="u", tick_resolution_us=1.5,
    stamp_cost_us=0.25, free_bytes=7, capabilities=("timer", "thread"), clock_jump_us=65_536,
)  # fmt: skip
PLAN = CapturePlan(
    "timer_soft", "gc", (TaskPlan(0, 1000), TaskPlan(1, 2000, 500)), 10_000,
    streaming=True, options={"pings": 4, "x": "y"},
)  # fmt: skip
SOUND = StoredMeta(BOARD, PLAN, "0.1.0")
PATH = Path("a.hilcap")


def document():
    return json.loads(dump_meta(SOUND))


def refusal(changed):
    with pytest.raises(CaptureError) as caught:
        load_meta(json.dumps(changed).encode(), PATH)
    head, colon, reason = str(caught.value).partition(": ")
    assert (head, colon) == ("a.hilcap does not say properly what was measured", ": ")
    return reason


def test_everything_comes_back():
    assert load_meta(dump_meta(SOUND), PATH) == SOUND


def test_the_plan_has_just_its_fields():
    assert set(document()) == {"harness", "board", "plan"}
    assert set(document()["plan"]) == {
        *("technique", "load", "tasks", "duration_us", "streaming", "options")
    }


def test_a_file_that_is_cut_before_its_plan_says_so(tmp_path):
    path = written(tmp_path / "a.hilcap")
    path.write_bytes(path.read_bytes()[:12])
    with pytest.raises(CaptureError, match=r"a\.hilcap was cut before it said what was measured"):
        read_capture(path)
    with pytest.raises(CaptureError, match=r"a\.hilcap does not say what was measured: it was cut"):
        read_meta(path)


def test_what_a_board_need_not_know_may_be_null():
    changed = document()
    for name in ("cpu_hz", "unique_id", "tick_resolution_us", "stamp_cost_us", "free_bytes",
                 "clock_jump_us"):  # fmt: skip
        changed["board"][name] = None
    board = load_meta(json.dumps(changed).encode(), PATH).board
    assert (board.cpu_hz, board.unique_id, board.tick_resolution_us) == (None, None, None)
    assert (board.stamp_cost_us, board.free_bytes, board.clock_jump_us) == (None, None, None)


def test_a_whole_number_is_a_float_where_one_is_asked_for():
    changed = document()
    changed["board"]["tick_resolution_us"] = 2
    value = load_meta(json.dumps(changed).encode(), PATH).board.tick_resolution_us
    assert (value, type(value)) == (2.0, float)


@pytest.mark.parametrize(
    ("part", "name"),
    [
        *((None, name) for name in ("board", "plan", "harness")),
        *(("board", name) for name in ("name", "port", "source", "platform", "machine",
                                       "micropython", "tick_period")),
        *(("plan", name) for name in ("technique", "load", "tasks", "duration_us")),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(part, name):
    changed = document()
    del (changed if part is None else changed[part])[name]
    assert refusal(changed) == f"{part or 'top level'}: no {name!r}"


@pytest.mark.parametrize(
    ("part", "name", "value", "reason"),
    [
        ("board", "name", 1, "name: not text but int"),
        ("board", "name", "x" * 10_001, "name: too long"),
        ("board", "source", "moon", "source: 'moon' is none of hardware, emulator, sim, replay"),
        ("board", "clock", "late", "clock: 'late' is none of real, virtual"),
        ("board", "tick_period", True, "tick_period: not a whole number but bool"),
        ("board", "tick_period", 1.0, "tick_period: not a whole number but float"),
        ("board", "tick_period", 1 << 63, "tick_period: out of range"),
        ("board", "tick_period", -(1 << 63), "tick_period: out of range"),
        ("board", "cpu_hz", "x", "cpu_hz: not a whole number but str"),
        ("board", "unique_id", 5, "unique_id: not text but int"),
        ("board", "tick_resolution_us", "x", "tick_resolution_us: not a number but str"),
        ("board", "stamp_cost_us", "x", "stamp_cost_us: not a number but str"),
        ("board", "free_bytes", "x", "free_bytes: not a whole number but str"),
        ("board", "clock_jump_us", "x", "clock_jump_us: not a whole number but str"),
        ("board", "capabilities", ["a", 1], "capabilities[1]: not text but int"),
        ("board", "capabilities", ["a", "x" * 10_001], "capabilities[1]: too long"),
        ("plan", "tasks", [1], "tasks[0]: not an object"),
        ("plan", "tasks", [{"index": 0, "phase_us": 1}], "tasks[0]: no 'period_us'"),
        ("plan", "tasks", [{"phase_us": 0, "period_us": 1}], "tasks[0]: no 'index'"),
        ("plan", "options", {"a": 1.5}, "options.a: not a whole number or text but float"),
        ("plan", "streaming", 1, "streaming: not true or false but int"),
        ("plan", "duration_us", "1", "duration_us: not a whole number but str"),
        ("plan", "later", {"x": [{"y": "x" * 10_001}]}, "later.x[0].y: too long"),
    ],
)
def test_what_can_not_be_is_named(part, name, value, reason):
    changed = document()
    changed[part][name] = value
    assert refusal(changed) == f"{part}.{reason}"


def test_a_capture_from_before_some_fields_existed_opens():
    changed = document()
    for name in ("clock", "clock_jump_us", "free_bytes", "capabilities"):
        del changed["board"][name]
    for name in ("streaming", "options"):
        del changed["plan"][name]
    meta = load_meta(json.dumps(changed).encode(), PATH)
    assert (meta.board.clock, meta.board.clock_jump_us, meta.board.capabilities) == (
        "real",
        None,
        (),
    )
    assert (meta.plan.streaming, meta.plan.options) == (False, {})


def test_a_resolution_that_was_stored_as_no_number_is_unknown():
    changed = document()
    changed["board"]["tick_resolution_us"] = float("nan")
    raw = json.dumps(changed).encode()
    assert b"NaN" in raw
    assert load_meta(raw, PATH).board.tick_resolution_us is None


def test_the_limits_themselves_are_taken():
    changed = document()
    changed["board"]["name"] = "x" * 10_000
    changed["board"]["capabilities"] = ["x" * 10_000]
    changed["board"]["tick_period"] = (1 << 63) - 1
    assert load_meta(json.dumps(changed).encode(), PATH).board.tick_period == (1 << 63) - 1


@pytest.mark.parametrize("raw", [b"", b"\xff", b"[1]", b"[" * 100_000])
def test_what_is_no_object_is_refused(raw):
    with pytest.raises(CaptureError, match=r"a\.hilcap does not say properly"):
        load_meta(raw, PATH)


def test_a_thousand_tasks_are_the_most():
    changed = document()
    changed["plan"]["tasks"] = changed["plan"]["tasks"][:1] * 1000
    assert len(load_meta(json.dumps(changed).encode(), PATH).plan.tasks) == 1000
    changed["plan"]["tasks"] *= 2
    changed["plan"]["tasks"] = changed["plan"]["tasks"][:1001]
    assert refusal(changed) == "plan.tasks: more than 1000"


def written(path, *, values=(), status="ok"):
    with CaptureWriter(path, BOARD, PLAN) as writer:
        for name, numbers in values:
            writer.values(name, numbers)
        if status is not None:
            writer.finish(status)
    return path


def test_values_have_a_name_of_at_most_255_bytes(tmp_path):
    whole = read_capture(written(tmp_path / "a.hilcap", values=[("x" * 255, [1, -(2**63)])]))
    assert whole.values["x" * 255].tolist() == [1, -(2**63)]
    assert whole.values["x" * 255].dtype == np.int64
    with pytest.raises(CaptureError, match=f"the name '{'x' * 40}' is too long"):
        written(tmp_path / "b.hilcap", values=[("x" * 256, [1])])


def test_values_come_back_over_several_chunks(tmp_path):
    numbers = list(range(100_001))
    capture = read_capture(written(tmp_path / "a.hilcap", values=[("n", numbers), ("n", [7])]))
    assert capture.values["n"].tolist() == [*numbers, 7]


def test_where_a_file_breaks_off_is_said(tmp_path):
    path = written(tmp_path / "a.hilcap", values=[("n", [1, 2])], status=None)
    size = path.stat().st_size
    faults = []
    assert [chunk.kind for chunk in read_chunks(path, faults)] == ["M", "V"]
    assert faults == []
    path.write_bytes(path.read_bytes()[:-1])
    assert [chunk.kind for chunk in read_chunks(path, faults)] == ["M"]
    at = size - (9 + 1 + 1 + 16)  # head, length of the name, name, two numbers
    assert faults == [CaptureIssue("truncated", "a.hilcap ends inside a chunk", at)]
    path.write_bytes(path.read_bytes()[: at + 3])
    faults.clear()
    assert len(list(read_chunks(path, faults))) == 1
    assert faults == [CaptureIssue("truncated", "a.hilcap ends inside a chunk", at)]


def test_where_a_file_is_damaged_is_said(tmp_path):
    path = written(tmp_path / "a.hilcap", values=[("n", [1, 2])], status=None)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    faults = []
    list(read_chunks(path, faults))
    at = len(data) - 27
    text = f"a.hilcap is damaged from byte {at} on; the rest is not used"
    assert faults == [CaptureIssue("damaged", text, at)]


def test_a_long_status_is_cut(tmp_path):
    capture = read_capture(written(tmp_path / "a.hilcap", status="error: " + "x" * 3000))
    assert capture.errors[0] == ("error: " + "x" * 3000)[:2000]


def test_a_closed_capture_takes_nothing(tmp_path):
    writer = CaptureWriter(tmp_path / "a.hilcap", BOARD, PLAN)
    writer.close()
    with pytest.raises(CaptureError, match=r"is closed$"):
        writer.rx(b"x", 1)
