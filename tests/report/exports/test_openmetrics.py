"""OpenMetrics, read by Prometheus' own client."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

import pytest

from hil.model.result_files import build_results
from hil.report.exports.openmetrics import family, openmetrics_text, scaled

from .conftest import HOSTILE, figure

parser = pytest.importorskip("prometheus_client.openmetrics.parser")

POWERS = {"us": -6, "ppm": -6, "s": 0, "1": 0, "hz": 0, "bytes": 0, "count": 0}


def samples(text: str) -> dict[tuple, float]:
    values = {}
    for metric_family in parser.text_string_to_metric_families(text):
        assert metric_family.type == "gauge"
        assert metric_family.name.endswith(metric_family.unit)
        for sample in metric_family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in values
            values[key] = sample.value
    return values


def test_every_figure_with_bounds_and_budget_is_there_once(results):
    exported = samples(openmetrics_text(results))
    wanted = {}
    for measurement in build_results(results)["measurements"]:
        labels = {key: measurement[key] for key in ("board", "technique", "load")}
        labels |= {} if measurement["task"] is None else {"task": str(measurement["task"])}
        labels |= {"method": measurement["method"]} if "method" in measurement else {}
        known = next(m for m in results.measurements if m.metric == measurement["metric"])
        for stat in ("value", "lo", "hi", "budget"):
            if measurement[stat] is not None:
                key = (family(known)[0], tuple(sorted({**labels, "stat": stat}.items())))
                exact = Decimal(repr(measurement[stat])).scaleb(POWERS[measurement["unit"]])
                wanted[key] = float(exact)
    figures = {key: value for key, value in exported.items() if dict(key[1]).get("stat")}
    assert figures == wanted
    assert any(HOSTILE in dict(key[1]).values() for key in figures)


def test_the_run_is_told(results):
    exported = samples(openmetrics_text(results))
    plain = {name: value for (name, labels), value in exported.items() if not labels}
    assert plain == {
        "hil_run_started_timestamp_seconds": 1_795_173_953.0,
        "hil_run_duration_seconds": 71.25,
        "hil_out_of_budget": 2.0,
        "hil_undecided": 0.0,
        "hil_errors": 2.0,
        "hil_missing_boards": 0.0,
    }
    (labels,) = [dict(labels) for (name, labels) in exported if name == "hil_run"]
    assert labels["id"] == results.run.id


@pytest.mark.parametrize(
    ("metric", "unit", "name"),
    [
        ("lateness_p99_us", "us", "hil_lateness_p99_seconds"),
        ("schedule_drift_ppm", "ppm", "hil_schedule_drift_ratio"),
        ("desync_s", "s", "hil_desync_seconds"),
        ("request_rate_hz", "hz", "hil_request_rate_hertz"),
        ("callback_bytes", "bytes", "hil_callback_bytes"),
        ("missed", "count", "hil_missed"),
        ("adev_2p5s", "1", "hil_adev_2p5s_ratio"),
        ('x{y="\n', "count", "hil_x_y__"),
    ],
)
def test_names_are_in_base_units(metric, unit, name):
    assert family(figure(metric, unit, 1.0))[0] == name.replace("x_y__", "x_y___")


def test_digits_are_moved_and_not_rounded():
    assert scaled(312.7, -6) == "0.0003127"
    assert float(scaled(0.1 + 0.2, -6)) == float(Decimal("0.30000000000000004e-6"))
    assert scaled(5.0, 0) == "5.0"


def test_a_figure_that_is_there_twice_is_there_under_two_names(results):
    twice = dataclasses.replace(results, measurements=(results.measurements[0],) * 2)
    numbers = [dict(labels).get("number") for _, labels in samples(openmetrics_text(twice))]
    assert numbers.count("2") == 4


def test_both_stages_of_an_event_have_their_missed_ones(results):
    """The interrupt and what it defers share the metric and the method; the stage is a label."""
    pair = tuple(
        figure("missed", "count", n, task=None, method="loopback/hard", note=f"{stage} events …")
        for stage, n in (("isr", 1.0), ("defer", 2.0))
    )
    exported = samples(openmetrics_text(dataclasses.replace(results, measurements=pair)))
    by_stage = {
        dict(labels)["stage"]: value
        for (name, labels), value in exported.items()
        if name == "hil_missed" and dict(labels)["stat"] == "value"
    }
    assert by_stage == {"isr": 1.0, "defer": 2.0}


def test_metrics_of_one_name_and_two_units_are_two_families(results):
    both = (figure("x_us", "us", 1.0), figure("x_us", "count", 2.0))
    text = openmetrics_text(dataclasses.replace(results, measurements=both))
    names = {key[0] for key in samples(text)}
    assert {"hil_x_seconds", "hil_x_us"} <= names
