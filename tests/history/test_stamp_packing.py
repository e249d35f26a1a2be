"""Stamps in few bytes: what comes back, what thinning keeps, and damage."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from hil.history.stamp_packing import (
    BLOCKS,
    MOST,
    block_indices,
    pack_stamps,
    pack_values,
    unpack_stamps,
    unpack_values,
)
from hil.model.errors import CaptureError


def task(n, seed=1, period=10_000.0):
    rng = np.random.default_rng(seed)
    index = np.cumsum(1 + (rng.random(n) < 0.01)).astype(np.int64) - 1 if n else np.empty(0, int)
    stamps = np.floor(index * period).astype(np.int64) + rng.integers(-50, 3000, n)
    joined = rng.random(max(n - 1, 0)) > 0.02
    return stamps, index.astype(np.int64), joined


@pytest.mark.parametrize("n", [0, 1, 2, 3, 500, MOST])
@pytest.mark.parametrize("period", [10_000.0, 976.5625])
def test_everything_comes_back(n, period):
    stamps, index, joined = task(n, period=period)
    data, stored = pack_stamps(stamps, index, joined, period)
    assert stored == n
    for sent, got in zip((stamps, index, joined, ()), unpack_stamps(data, period), strict=True):
        np.testing.assert_array_equal(got, sent)


def test_extreme_numbers_come_back():
    values = np.array([0, -1, 1, 2**62, -(2**62), 255, -256], dtype=np.int64)
    np.testing.assert_array_equal(unpack_values(pack_values(values)[0]), values)


def test_a_usual_capture_takes_less_than_two_bytes_a_stamp():
    n = 6000
    rng = np.random.default_rng(3)
    index = np.arange(n, dtype=np.int64)
    stamps = index * 10_000 + rng.exponential(200, n).astype(np.int64)
    data, _ = pack_stamps(stamps, index, np.ones(n - 1, np.bool_), 10_000.0)
    assert len(data) < 2 * n


def test_a_long_capture_is_thinned_to_blocks_of_neighbours_from_its_first_to_its_last_stamp():
    n = 100_001
    places = block_indices(n)
    assert places.size == MOST
    assert (places[0], places[-1]) == (0, n - 1)
    jumps = np.flatnonzero(np.diff(places) != 1)
    assert jumps.size == BLOCKS - 1
    lengths = np.diff(np.concatenate(([-1], jumps, [MOST - 1])))
    assert set(lengths) == {MOST // BLOCKS}
    stamps, index, joined = task(n)
    data, stored = pack_stamps(stamps, index, joined, 10_000.0)
    got, at, whole, _ = unpack_stamps(data, 10_000.0)
    assert stored == MOST
    np.testing.assert_array_equal(got, stamps[places])
    np.testing.assert_array_equal(at, index[places])
    assert not whole[jumps].any()
    inside = np.setdiff1d(np.arange(MOST - 1), jumps)
    np.testing.assert_array_equal(whole[inside], joined[places[inside]])


def test_thinning_keeps_percentiles_and_jitter_within_their_errors():
    from hil.analysis.comparison_scale import TaskStamps, task_evidence

    n = 200_000
    rng = np.random.default_rng(4)
    index = np.arange(n, dtype=np.int64)
    stamps = index * 10_000 + rng.exponential(300, n).astype(np.int64)
    whole = np.ones(n - 1, np.bool_)
    all_of_it = task_evidence(TaskStamps(10_000.0, stamps.astype(float), index, whole), 1.0)
    data, _ = pack_stamps(stamps, index, whole, 10_000.0)
    got, at, joined, _ = unpack_stamps(data, 10_000.0)
    thinned = task_evidence(TaskStamps(10_000.0, got.astype(float), at, joined), 1.0)
    assert set(thinned) == set(all_of_it)
    for metric, evidence in thinned.items():
        assert abs(evidence.y - all_of_it[metric].y) < 4 * evidence.error, metric
        assert evidence.error > 1.5 * all_of_it[metric].error, metric


def test_no_damage_is_taken_for_stamps():
    stamps, index, joined = task(300)
    data, _ = pack_stamps(stamps, index, joined, 10_000.0)
    for offset in range(0, len(data), 3):
        for bad in (
            data[:offset],
            data[:offset] + bytes([data[offset] ^ 0x55]) + data[offset + 1 :],
        ):
            with pytest.raises(CaptureError, match="damaged"):
                unpack_stamps(bad, 10_000.0)


@pytest.mark.parametrize(
    "head",
    [
        b"[]",
        b"{}",
        b'[["late", -1, 1]]',
        b'[["late", 1, 3]]',
        b'[["late", 1e99, 1]]',
        b'[["late", 99999999, 8]]',
        b"[" * 5000,
    ],
)
def test_a_head_that_lies_is_refused(head):
    data = zlib.compress(len(head).to_bytes(4, "little") + head + b"\x00" * 100)
    with pytest.raises(CaptureError, match="damaged"):
        unpack_stamps(data, 10_000.0)


def test_a_bomb_is_not_unpacked():
    with pytest.raises(CaptureError, match="too long"):
        unpack_values(zlib.compress(b"\x00" * 200_000_000))
