"""Typed records to and from JSON: each kind of annotation, and each mistake with its place."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pytest

from hil.model.codec import (
    ABSENT,
    REQUIRED,
    StoredRecord,
    check_plain,
    read_record,
    stored_as,
    write_record,
)
from hil.model.errors import CaptureError
from hil.model.schema import parse_json


@dataclass(frozen=True, slots=True)
class Leg(StoredRecord):
    length_mm: float
    name: str = ""


@dataclass(frozen=True, slots=True)
class Table(StoredRecord):
    legs: tuple[Leg, ...]
    wood: Literal["oak", "pine"]
    count: int = field(metadata=stored_as("n"))
    age_s: float | None = None
    round_: bool = False
    options: Mapping[str, int | str] = field(default_factory=dict)
    rest: Any = field(default=None, metadata=ABSENT)
    tags: tuple[str, ...] = field(default=(), metadata=REQUIRED)


LEGS = (Leg(700.0, "a"), Leg(700.5))
WHOLE = Table(LEGS, "oak", 2, 3.0, True, {"x": 1}, [1, {"y": None}], ("t",))


def item(**changes: Any) -> dict[str, Any]:
    return {"legs": [{"length_mm": 700}], "wood": "oak", "n": 1, "tags": [], **changes}


def refusal(value: Any) -> str:
    with pytest.raises(CaptureError) as caught:
        read_record(Table, value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_record_is_the_same_after_json():
    text = json.dumps(write_record(WHOLE), allow_nan=False)
    assert read_record(Table, json.loads(text)) == WHOLE
    assert json.loads(text)["n"] == 2


def test_missing_keys_take_the_default():
    assert read_record(Table, item()) == Table((Leg(700.0),), "oak", 1)


def test_a_whole_number_stands_for_a_float():
    (leg,) = read_record(Table, item()).legs
    assert type(leg.length_mm) is float


def test_what_nothing_fills_is_absent_where_the_field_says_so():
    written = write_record(Table((), "pine", 0))
    assert "rest" not in written
    assert written["age_s"] is None


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ([], "top level: not an object"),
        ({}, "top level: no 'legs'"),
        (item(tags=None), "tags: not a list but NoneType"),
        ({k: v for k, v in item().items() if k != "tags"}, "top level: no 'tags'"),
        (item(legs={}), "legs: not a list but dict"),
        (item(legs=[{"length_mm": 1}, 3]), "legs[1]: not an object"),
        (item(legs=[{}]), "legs[0]: no 'length_mm'"),
        (item(legs=[{"length_mm": "1"}]), "legs[0].length_mm: not a number but str"),
        (item(legs=[{"length_mm": True}]), "legs[0].length_mm: not a number but bool"),
        (item(legs=[{"length_mm": math.inf}]), "legs[0].length_mm: not a finite number"),
        (item(legs=[{"length_mm": 10**400}]), "legs[0].length_mm: not a finite number"),
        (item(wood="elm"), "wood: 'elm' is none of oak, pine"),
        (item(wood=1), "wood: not text but int"),
        (item(n=1.0), "n: not a whole number but float"),
        (item(n=None), "n: not a whole number but NoneType"),
        (item(age_s="x"), "age_s: not a number but str"),
        (item(round_=1), "round_: not true or false but int"),
        (item(options=[]), "options: not an object"),
        (item(options={"a b": 1.5}), "options['a b']: not a whole number or text but float"),
        (item(options={"a\nb": True}), r"options['a\nb']: not a whole number or text but bool"),
        (item(rest=[[math.nan]]), "rest[0][0]: not a finite number"),
        (item(later={"x": [math.inf]}), "later.x[0]: not a finite number"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_mistake_is_one_line_with_its_place(value, line):
    assert refusal(value) == line


def test_unknown_keys_are_kept_at_every_level():
    told = item(later=1, legs=[{"length_mm": 7.0, "name": "", "x": [None, {"y": 2.5}]}])
    record = read_record(Table, told)
    assert record.unknown_keys == {"later": 1}
    written = write_record(record)
    assert {key: written[key] for key in told} == told


def test_an_unknown_key_never_takes_the_place_of_a_field():
    written = write_record(Table((), "pine", 1, unknown_keys={"n": 7, "rest": 8, "more": 9}))
    assert (written["n"], "rest" in written, written["more"]) == (1, False, 9)


def test_records_with_unknown_keys_are_hashable():
    extended, plain = Leg(1.0, unknown_keys={"x": []}), Leg(1.0)
    assert hash(extended) == hash(plain)
    assert extended != plain


def test_nesting_that_could_not_be_written_again_is_refused():
    deep = parse_json("[" * 60 + "]" * 60)
    assert "nested too deeply" in refusal(item(later=deep))
    shallow = parse_json("[" * 45 + "]" * 45)
    json.dumps(write_record(read_record(Table, item(later=shallow))), indent=1)


def test_an_optional_number_that_is_not_finite_is_null_and_another_one_an_error():
    assert write_record(Table((), "oak", 1, math.nan))["age_s"] is None
    with pytest.raises(ValueError, match="no form in JSON"):
        write_record(Leg(math.inf))


def test_numbers_of_numpy_are_written_as_plain_ones():
    written = write_record(Table((Leg(np.float64(1.5)),), "oak", np.int64(3), np.float32(2.0)))
    assert json.loads(json.dumps(written)) == write_record(Table((Leg(1.5),), "oak", 3, 2.0))
    with pytest.raises(TypeError):
        write_record(Table((), "oak", 1.5))  # type: ignore[arg-type]


def test_an_annotation_without_a_form_in_json_is_refused():
    @dataclass(frozen=True, slots=True)
    class Odd(StoredRecord):
        value: set = field(default_factory=set)

    with pytest.raises(TypeError, match="no form in JSON"):
        read_record(Odd, {})


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"x": -Infinity}'])
def test_constants_that_are_no_json_are_refused(text):
    with pytest.raises(CaptureError, match="is not a number that may stand here"):
        parse_json(text)


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"1" * 5000])
def test_what_is_not_json_is_one_line(raw):
    with pytest.raises(CaptureError, match="not valid JSON") as caught:
        parse_json(raw)
    assert "\n" not in str(caught.value)


def test_limits_hold_at_every_depth_and_for_keys():
    check_plain({"a": ["x" * 5, 2**7 - 1]}, longest_text=5, bits=7)
    for value, line in (
        ({"a": ["x" * 6]}, "a[0]: too long"),
        ({"x" * 6: 1}, "xxxxxx: too long"),
        ({"a": -(2**7)}, "a: out of range"),
        ([True, 2**7], "[1]: out of range"),
    ):
        with pytest.raises(CaptureError) as caught:
            check_plain(value, longest_text=5, bits=7)
        assert str(caught.value) == line
