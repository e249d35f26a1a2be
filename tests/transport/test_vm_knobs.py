"""The text of the knobs, there and back."""

from __future__ import annotations

import pytest

from hil.boards.sim import SimKnobs, format_sim_knobs, parse_sim_knobs
from hil.errors import ConfigurationError


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
    ],
)
def test_there_and_back(text):
    assert format_sim_knobs(parse_sim_knobs(text)) == text


def test_blanks_and_order_do_not_matter():
    assert parse_sim_knobs(" tick_bits = 20 , ppm=1 ") == SimKnobs(ppm=1.0, tick_bits=20)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("speed=3", "unknown knob 'speed'.*known are ppm, tick_bits"),
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
    ],
)
def test_bad_knobs_are_named(text, said):
    with pytest.raises(ConfigurationError, match=said):
        parse_sim_knobs(text)
