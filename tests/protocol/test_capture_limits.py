"""A capture brings at most what its plan allows, and what is beyond it is never unpacked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hil.model.board import BoardIdentity
from hil.model.captures import CapturePlan, TaskPlan
from hil.model.errors import CaptureError
from hil.protocol import stamp_blocks
from hil.protocol.capture_limits import MAX_STAMPS, CaptureLimits
from hil.protocol.decoder import StreamDecoder
from hil.protocol.encoder import StreamEncoder
from hil.protocol.fault_list import MAX_FAULTS, FaultList
from hil.protocol.reassembly import assemble
from hil.recording.validity import require_valid

BOARD = BoardIdentity("x", "-", "hardware", "p", "m", "1.24", 1 << 30)
PLAN = CapturePlan("timer_soft", "idle", (TaskPlan(0, 10_000), TaskPlan(1, 20_000)), 1_000_000)
LIMITS = CaptureLimits.of_plan(PLAN)
MOST = 2 * 100 + 1000
PROGRAM = {"program_periods": "profile", "program_file": "main.py"}


def begin() -> StreamEncoder:
    encoder = StreamEncoder()
    encoder.text("H", v=1, tp=1 << 30, tasks=2)
    for task in (0, 1):
        encoder.text("C", i=task, name=f"task{task}", kind="ticks")
    return encoder


def decoded(encoder: StreamEncoder, limits: CaptureLimits = LIMITS):
    decoder = StreamDecoder(limits)
    decoder.feed(encoder.data)
    return decoder.finish()


def excess(got) -> list[str]:
    return [fault.detail for fault in got.faults if fault.kind == "excess"]


def test_a_task_may_bring_twice_its_periods_and_a_thousand():
    assert LIMITS.tasks == (MOST, 2 * 50 + 1000)
    encoder = begin()
    encoder.stamps(0, np.arange(MOST))
    assert excess(decoded(encoder)) == []
    encoder.stamps(0, [1], first_index=MOST)
    got = decoded(encoder)
    assert len(got.channels["task0"].values) == MOST
    assert excess(got) == [
        "task 0 brought more than the 1,200 stamps that this capture's plan allows: "
        "the rest is not read"
    ]


def test_a_program_of_the_user_s_may_bring_what_it_has_room_for():
    """Its period may be another than was said, which a diagnosis then tells from its stamps."""
    limits = CaptureLimits.of_plan(replace(PLAN, options=PROGRAM))
    assert limits.tasks == (4 * 3_000_000 // 10_000 + 1000,) * 2


def test_channels_without_a_period_share_one_limit():
    encoder = begin()
    limits = replace(LIMITS, other=600, total=10_000)
    for index in range(2, 5):
        encoder.text("C", i=index, name=f"stim.{index}", kind="slots")
        encoder.stamps(index, range(300))
    got = decoded(encoder, limits)
    assert [len(got.channels[f"stim.{k}"].values) for k in (2, 3, 4)] == [300, 300, 0]
    assert excess(got)[0].startswith("the channels beside the tasks brought more than the 600")


@pytest.mark.parametrize("name", ["task2", "task90", "task00", "task", "x"])
def test_a_name_like_a_task_s_opens_no_more_room(name):
    encoder = begin()
    encoder.text("C", i=7, name=name, kind="ticks")
    encoder.stamps(7, range(MOST))
    got = decoded(encoder, replace(LIMITS, other=100))
    assert excess(got)[0].startswith("the channels beside the tasks")


def test_a_task_named_twice_has_one_share():
    encoder = begin()
    encoder.text("C", i=9, name="task0", kind="ticks")
    encoder.stamps(0, np.arange(MOST))
    encoder.stamps(9, np.arange(MOST))
    got = decoded(encoder, replace(LIMITS, other=100))
    assert excess(got)


def test_a_stamp_frame_beyond_the_limit_is_never_unpacked(monkeypatch):
    unpacked = []
    real = stamp_blocks.decode_blocks
    monkeypatch.setattr(
        stamp_blocks,
        "decode_blocks",
        lambda blocks, out: unpacked.append(sum(b.size for b in blocks)) or real(blocks, out),
    )
    encoder = begin()
    for at in range(0, 100 * 512, 512):
        encoder.stamps(0, [0] * 512, order=0, first_index=at)
    decoded(encoder)
    assert sum(unpacked) == 2 * 512


@pytest.mark.parametrize("first_index", [2**47, 100 * MOST])
def test_an_index_that_can_not_be_is_refused(first_index):
    encoder = begin()
    encoder.stamps(0, [1, 2], first_index=first_index)
    assert excess(decoded(encoder)) == [
        f"channel 0 claims value number {first_index:,}, which can't be"
    ]


@pytest.mark.parametrize("kind", "HCDGTEPXRW")
def test_text_frames_of_each_kind_are_bounded(kind):
    limits = replace(LIMITS, texts={**(LIMITS.texts or {}), kind: 5})
    encoder = StreamEncoder()
    for number in range(9):
        encoder.text(kind, t=number)
    got = decoded(encoder, limits)
    assert len(got.texts) == 5
    assert excess(got) == [f"more than 5 frames of the kind {kind}, which no capture has"]
    assert got.frames == 9


def test_frames_that_nobody_knows_are_bounded_too():
    encoder = StreamEncoder()
    for number in range(30):
        encoder.text("z", t=number)
    got = decoded(encoder, replace(LIMITS, frames=20))
    assert got.frames == 20
    assert excess(got) == ["more than 20 frames, which its plan does not need"]


def test_the_limits_of_a_day_are_bounded_as_a_whole():
    tasks = tuple(TaskPlan(k, 1) for k in range(90))
    limits = CaptureLimits.of_plan(CapturePlan("x", "idle", tasks, 366 * 86_400_000_000))
    assert limits.total == limits.other == MAX_STAMPS
    assert limits.frames < MAX_STAMPS + 2_000_000


def test_fields_and_names_are_bounded():
    encoder = begin()
    encoder.text("P", **{f"f{k}": k for k in range(100)})
    encoder.text("C", i=5, name="m" * 4000, kind="value")
    encoder.text("C", i=6, name="n" * 200, kind="value")
    encoder.text("C", i=7, name="n" * 201, kind="value")
    got = decoded(encoder)
    assert [fault.kind for fault in got.faults] == ["damaged"] * 3 + ["duplicate"]
    assert got.channels.keys() >= {"m" * 200, "n" * 200}
    assert max(map(len, got.channels)) == 200


def captured(encoder: StreamEncoder, **end: int):
    ends = {"us0": 1000, "us1": 1_001_000, "ms0": 0, "ms1": 1000, **end}
    encoder.text("E", status="ok", **ends)
    return assemble(decoded(encoder), BOARD, PLAN)


def grid(encoder: StreamEncoder, *, task: int = 0, period: int = 10_000, offset: int = 0) -> None:
    encoder.text("G", task=task, origin=1000, offset=offset, period=period)
    encoder.stamps(task, [1000 + offset])
    encoder.text("T", i=task, n=1, dropped=0)


def test_more_than_the_plan_allows_makes_a_capture_invalid_in_one_sentence():
    encoder = begin()
    for task in (0, 1):
        grid(encoder, task=task)
    encoder.stamps(0, np.arange(MOST), first_index=1)
    with pytest.raises(CaptureError, match=r"invalid: task 0 brought more than the 1,200 stamps"):
        require_valid(captured(encoder))


@pytest.mark.parametrize(
    ("claims", "end"),
    [
        ({"period": 1}, {}),
        ({"offset": -(1 << 40)}, {}),
        ({}, {"us1": (1000 + 200_000_000_000) % (1 << 30), "ms1": 200_000_000}),
    ],
)
def test_a_grid_of_more_releases_than_planned_is_not_believed(claims, end):
    """What is computed of it grows with its releases: period, origin and end are the board's."""
    encoder = begin()
    grid(encoder, **claims)
    capture = captured(encoder, **end)
    assert capture.tracks == ()
    assert any("releases, more than its plan allows" in f.detail for f in capture.faults)


