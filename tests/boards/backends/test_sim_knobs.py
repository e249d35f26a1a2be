"""The text of the knobs, there and back."""

from __future__ import annotations

import pytest

from hil.boards.backends.sim_knobs import SimKnobs, format_sim_knobs, parse_sim_knobs
from hil.model.errors import ConfigurationError


def test_defaults():
    assert parse_sim_knobs("") == SimKnobs()
    assert format_sim_knobs(SimKnobs()) == ""


@pytest.mark.parametrize(
    "text",
    [
        "ppm=40,tick_bits=16",
        "ppm=-200.5,tick_us=30.5,jitter_us=50,latency_us=80,seed=7",
        "gc_ms=2,gc_every_ms=10.5",
        "step_us=-300000,step_every_ms=1000",
        "heap=256,timer=0,thread=0,asyncio=0,irq_hard=0,wires=1-2+3-4",
        "wires=none",
        "clock=virtual",
        "clock=virtual,ppm=40,stamp_us=13.5,entry_us=6,turn_us=0.25",
        "clock=virtual,read_us=2.25,pin_us=0,store_us=4",
    ],
)
def test_there_and_back(text):
    assert format_sim_knobs(parse_sim_knobs(text)) == text


def test_blanks_and_order_do_not_matter():
    assert parse_sim_knobs(" tick_bits = 20 , ppm=1 ") == SimKnobs(ppm=1.0, tick_bits=20)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("zebra=3", "unknown knob 'zebra'; known are clock, ppm, tick_bits"),
        ("ppm", "'ppm' needs a value"),
        ("ppm=fast", "ppm='fast' must be a number"),
        ("tick_bits=16.5", "must be a whole number"),
        ("tick_bits=8", "from 16 to 62"),
        ("ppm=nan", "from -1000 to 1000"),
        ("ppm=1,ppm=2", "twice"),
        ("gc_ms=5", "go together"),
        ("gc_ms=5,gc_every_ms=4", "longer"),
        ("step_us=5", "go together"),
        ("step_every_ms=100", "go together"),
        ("step_us=5,step_every_ms=0.5", "at least 1"),
        ("wires=4", "pairs of pins"),
        ("wires=4-4", "different pins"),
        ("wires=4-77", "different pins"),
        ("clock=host", "clock='host' must be real or virtual"),
        ("turn_us=2", "turn_us needs clock=virtual: in real time the host"),
        ("clock=real,read_us=2", "read_us needs clock=virtual"),
        ("stamp_us=13.5", "stamp_us needs clock=virtual"),
        ("clock=virtual,stamp_us=3,read_us=1", "stamp_us sets read_us too"),
        ("clock=virtual,store_us=1,stamp_us=3", "stamp_us sets store_us too"),
        ("clock=virtual,stamp_us=0", "stamp_us=0 must be from 0.03"),
        ("clock=virtual,turn_us=0", "turn_us=0 must be from 0.01"),
    ],
)
def test_bad_knobs_are_named(text, said):
    with pytest.raises(ConfigurationError, match=said):
        parse_sim_knobs(text)


def test_a_stamp_is_scaled_as_a_whole():
    """Reading, writing and storing keep their shares, and come to what the stamp takes."""
    assert SimKnobs().stamp_parts_us == (0.5, 0.5, 0.5)
    assert parse_sim_knobs("clock=virtual,stamp_us=13.5").stamp_parts_us == (4.5, 4.5, 4.5)
    own = SimKnobs(clock="virtual", read_us=1.0, pin_us=0.0, store_us=3.0)
    assert own.stamp_parts_us == (1.0, 0.0, 3.0)
    assert SimKnobs(stamp_us=8.0, read_us=1.0, pin_us=0.0, store_us=3.0).stamp_parts_us == (
        2.0,
        0.0,
        6.0,
    )


def test_virtual_time_is_asked_for():
    assert not parse_sim_knobs("").virtual
    assert not parse_sim_knobs("clock=real").virtual
    assert parse_sim_knobs("clock=virtual").virtual
