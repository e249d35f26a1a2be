"""Typed channels: families by their stored names, rows, and what can not be a channel."""

import numpy as np
import pytest

from hil.model.captures import HANDLER, OCCURRENCES, TASK, Channel


def test_one_of_a_family_has_its_parts():
    handler = HANDLER.of(method="loopback/hard")
    assert handler.stored == "isr.loopback/hard"
    assert HANDLER.parts(handler.stored) == {"method": "loopback/hard"}
    assert handler.parts("isr.loopback/soft") is None
    assert (handler.name, handler.unit, handler.kind) == (HANDLER.name, "us", "events")


@pytest.mark.parametrize("name", ["isr", "isr.", "xisr.a", "task", "defer.a"])
def test_other_names_belong_to_another_channel(name):
    assert HANDLER.parts(name) is None
    assert TASK.parts(name) is None


def test_a_part_may_hold_what_stands_between_parts():
    series = Channel("variant", "asyncio/{method}:{task}", "us", "activations")
    assert series.parts("asyncio/run/2:1/10:0") == {"method": "run/2:1/10", "task": "0"}


def test_signs_in_a_name_mean_themselves():
    channel = Channel("sum", "a+b.{x}", "1", "values")
    assert channel.parts("a+b.c") == {"x": "c"}
    assert channel.parts("aab.c") is None


def test_records_come_in_whole_rows():
    pairs = Channel("pairs", "pairs", "1", "records", ("a", "b"))
    np.testing.assert_array_equal(pairs.rows(np.arange(5)), [[0, 1], [2, 3]])
    assert pairs.rows(np.arange(1)).shape == (0, 2)


@pytest.mark.parametrize(
    ("stored", "kind", "columns"),
    [
        ("rows", "records", ()),
        ("numbers", "values", ("a",)),
        ("collections", "occurrences", ()),
        (OCCURRENCES.of(what="gc").stored, "values", ()),
    ],
)
def test_a_channel_that_can_not_be_told_on_the_wire_is_refused(stored, kind, columns):
    with pytest.raises(ValueError, match="channel odd"):
        Channel("odd", stored, "1", kind, columns)
