"""Series that were taken after the window: on a base of their own, or left out and said."""

import re

import numpy as np
import pytest

from hil.model.board import BoardIdentity
from hil.model.captures import CapturePlan, Gap
from hil.protocol.decoder import decode
from hil.protocol.encoder import StreamEncoder
from hil.protocol.reassembly import assemble

TICKS = 1 << 16
START = TICKS - 700
STAMPS = START + 50 + np.arange(10) * 1000
SOUND = {"origin": START, "offset": 50, "period": 1000, "ms0": 7, "ms1": 17}
END = {"end": (START + 10_050) % TICKS}


def capture(*grids, stamps=STAMPS, kind="ticks", n=None, dropped=0, first_index=0):
    encoder = StreamEncoder()
    encoder.text("H", v=1, tp=TICKS, tasks=0)
    encoder.text("C", i=4, name="timer/hard:1", kind=kind)
    encoder.stamps(4, np.asarray(stamps) % TICKS, first_index=first_index)
    encoder.text("T", i=4, n=len(stamps) + first_index if n is None else n, dropped=dropped)
    for fields in grids or ({},):
        encoder.text("G", **{"track": "timer/hard:1", **SOUND, **END, **fields})
    encoder.text("E", us0=0, us1=100, ms0=0, ms1=0, status="ok")
    board = BoardIdentity("b", "p", "sim", "x", "x", "1.29", TICKS)
    return assemble(decode(encoder.data), board, CapturePlan("timer_hard", "idle", (), 100))


def test_a_series_over_the_wrap_is_where_it_was():
    taken = capture(dropped=2)
    assert taken.faults == ()
    (series,) = taken.series
    assert series.method == "timer/hard"
    track = series.track
    assert track.stamps_us.tolist() == STAMPS.tolist()
    assert (track.index, track.period_us, track.dropped, track.gaps) == (1, 1000.0, 2, ())
    assert (track.origin_us, track.end_us) == (START + 50, START + 10_050)
    assert taken.tracks == ()


def test_what_the_wire_lost_of_a_series_is_a_gap():
    (series,) = capture(stamps=STAMPS[2:], first_index=2, n=13).series
    assert series.track.stamps_us.tolist() == STAMPS[2:].tolist()
    assert series.track.gaps == (Gap(0, 2), Gap(8, 3))


def test_a_series_longer_than_the_ticks_is_placed_over_its_gap():
    """100 ms on ticks that wrap after 65 ms; 20 ms are lost in the middle."""
    index = np.delete(np.arange(100), np.s_[40:60])
    encoder = StreamEncoder()
    encoder.text("C", i=0, name="x:0", kind="ticks")
    truth = START + 50 + index * 1000
    encoder.stamps(0, truth[:40] % TICKS)
    encoder.stamps(0, truth[40:] % TICKS, first_index=60)
    encoder.text("T", i=0, n=100, dropped=0)
    end = (START + 100_050) % TICKS
    encoder.text("G", track="x:0", **{**SOUND, "end": end, "ms1": 107})
    encoder.text("E", us0=0, us1=100, ms0=0, ms1=0, status="ok")
    board = BoardIdentity("b", "p", "sim", "x", "x", "1.29", TICKS)
    taken = assemble(decode(encoder.data), board, CapturePlan("timer_hard", "idle", (), 100))
    (series,) = taken.series
    assert series.track.stamps_us.tolist() == truth.tolist()
    assert series.track.gaps == (Gap(40, 20),)


@pytest.mark.parametrize(
    ("fields", "more", "detail"),
    [
        ({"track": "timer/soft:1"}, {}, "no channel"),
        ({"track": "timer/hard"}, {}, "no channel"),
        ({}, {"kind": "value"}, "no channel"),
        ({"origin": TICKS}, {}, "origin=65536 is not between 0 and 65535"),
        ({"end": TICKS}, {}, "end=65536 is not between"),
        ({"ms0": -1}, {}, "ms0=-1 is not between"),
        ({"ms1": "x"}, {}, "ms1='x' is not an integer"),
        ({"offset": 1 << 41}, {}, "offset=.* is not between"),
        ({"offset": -(1 << 41)}, {}, "offset=.* is not between"),
        ({"period": 0}, {}, "period=0 is not between"),
        ({"period": (1 << 40) + 1}, {}, "period=.* is not between"),
        # 10 ms at one stamp in 1 ms, and 100 periods for luck: 110 * 100 are too many
        ({}, {"first_index": 11_001 - 10, "n": 11_001}, "11001 stamps, which can't be"),
        ({}, {"n": 10 + 11_001}, "which can't be"),
    ],
)
def test_a_series_that_can_not_be_is_left_out(fields, more, detail):
    taken = capture(fields, **more)
    assert taken.series == ()
    (fault,) = taken.faults
    assert fault.kind == "damaged"
    assert re.match(rf"the series '[^']*' is left out: .*{detail}", fault.detail)
    assert fault.offset > 0


@pytest.mark.parametrize("more", [{"first_index": 11_000 - 10}, {"n": 10 + 11_000}])
def test_a_series_may_have_lost_as_much_as_can_be(more):
    taken = capture({"ms1": 17}, **more)
    assert [fault.kind for fault in taken.faults] != ["damaged"]


def test_a_series_whose_clocks_disagree_is_lost_alone():
    """30 ms by one clock and 10 ms by the other: the capture itself stays sound."""
    taken = capture({"ms1": 37})
    assert taken.series == ()
    assert [fault.kind for fault in taken.faults] == ["missing"]
    assert "disagree" in taken.faults[0].detail


def test_a_series_that_is_there_twice_counts_once():
    taken = capture({}, {"period": 500})
    assert [series.track.period_us for series in taken.series] == [1000.0]
    assert [fault.kind for fault in taken.faults] == ["duplicate"]


def test_ticks_beyond_the_boards_period_are_no_stamps():
    encoder = StreamEncoder()
    encoder.text("C", i=4, name="x:0", kind="ticks")
    encoder.stamps(4, [5, TICKS])
    encoder.text("T", i=4, n=2, dropped=0)
    encoder.text("G", track="x:0", **{**SOUND, **END, "origin": 5, "end": 10_005})
    board = BoardIdentity("b", "p", "sim", "x", "x", "1.29", TICKS)
    taken = assemble(decode(encoder.data), board, CapturePlan("timer_hard", "idle", (), 100))
    assert taken.series == ()
    assert "no ticks of this board" in " ".join(fault.detail for fault in taken.faults)