def test_a_series_of_endless_releases_is_left_out():
    encoder = begin()
    encoder.text("C", i=9, name="x/y:0", kind="ticks")
    encoder.stamps(9, [1000])
    encoder.text("T", i=9, n=1, dropped=0)
    for period in (1, 10_000):
        encoder.text(
            *"G", track="x/y:0", origin=1000, end=1_001_000, ms0=0, ms1=1000, offset=0,
            period=period,
        )  # fmt: skip
    capture = captured(encoder)
    assert [series.track.period_us for series in capture.series] == [10_000.0]
    assert any("more releases than any series" in f.detail for f in capture.faults)


def test_a_claim_of_dropped_stamps_is_bounded():
    encoder = begin()
    encoder.text("G", task=0, origin=1000, offset=0, period=10_000)
    encoder.stamps(0, [1000])
    encoder.text("T", i=0, n=1, dropped=2**47)
    capture = captured(encoder)
    assert capture.tracks == ()


def test_the_first_fault_of_each_kind_is_never_crowded_out():
    faults = FaultList()
    for number in range(3 * MAX_FAULTS):
        faults.add("damaged", str(number), number)
    faults.add("incomplete", "late", 10**9)
    shown = faults.issues()
    assert len(shown) == MAX_FAULTS + 2
    assert shown[-2].kind == "incomplete"
    assert shown[-1].detail == f"and {2 * MAX_FAULTS} more faults"
