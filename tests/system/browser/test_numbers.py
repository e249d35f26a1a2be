"""Every number on the page is the one in results.json, to the last digit and as it is written."""

from __future__ import annotations

from hil.model.units import format_measurement, with_micro_sign
from hil.recording.run_folder import read_results


def test_every_number_equals_results_json(view, report, in_page):
    page, _ = view(report.page)
    known = {}
    for measurement in read_results(report.json).measurements:
        task = "all" if measurement.task is None else str(measurement.task)
        known[
            measurement.board,
            measurement.technique,
            measurement.load,
            measurement.metric,
            measurement.method,
            task,
        ] = measurement
    numbers = page.evaluate(in_page("numbers"))
    assert len(numbers) > len(known)
    listed = set()
    for shown in numbers:
        measurement = known[tuple(shown["key"])]
        assert shown["value"] == measurement.value, shown
        assert shown["text"] == with_micro_sign(format_measurement(measurement).value), shown
        if shown["all"]:
            assert shown["bounds"] == format_measurement(measurement).bounds, shown
            listed.add(tuple(shown["key"]))
    assert listed == set(known)


def test_the_exact_value_is_told_on_hover(view, report):
    page, _ = view(report.page)
    cell = page.locator(".hil-compare [data-value]").first
    cell.hover()
    value = cell.get_attribute("data-value")
    assert cell.get_attribute("title") == f"exactly {value}"


def test_the_last_point_of_the_percentiles_is_the_largest_lateness(view, report):
    page, _ = view(report.page)
    case = page.locator('.hil-case[data-technique="timer_hard"][data-load="gc"]')
    case.locator("summary").first.click()
    figure = case.locator("figure", has_text="Lateness").first
    canvas = figure.locator(".hil-canvas")
    canvas.focus()
    said = []
    for _ in range(2):  # the last point of either task
        page.keyboard.press("ArrowLeft")
        said.append(figure.locator("output").inner_text())
    values = [float(text.rsplit(", ", 1)[1].split()[0]) for text in said]
    assert all(text.endswith(" ms") for text in said)
    largest = [
        measurement.value / 1000
        for measurement in report.results.measurements
        if (measurement.technique, measurement.load, measurement.metric)
        == ("timer_hard", "gc", "lateness_max_us")
        and measurement.board == "sim"
        and measurement.method is None
    ]
    for value, known in zip(sorted(values), sorted(largest), strict=True):
        assert abs(value / known - 1) < 0.01
