from __future__ import annotations

import re
from dataclasses import replace

import pytest

from hil.model.budgets import Budget, Budgets, judge_measurement
from hil.model.results import ErrorRecord, Results, Skip
from hil.model.techniques import TECHNIQUES
from hil.model.units import FormattedMeasurement, format_digits, format_measurement
from hil.report.result_tables import technique_rows
from hil.report.terminal.run_summary import terminal_summary


@pytest.mark.parametrize("width", [100, 80])
def test_fits_and_shows_every_technique(results: Results, width: int) -> None:
    text = terminal_summary(results, width=width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert "\x1b" not in text
    for row in technique_rows(results.measurements):
        (line,) = [line for line in text.splitlines() if line.split()[:1] == [row.technique]]
        assert format_measurement(row.cells["lateness_p99_us"]).value in line
        assert format_measurement(row.cells["schedule_drift_ppm"]).value in line
        assert line.rstrip().endswith("no limit")
    bounds = {
        format_measurement(row.cells["lateness_p99_us"]).bounds
        for row in technique_rows(results.measurements)
    }
    assert all(bound in text for bound in bounds)


def test_lists_failures_errors_and_skips_with_reasons(results: Results) -> None:
    first, *rest = results.measurements
    rules = Budgets((Budget(first.metric, "absolute", 1),))
    text = terminal_summary(replace(results, measurements=(judge_measurement(first, rules), *rest)))
    assert "out of budget (1)" in text
    assert "is over its budget of 1 us" in " ".join(text.split())
    assert "periodic_operator, idle, board sim: the agent raised an exception" in text
    assert "aioschedule-idle on sim: not part of this version yet" in text
    row = next(line for line in text.splitlines() if line.split()[:1] == [first.technique])
    assert row.endswith("fail")


@pytest.mark.parametrize(
    ("board", "line"), [("sim", "board sim: left out: a link"), ("-", "left out: a link")]
)
def test_an_error_of_no_case_names_none(results: Results, board: str, line: str) -> None:
    error = ErrorRecord(board, "-", "-", "left out: a link")
    text = terminal_summary(replace(results, errors=(error,)))
    assert line in [shown.strip() for shown in text.splitlines()]


def test_single_figures_without_a_value_take_one_line(results: Results) -> None:
    reason = "lateness_p999_us: p999 needs 2995 samples"
    skips = tuple(Skip("sim", name, "idle", reason) for name in TECHNIQUES)
    text = terminal_summary(replace(results, skipped=skips))
    assert "skipped (1)" in text
    needs = "not enough samples (p999 needs 2995; use --hil-duration-s)"
    assert f"{needs}: lateness_p999_us ({len(TECHNIQUES)})" in text


def test_a_percentile_that_is_missing_for_another_reason_is_not_called_too_few(
    results: Results,
) -> None:
    reason = "isr_latency_p50_us (loopback/hard): no event was answered"
    text = terminal_summary(replace(results, skipped=(Skip("sim", "event_irq", "idle", reason),)))
    assert "no figure, reasons in results.json: isr_latency_p50_us (1)" in text
    assert "not enough" not in text


def test_color_only_on_demand_and_control_characters_never(results: Results) -> None:
    hostile = replace(results.errors[0], error="\x1b[2Jgone\x07")
    plain = terminal_summary(replace(results, errors=(hostile,)))
    assert "\x1b" not in plain
    assert "\\x1b[2Jgone\\x07" in plain
    colored = terminal_summary(replace(results, errors=(hostile,)), color=True)
    assert "\x1b[2J" not in colored
    assert re.search(r"\x1b\[[0-9;]*m", colored)


def test_an_empty_run_still_says_something(results: Results) -> None:
    text = terminal_summary(replace(results, measurements=()))
    assert "errors (1)" in text


def test_a_row_takes_the_worst_task_and_no_interrupt_figures(results: Results) -> None:
    for row in technique_rows(results.measurements):
        row_measurements = [m for m in results.measurements if m.technique == row.technique]
        worst = max(m.value for m in row_measurements if m.metric == "lateness_p99_us")
        drift = max(abs(m.value) for m in row_measurements if m.metric == "schedule_drift_ppm")
        assert row.cells["lateness_p99_us"].value == worst
        assert abs(row.cells["schedule_drift_ppm"].value) == drift
        assert all(cell.method is None for cell in row.cells.values())


@pytest.mark.parametrize(
    ("value", "lo", "hi", "unit", "shown"),
    [
        (312.4, 290.2, 350.9, "us", FormattedMeasurement("312 us", "[290, 351]")),
        (12_345, 11_900, 13_000, "us", FormattedMeasurement("12.3 ms", "[11.9, 13.0]")),
        (2_500_000, None, None, "us", FormattedMeasurement("2.50 s")),
        (11_500, 11_400, 11_600, "ppm", FormattedMeasurement("1.15 %", "[1.14, 1.16]")),
        (0, 0, 0, "count", FormattedMeasurement("0")),
        (3, 1, 7, "count", FormattedMeasurement("3", "[1, 7]")),
        (5, 4, None, "us", FormattedMeasurement("5.00 us", ">= 4.00")),
        (90, 80, 1e9, "s", FormattedMeasurement("90.0 s", "[80.0, 1.00e+09]")),
        (0.42, 0.4, 0.44, "1", FormattedMeasurement("0.42", "[0.4, 0.44]")),
    ],
)
def test_numbers_for_people(results: Results, value, lo, hi, unit, shown) -> None:
    measurement = replace(results.measurements[0], value=value, lo=lo, hi=hi, unit=unit)
    assert format_measurement(measurement) == shown


def test_digits() -> None:
    assert [format_digits(x) for x in (0, 0.0123, 1, 9.999, 99.99, 123.4, 1e8)] == [
        *("0", "0.0123", "1.00", "10.0", "100", "123", "1.00e+08")
    ]
