"""The odd one of three clocks."""

from __future__ import annotations

import numpy as np
import pytest

from hil.analysis.edge_alignment import Alignment
from hil.analysis.odd_clock import Rate, board_by_instrument, instrument_by_host, odd_clock
from hil.model.edges import EdgeRecording


def rate(ppm: float, half: float = 1.0) -> Rate:
    return Rate(ppm, ppm - half, ppm + half)


@pytest.mark.parametrize(
    ("board_host", "board_instrument", "instrument_host", "odd"),
    [
        (rate(900), rate(905), None, "board"),
        (rate(5), rate(1000), None, "instrument"),
        (rate(1000), rate(5), None, "host"),
        (None, rate(1000), rate(-1003), "instrument"),
        (None, rate(1000), rate(4), "board"),
        (rate(1200), None, rate(1190), "host"),
    ],
)
def test_the_odd_one_is_named(
    board_host: Rate | None, board_instrument: Rate | None, instrument_host: Rate | None, odd: str
) -> None:
    verdict = odd_clock(board_host, board_instrument, instrument_host)
    assert verdict.clock == odd
    assert f"the clock of the {odd} is the odd one" in verdict.text
    assert verdict.differ


def test_good_clocks_agree() -> None:
    verdict = odd_clock(rate(30), rate(-40), rate(60, 50))
    assert (verdict.clock, verdict.differ) == (None, False)


def test_two_clocks_alone_tell_nothing() -> None:
    verdict = odd_clock(None, rate(2000), None)
    assert verdict.clock is None
    assert verdict.differ
    assert "no third one tells" in verdict.text
    assert not odd_clock(None, rate(20), None).differ
    assert "no two" in odd_clock(None, None, None).text


def test_wide_bounds_name_nobody() -> None:
    verdict = odd_clock(rate(800, 700), rate(900), None)
    assert verdict.clock is None


def test_three_that_all_differ_name_nobody() -> None:
    verdict = odd_clock(rate(1000), rate(-1000), None)
    assert verdict.clock is None
    assert "can't be told" in verdict.text


def test_rates_of_the_windows_are_taken_together() -> None:
    windows = [
        Alignment("w", "aligned", ppm=10, ppm_lo=8, ppm_hi=13),
        Alignment("w", "aligned", ppm=10, ppm_lo=9, ppm_hi=15),
        Alignment("w", "no match", ppm=0, ppm_lo=-1, ppm_hi=1),
    ]
    joined = board_by_instrument(windows)
    assert joined == Rate(-11.0, -13.0, -9.0)
    assert board_by_instrument(windows[2:]) is None


def test_the_instrument_against_the_host_from_pairs() -> None:
    host = np.arange(50, dtype=np.int64) * 200_000_000
    own = np.rint(host * (1 + 300e-6)).astype(np.int64) + 7
    noise = np.random.default_rng(1).integers(0, 300_000, host.size)
    recording = EdgeRecording("w", (), 0, 1, 10.0, host_ns=host + noise, own_ns=own)
    measured = instrument_by_host([recording])
    assert measured is not None
    assert measured.lo < 300 < measured.hi
    assert measured.hi - measured.lo < 200
    assert instrument_by_host([EdgeRecording("w", (), 0, 1, 10.0)]) is None
