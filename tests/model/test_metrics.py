"""The table of metrics: complete in itself, and true of what the analyses give."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hil.experiments.evaluation import summarise_capture
from hil.model.metrics import (
    METRICS,
    find_metric,
    metric_or_unknown,
    metric_rank,
    percentile_metrics,
    table_columns,
)
from hil.recording.stored_run import CaptureStream

ROOT = Path(__file__).parents[2]
RUNS = sorted((ROOT / "tests" / "replay" / "runs").iterdir())
UNIT_ENDINGS = {"us": "_us", "s": "_s", "ppm": "_ppm", "hz": "_hz", "bytes": "_bytes"}
EACH_METRIC = pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)


@EACH_METRIC
def test_a_row_says_what_it_is_and_where_it_comes_from(metric):
    assert metric.description
    assert metric.formula
    assert metric.source
    assert metric.name.endswith(UNIT_ENDINGS.get(metric.unit, ""))


@EACH_METRIC
def test_budget_forms_fit_the_metric(metric):
    assert ("absolute" in metric.budget) == (metric.sense != "none")
    assert ("period" in metric.budget) == (metric.unit == "us" and metric.sense != "none")
    assert "share" not in metric.budget or metric.unit == "count"


@EACH_METRIC
def test_what_is_counted_is_exact(metric):
    assert metric.bounds != "exact" or metric.unit in ("count", "bytes")


def test_families_exist_for_every_averaging_time():
    for name, unit in (("adev_10ms", "1"), ("mtie_2p5s_us", "us"), ("tdev_100us_us", "us")):
        metric = find_metric(name)
        assert (metric.name, metric.unit) == (name, unit)
    assert find_metric("adev_ms") is None
    assert find_metric("tdev_10ms") is None


def test_an_unknown_metric_is_better_when_lower():
    unknown = metric_or_unknown("from_tomorrow", "s")
    assert (unknown.name, unknown.unit, unknown.sense) == ("from_tomorrow", "s", "lower")
    assert metric_rank("from_tomorrow") > max(map(metric_rank, METRICS))


def test_the_short_form_of_a_table_keeps_the_order_of_the_long_one():
    headings = [column.heading for _, column in table_columns("techniques")]
    brief = [column.heading for _, column in table_columns("techniques", brief=True)]
    assert brief == [heading for heading in headings if heading in brief]
    assert set(headings) - set(brief) == {"lateness max", "extra", "overruns"}
    assert headings[:3] == ["lateness p50", "lateness p99", "lateness max"]


@pytest.mark.parametrize(
    ("series", "stem"),
    [
        ("lateness", "lateness"),
        ("isr", "isr_latency"),
        ("defer", "defer_latency"),
        ("request", "request_latency"),
    ],
)
def test_a_series_has_its_three_percentiles(series, stem):
    shares = {name: percentile.share for name, percentile in percentile_metrics(series).items()}
    assert shares == {f"{stem}_p50_us": 0.5, f"{stem}_p99_us": 0.99, f"{stem}_p999_us": 0.999}


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_figures_have_the_bounds_that_the_table_promises(run):
    """``two-sided`` ones may be without, where they say why."""
    figures = [
        figure
        for capture in CaptureStream(run)
        for figure in summarise_capture(capture).measurements
    ]
    assert figures
    for figure in figures:
        bounds = find_metric(figure.metric).bounds
        ends = (figure.lo, figure.hi)
        if bounds == "exact":
            assert ends == (figure.value, figure.value), figure
        elif bounds == "none":
            assert ends == (None, None), figure
        elif bounds == "tolerance":
            assert None in ends, figure
        assert ends != (None, None) or figure.no_bounds, figure


def test_the_reference_lists_every_metric():
    """``docs/reference/metrics.md`` has the rows of the table and no other."""
    text = (ROOT / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    families = [find_metric(name) for name in ("adev_1s", "mtie_1s_us", "tdev_1s_us")]
    expected = [reference_row(metric) for metric in (*METRICS.values(), *families)]
    assert rows == [re.sub(r"_1s\b|_1s(?=_us)", "_TAU", row) for row in expected]


def reference_row(metric):
    """The row of a metric in the reference."""
    cells = (
        f"`{metric.name}`",
        metric.unit,
        metric.description,
        metric.formula.replace("|", "\\|"),
        metric.source,
        metric.bounds,
        metric.sense,
        ", ".join(sorted(metric.budget)) or "-",
    )
    return f"| {' | '.join(cells)} |"
