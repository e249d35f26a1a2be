"""The table of variants: every figure in its row, on the page and not among the techniques."""

from dataclasses import replace

from hil.model.metrics import table_columns
from hil.model.results import Measurement
from hil.model.techniques import describe_method
from hil.report.page.page import render_page
from hil.report.result_tables import technique_rows, variant_rows


def figure(method, metric, value, task=0, technique="timer_hard", **more):
    return Measurement(
        "sim", technique, "idle", task, metric, "us", value, value, value + 1, 300, method=method
    )


FIGURES = [
    figure("callback/closure", "lateness_p50_us", 11.5),
    figure("callback/closure", "callback_bytes", 0.0, task=None),
    figure("callback/bound_method", "lateness_p50_us", 21.5),
    figure("callback/bound_method", "lateness_p50_us", 22.5, task=1),
    figure("asyncio/run/2:1/10", "lateness_p50_us", 33.5, technique="asyncio_sleep"),
    figure("loopback/hard", "isr_latency_p50_us", 44.5),
]


def test_one_row_for_each_variant_and_task():
    rows = variant_rows(FIGURES)
    assert [(row.method, row.task) for row in rows] == [
        ("callback/bound_method", 0),
        ("callback/bound_method", 1),
        ("callback/closure", 0),
        ("asyncio/run/2:1/10", 0),
    ]
    assert set(rows[2].cells) == {"lateness_p50_us", "callback_bytes"}
    assert rows[2].n == 300


def test_variants_are_said_in_plain_words():
    assert (
        describe_method("critical/100us")
        == "main program keeps interrupts off for 100 us at a time"
    )
    assert describe_method("asyncio/run/7:11/50") == "run, two blinkers at 7:11, 50 busy companions"
    assert describe_method("callback/closure")


def test_the_page_has_the_table(results):
    page = render_page(replace(results, measurements=(*results.measurements, *FIGURES)))
    table = page[page.index('aria-label="Variants"') :]
    table = table[: table.index("</table>")]
    for text in ("callback/closure", "11.5 µs", "bound_method (1)", "22.5 µs", "33.5 µs"):
        assert text in table
    assert "loopback" not in table
    assert "Variants side by side" not in render_page(results)


def test_a_variant_is_no_figure_of_its_technique(results):
    (row,) = technique_rows([replace(FIGURES[0], method=None, value=5.0), *FIGURES[:4]])
    assert row.cells["lateness_p50_us"].value == 5.0


def test_what_a_stored_plan_outlives_stands_in_the_table_with_its_figures(results):
    resets = [
        replace(
            figure("survival/kill", metric, value, task=None, technique="aioschedule"), unit=unit
        )
        for metric, value, unit in (
            ("jobs_lost", 0.0, "count"),
            ("jobs_run_twice", 7.0, "count"),
            ("jobs_late", 3.0, "count"),
        )
    ]
    resets.append(
        figure("survival/deepsleep", "wake_error_us", 8642.0, task=None, technique="aioschedule")
    )
    (kill, sleep) = sorted(variant_rows(resets), key=lambda row: row.method, reverse=True)
    assert set(kill.cells) == {"jobs_lost", "jobs_run_twice", "jobs_late"}
    shown = {metric.name for metric, _ in table_columns("variants")}
    assert all(metric in shown for row in (kill, sleep) for metric in row.cells)
    assert "killed" in kill.about
    page = render_page(replace(results, measurements=(*results.measurements, *resets)))
    assert "survival/kill" in page
    assert "8642 µs" in page
