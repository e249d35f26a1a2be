"""The sync pattern from its channels: every edge where it was, or the pattern is left out."""

from dataclasses import replace

import numpy as np
import pytest
from board_streams import Board, board, kinds, plan

from hil.protocol.decoder import decode
from hil.protocol.reassembly import assemble

N = 8
GAPS = np.array([1264, 2574, 1947, 2754, 3321, 3927, 1356, 3439], np.int64)


def made(device: Board, begins: int, behind: int) -> tuple[np.ndarray, np.ndarray]:
    """Readings before and after N edges from ``begins`` on, and N from ``behind`` on."""
    before = np.concatenate([begins + GAPS.cumsum(), behind + GAPS[::-1].cumsum()])
    return before, before + np.arange(2 * N) % 3


def put_together(device: Board, **options):
    planned = replace(plan(device.duration_us), options={"sync": N, **options})
    return assemble(decode(device.out.data), board(device.period), planned)


@pytest.mark.parametrize("period", [2**16, 2**20, 2**30, 2**62])
@pytest.mark.parametrize(
    ("duration_us", "later_ms"), [(100_000, 3), (5_000_000, 0), (2 * 10**9, 700_000)]
)
def test_both_sides_are_where_they_were_whatever_wrapped(period, duration_us, later_ms):
    later_ms = min(later_ms, period // 1000 * 900)
    device = Board(period, 2**33 + 12_345, duration_us)
    end = device.start + duration_us
    behind = (end // 1000 + later_ms) * 1000
    before, after = made(device, device.start - 30_000, behind)
    device.channel("sync.before", before, "slots")
    device.channel("sync.after", after, "slots")
    device.end(sync_ms=behind // 1000 % period)
    capture = put_together(device)
    assert capture.faults == ()
    zero = device.start - device.start % period
    assert (capture.sync.before_us == before - zero).all()
    assert (capture.sync.after_us == after - zero).all()
    assert capture.sync.line == "sync"


def test_the_line_is_the_task_s_where_the_board_says_so():
    device = Board()
    for name, times in zip(("before", "after"), made(device, 80_000, 1_200_000), strict=True):
        device.channel(f"sync.{name}", times, "slots")
    device.end(sync_task=0, sync_ms=1_200)
    assert put_together(device).sync.line == "task0"


def test_nothing_is_read_that_was_not_asked_for():
    device = Board()
    device.end()
    assert (device.capture().sync, device.capture().faults) == (None, ())


@pytest.mark.parametrize(
    ("before", "after", "kind", "said"),
    [
        (None, None, "missing", "no sync pattern"),
        (slice(0, 16), None, "missing", "only half of a sync pattern"),
        (slice(0, 16), slice(0, 15), "missing", "16 and 15 came"),
        (slice(0, 12), slice(0, 12), "missing", "12 and 12 came"),
        (slice(0, 0), slice(0, 0), "missing", "0 and 0 came"),
        (slice(None, None, -1), slice(None, None, -1), "damaged", "went back"),
    ],
)
def test_a_pattern_that_is_not_whole_is_left_out_and_said(before, after, kind, said):
    device = Board()
    times = made(device, 80_000, 1_200_000)
    for name, each, part in zip(("before", "after"), times, (before, after), strict=True):
        if part is not None:
            device.channel(f"sync.{name}", each[part], "slots")
    device.end()
    capture = put_together(device)
    assert capture.sync is None
    assert kinds(capture) == [kind]
    assert said in capture.faults[0].detail


def test_a_gap_on_the_wire_and_an_edge_without_a_reading_leave_the_pattern_out():
    for damage in ("gap", "empty"):
        device = Board()
        before, after = made(device, 80_000, 1_200_000)
        if damage == "empty":
            before[3] = -1
            device.channel("sync.before", before, "slots")
        else:
            device.channel("sync.before", before[1:], "slots", total=2 * N, first_index=1)
        device.channel("sync.after", after, "slots")
        device.end()
        capture = put_together(device)
        assert capture.sync is None
        assert {"missing", "damaged"} & set(kinds(capture))


def test_the_first_side_stays_where_the_board_was_stopped_before_the_second():
    device = Board()
    before, after = made(device, 80_000, 1_200_000)
    device.channel("sync.before", before[:N], "slots")
    device.channel("sync.after", after[:N], "slots")
    device.end()
    assert (put_together(device).sync.before_us == before[:N]).all()


@pytest.mark.parametrize("asked", [0, -3, "8", 10**9])
def test_a_plan_with_an_impossible_number_has_no_pattern(asked):
    device = Board()
    device.end()
    assert put_together(device, sync=asked).sync is None
