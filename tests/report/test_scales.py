"""Axes: what is put somewhere is read back from there, and the ticks are where they say."""

import numpy as np
import pytest

from hil.report.scales import Scale, decades, linear, times

SCALES = {
    "linear": linear(-3.0, 17.0, "x", "us"),
    "log": decades(0.001, 100.0, "x"),
    "times": times(12.0, 70_000.0, "x"),
    "early": times(-5_000.0, 70_000.0, "x"),
    "tail": Scale("log", 1.0, 2000.0, "x", "tail"),
}


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_a_value_is_read_back_from_its_place(scale):
    values = np.array([scale.lo, scale.hi, (scale.lo + 9 * scale.hi) / 10])
    places = scale.place(values)
    assert places[:2] == pytest.approx([0.0, 1.0])
    assert scale.value(places) == pytest.approx(values)


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_ticks_lie_inside_in_order_and_say_something_else_each(scale):
    ticks = scale.ticks()
    assert 3 <= len(ticks) <= 10
    places = [place for place, _ in ticks]
    assert places == sorted(places)
    assert min(places) >= 0
    assert max(places) <= 1
    assert len({text for _, text in ticks}) == len(ticks)


@pytest.mark.parametrize(
    ("scale", "texts"),
    [
        (times(12.0, 70_000.0, "x"), ["10 us", "100 us", "1 ms", "10 ms"]),
        (times(-5_000.0, 70_000.0, "x"), ["-1 ms", "0", "100 us", "1 ms", "10 ms"]),
        (Scale("log", 1.0, 2000.0, "x", "tail"), ["0 %", "90 %", "99 %", "99.9 %"]),
        (Scale("log", 0.001, 1.0, "x", "share"), ["0.1 %", "1 %", "10 %", "100 %"]),
        (linear(0.0, 5.0, "x", "s"), ["0", "1", "2", "3", "4", "5"]),
        (linear(-20_000.0, 20_000.0, "x", "us"), ["-20 ms", "-10 ms", "0", "10 ms", "20 ms"]),
    ],
)
def test_ticks_are_written_as_people_write_them(scale, texts):
    assert [text for _, text in scale.ticks()] == texts


def test_no_extent_at_all_still_gives_an_axis():
    for scale in (linear(5.0, 5.0, "x"), decades(2.0, 2.0, "x"), times(0.0, 0.0, "x")):
        assert np.isfinite(scale.place(np.array([scale.lo, scale.hi]))).all()
        assert scale.ticks()
