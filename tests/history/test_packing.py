"""What is packed comes out as it went in, to the last bit; what is damaged is refused."""

from __future__ import annotations

import contextlib
import json
import lzma
import math
import random
import zlib
from dataclasses import replace

import pytest
import runs

from hil.history import number_packing
from hil.history.figure_packing import pack_figures, unpack_figures, unpack_set, worst_by_case
from hil.history.number_packing import expanded, pack_json, squeezed, unpack_json
from hil.history.stamp_sets import pack_stamp_sets, unpack_stamp_sets
from hil.model.errors import CaptureError
from hil.model.results import Measurement, UncertaintyPart

VALUES = (
    None,
    [],
    {},
    [0.0, -0.0, 0.001, -0.001, 0.1 + 0.2, 1e300, 5e-324, 2.0**40 - 0.001, 1, True, "0.0", None],
    [1.5] * 1000 + [2.5, 1.5],
    {"a": [{"b": [0.25, {"c": -0.0}]}], "é\u202e\x00": "\ud800"},
    [random.Random(1).gauss(0, 1e6) for _ in range(3000)],
)


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_json_comes_out_to_the_last_bit(value):
    assert repr(unpack_json(pack_json(value))) == repr(value)


def test_numbers_that_are_not_finite_are_kept():
    assert repr(unpack_json(pack_json([math.nan, math.inf, -math.inf]))) == "[nan, inf, -inf]"


def figure(**more) -> Measurement:
    facts = {
        **{"board": "b", "technique": "t", "load": "idle", "task": 0, "metric": "lateness_p99_us"},
        **{"unit": "us", "value": 1.25, "lo": None, "hi": 3.5, "n": 7},
    }
    return Measurement(**{**facts, **more})


FIGURES = (
    figure(),
    figure(task=None, method="loopback/hard", note="isr of the pin", source="saleae"),
    figure(metric="missed", unit="count", value=0.0, lo=0.0, hi=0.0, verdict="pass", budget=3.0),
    figure(no_bounds="too few samples", n_effective=11.5, where_us=1.0, reference="asked"),
    figure(windows=({"window": 1, "value": 2.5, "n": 3}, {"window": 2, "value": -0.0, "x": None})),
    figure(uncertainty=(UncertaintyPart("scatter", "A", us=0.1), UncertaintyPart("s", "B", ppm=2))),
    figure(metric="of tomorrow", unknown_keys={"new": {"deep": [1.5, None]}, "none": None}),
)


def test_every_key_of_every_figure_comes_out_equal():
    cases = [FIGURES, (), tuple(replace(m, technique="u", value=9.75) for m in FIGURES[::-1])]
    packed = pack_figures(cases)
    names = [("t", "idle"), ("empty", "idle"), ("u", "idle")]
    out = unpack_figures(packed.sets, packed.details, names, "b")
    assert [tuple(of_case) for of_case in out] == cases
    shown = [repr(m.unknown_keys) + repr(m.windows) for of_case in out for m in of_case]
    assert shown == [repr(m.unknown_keys) + repr(m.windows) for of_case in cases for m in of_case]


def test_more_figures_than_one_row_has_details_of(monkeypatch):
    monkeypatch.setattr("hil.history.figure_packing.MOST_DETAILS", 10)
    cases = [
        tuple(
            figure(task=n, metric=f"m{n % 3}_us", technique="t", value=float(n)) for n in range(33)
        )
    ]
    packed = pack_figures(cases)
    assert len(packed.details) == 4
    assert [
        tuple(c) for c in unpack_figures(packed.sets, packed.details, [("t", "idle")], "b")
    ] == (cases)


def test_a_figure_without_a_value_is_left_out():
    packed = pack_figures([(figure(value=math.nan), figure(lo=math.inf))])
    ((stored,),) = unpack_figures(packed.sets, packed.details, [("t", "idle")], "b")
    assert (stored.value, stored.lo) == (1.25, None)


