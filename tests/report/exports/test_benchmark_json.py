"""Bencher's metric format and github-action-benchmark's list, against schemas of our own words."""

from __future__ import annotations

import dataclasses
import json

import pytest

from hil.model.metrics import find_metric
from hil.report.exports.benchmark_json import (
    BIGGER,
    SMALLER,
    action_json,
    bencher_json,
)
from hil.report.exports.figure_keys import NamedFigure

from .conftest import figure

NUMBER = {"type": "number"}
BMF = {  # benchmark -> measure -> value with optional bounds
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"minLength": 1, "maxLength": 64},
        "additionalProperties": {
            "type": "object",
            "properties": {"value": NUMBER, "lower_value": NUMBER, "upper_value": NUMBER},
            "required": ["value"],
            "additionalProperties": False,
        },
    },
}
TEXT = {"type": "string", "minLength": 1}
ACTION = {  # a list of named values, each with a unit, and what is shown beside
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"name": TEXT, "unit": TEXT, "value": NUMBER, "range": TEXT, "extra": TEXT},
        "required": ["name", "unit", "value"],
        "additionalProperties": False,
    },
}


def checked(text: str, schema: dict):
    document = json.loads(text, parse_constant=lambda word: pytest.fail(word))
    check(document, schema, "top")
    return document


def check(value, schema: dict, where: str) -> None:
    """The few words of JSON Schema that the two above use."""
    kinds = {"object": dict, "array": list, "string": str, "number": int | float}
    assert isinstance(value, kinds[schema["type"]]), where
    assert not isinstance(value, bool), where
    if schema["type"] == "object":
        assert not set(schema.get("required", ())) - set(value), where
        assert len(value) >= schema.get("minProperties", 0), where
        for key, item in value.items():
            names = schema.get("propertyNames", {})
            assert names.get("minLength", 0) <= len(key) <= names.get("maxLength", 10_000), key
            rule = schema.get("properties", {}).get(key, schema["additionalProperties"])
            assert rule, f"{where}: {key}"
            check(item, rule, f"{where}.{key}")
    elif schema["type"] == "array":
        for index, item in enumerate(value):
            check(item, schema["items"], f"{where}[{index}]")
    elif schema["type"] == "string":
        assert len(value) >= schema.get("minLength", 0), where
        assert value.encode("utf-8"), where


def test_bencher_has_every_figure_exactly(results):
    document = checked(bencher_json(results), BMF)
    values = {
        (name, metric): (measure["value"], measure.get("lower_value"), measure.get("upper_value"))
        for name, measures in document.items()
        for metric, measure in measures.items()
    }
    assert values == {
        (NamedFigure(measurement).benchmark, measurement.metric): (
            measurement.value,
            measurement.lo,
            measurement.hi,
        )
        for measurement in results.measurements
    }
    assert "sim/timer_soft/idle/task1" in document
    assert "sim/timer_soft/idle/callback/closure/task0" in document


def test_the_action_gets_each_figure_on_the_side_that_is_better(results):
    parts = {}
    for senses in (SMALLER, BIGGER):
        text, count = action_json(results, senses)
        entries = checked(text, ACTION)
        assert len(entries) == count
        parts[senses] = {entry["name"]: entry["value"] for entry in entries}
    smaller, bigger = parts[SMALLER], parts[BIGGER]
    for measurement in results.measurements:
        name = f"{NamedFigure(measurement).benchmark} {measurement.metric}"
        sense = find_metric(measurement.metric).sense
        side = {"lower": smaller, "magnitude": smaller, "higher": bigger}.get(sense, {})
        value = abs(measurement.value) if sense == "magnitude" else measurement.value
        assert side.get(name) == (value if sense != "none" else None), name
        assert (name in smaller) + (name in bigger) == (sense != "none")
    assert {name.rpartition(" ")[2] for name in bigger} == {"background_share", "desync_s"}


def test_budget_bounds_and_note_are_shown_beside(results):
    entries = json.loads(action_json(results, SMALLER)[0])
    worst = next(entry for entry in entries if entry["name"].endswith("lateness_max_us"))
    assert worst["range"] == "[4500000000.0, ?]"
    assert "budget 4000000000.0: fail" in worst["extra"]


def test_two_figures_of_one_name_are_both_there(results):
    first = results.measurements[0]
    twice = (first, dataclasses.replace(first, value=5.0), first)
    document = checked(bencher_json(dataclasses.replace(results, measurements=twice)), BMF)
    values = {name: measures[first.metric]["value"] for name, measures in document.items()}
    stem = "sim/timer_soft/idle/task0"
    assert values == {stem: first.value, f"{stem}/number 2": 5.0, f"{stem}/number 3": first.value}


def test_names_that_are_joined_to_the_same_stay_apart(results):
    pair = (
        figure("missed", "count", 1.0, technique="a/b", load="c", task=None),
        figure("missed", "count", 2.0, technique="a", load="b/c", task=None),
    )
    document = checked(bencher_json(dataclasses.replace(results, measurements=pair)), BMF)
    assert sorted(measures["missed"]["value"] for measures in document.values()) == [1.0, 2.0]
