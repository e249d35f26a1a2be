"""Stamp frames of one channel in batches: order, holes and bad frames are known by frame."""

import numpy as np
import pytest

from hil.model.captures import Gap
from hil.protocol.encoder import encode_stamps
from hil.protocol.frames import body_of, frame
from hil.protocol.stamp_blocks import Collected, parse_block

N = 600


def collected(numbers, spoilt=()) -> Collected:
    """Frames of two values each: frame k holds 10 k and 10 k + 3 at the indices 2 k and 2 k + 1."""
    blocks = Collected()
    for arrival, k in enumerate(numbers):
        (line,) = encode_stamps(0, [10 * k, 10 * k + 300], sequence=k, first_index=2 * k, order=0)
        content = line[1:-1]
        if k in spoilt:  # the payload's last word beyond its 13 bits, the checksum right
            body = body_of(content)
            content = frame("S", k, body[:-2] + b"}}")[1:-1]
        blocks.add(parse_block(content, arrival, 1000 + arrival))
    return blocks


def taken(blocks: Collected, n: int = N, keep=None, name="task0"):
    faults = []
    keep = np.ones(n, np.bool_) if keep is None else keep
    values, gaps, end = blocks.in_order(name, keep, lambda *fault: faults.append(fault))
    return values.tolist(), gaps, end, faults


def expected(numbers) -> list[int]:
    return [value for k in numbers for value in (10 * k, 10 * k + 300)]


def test_in_order_and_whole():
    values, gaps, end, faults = taken(collected(range(N)))
    assert (values, gaps, end, faults) == (expected(range(N)), (), 2 * N, [])


def test_out_of_order_over_batches():
    order = np.random.default_rng(1).permutation(N).tolist()
    assert taken(collected(order)) == (expected(range(N)), (), 2 * N, [])


def test_a_bad_frame_of_a_later_batch_is_the_one_left_out():
    values, gaps, end, faults = taken(collected(range(N), spoilt={3, 300, N - 1}))
    assert values == expected(k for k in range(N) if k not in (3, 300, N - 1))
    assert gaps == (Gap(6, 2), Gap(598, 2))
    assert end == 2 * (N - 1)
    assert [(kind, offset) for kind, _, offset in faults] == [
        ("damaged", 1003),
        ("damaged", 1300),
        ("damaged", 1000 + N - 1),
    ]


def test_frames_that_are_not_kept_and_the_second_of_two_at_one_place():
    keep = np.ones(N + 1, np.bool_)
    keep[[0, 400]] = False
    values, gaps, end, faults = taken(collected([*range(N), 7]), keep=keep)
    assert values == expected(k for k in range(N) if k not in (0, 400))
    assert gaps == (Gap(0, 2), Gap(798, 2))
    assert end == 2 * N
    assert [offset for _, _, offset in faults] == [1000 + N]
    assert collected([4, 5]).first_used(np.array([False, True])) == 1001
    assert collected([4, 5]).first_used(np.array([False, False])) is None


def test_nothing():
    assert taken(Collected(), 0) == ([], (), 0, [])


@pytest.mark.parametrize("numbers", [[0, 1, 0], [5, 0, 0, 1]])
def test_of_overlapping_frames_the_first_stays_also_at_the_start(numbers):
    values, _, _, faults = taken(collected(numbers), len(numbers), name="x" * 50)
    assert values[:4] == expected([0, 1])
    text = f"a block of {'x' * 40!r} overlaps another one and is left out"
    assert faults == [("damaged", text, 1002)]


def test_a_frame_without_digits_is_named():
    *_, faults = taken(collected([0, 1], spoilt={1}), 2, name="x" * 50)
    assert faults == [("damaged", f"a block of {'x' * 40!r} has no digits", 1001)]