def test_one_metric_is_read_without_the_others():
    packed = pack_figures([FIGURES])
    figures = list(unpack_set(packed.sets["lateness_p99_us"]))
    assert [(f.task, f.method, f.source) for f in figures[:2]] == [
        (0, None, "board"),
        (None, "loopback/hard, isr", "saleae"),
    ]
    slow = pack_figures([(figure(), figure(task=1, value=8.0)), (figure(value=2.0),)])
    assert dict(worst_by_case(slow.sets["lateness_p99_us"])) == {0: 8.0, 1: 2.0}


def test_stamps_come_out_equal():
    (board,) = runs.night(1, events=50).boards
    cases = [case.stamps for case in board.cases]
    packed = pack_stamp_sets(cases)
    assert [tuple(sets) for sets in unpack_stamp_sets(packed, len(cases))] == cases
    alone = sum(len(stamps.data) for sets in cases for stamps in sets)
    assert sum(map(len, packed)) < alone


def test_damaged_stamps_are_kept_as_they_came():
    (board,) = runs.night(1).boards
    damaged = replace(board.cases[0].stamps[0], data=b"damaged")
    newer = replace(board.cases[0].stamps[1], format=9)
    ((first, second),) = unpack_stamp_sets(pack_stamp_sets([(damaged, newer)]), 1)
    assert (first, second) == (damaged, newer)


def test_many_stamps_are_packed_in_parts(monkeypatch):
    monkeypatch.setattr("hil.history.stamp_sets._PART_BYTES", 2000)
    (board,) = runs.night(1).boards
    cases = [case.stamps for case in board.cases]
    packed = pack_stamp_sets(cases)
    assert len(packed) > 1
    assert [tuple(sets) for sets in unpack_stamp_sets(packed, len(cases))] == cases


def bomb(method: bytes) -> bytes:
    """Some kilobytes that would become more than is ever taken."""
    zeros = bytes(number_packing.MOST_BYTES + 1)
    if method == b"\x01":
        engine = zlib.compressobj(9, zlib.DEFLATED, -15)
        return method + engine.compress(zeros) + engine.flush()
    filters = number_packing._FILTERS
    return method + lzma.compress(zeros, lzma.FORMAT_RAW, filters=filters)


@pytest.mark.parametrize("method", [b"\x01", b"\x02"], ids=["deflate", "lzma"])
def test_what_would_become_too_long_is_refused(method):
    with pytest.raises(ValueError, match="too long or cut off"):
        expanded(bomb(method))


@pytest.mark.parametrize("seed", range(3))
def test_anything_else_is_refused_or_read(seed):
    chance = random.Random(seed)
    good = pack_figures([FIGURES])
    names = [("t", "i")]
    stamps = pack_stamp_sets([runs.night(1).boards[0].cases[0].stamps])
    blobs = [*good.sets.values(), *good.details, *stamps]
    for _ in range(150):
        data = bytearray(chance.choice(blobs))
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        packed = bytes(data[: chance.choice((len(data), chance.randrange(len(data))))])
        for read in (
            lambda p=packed: list(unpack_set(p)),
            lambda p=packed: unpack_figures(
                {"lateness_p99_us": p}, good.details, [("t", "i")], "b"
            ),
            lambda p=packed: unpack_figures(good.sets, [p], names, "b"),
            lambda p=packed: unpack_stamp_sets([p], 1),
        ):
            with contextlib.suppress(CaptureError, ValueError):  # nothing else is raised
                read()


@pytest.mark.parametrize(
    "value",
    [
        3,
        {},
        [[1, 2], *[[0]] * 10],
        [0] * 10,
        {"metrics": ["a"]},
        "text",
        [[0] * 200_001, *[0] * 10],
    ],
)
def test_json_that_is_no_set_is_refused(value):
    text = json.dumps(value).encode()
    packed = squeezed(len(text).to_bytes(4, "little") + text + bytes(4))
    with pytest.raises((CaptureError, ValueError)):
        list(unpack_set(packed))
    with pytest.raises((CaptureError, ValueError)):
        unpack_figures({}, [packed], [("t", "i")], "b")
