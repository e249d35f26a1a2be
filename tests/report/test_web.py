"""The table of the load web: its rows, their order, and their place on the page."""

from dataclasses import replace

from hil.model.results import Measurement, Results, RunInfo
from hil.report.page.page import render_page
from hil.report.result_tables import web_rows

RATE = Measurement(
    *("sim", "timer_soft", "web", None, "request_rate_hz", "hz", 10.0, None, None, 50),
    method="web/loop/10",
)


def rows():
    return [
        replace(RATE, method="web/asyncio/max", value=3000.0),
        replace(RATE, method="web/loop/max", value=4000.0),
        replace(RATE, method="web/loop/50", value=50.0),
        RATE,
        replace(RATE, metric="lateness_max_us", unit="us", task=0, value=70.0),
        replace(RATE, metric="lateness_max_us", unit="us", task=1, value=90.0),
        replace(RATE, method="web/other/10"),
        replace(RATE, method="loopback/hard"),
        replace(RATE, method=None),
    ]


def test_rows_by_server_and_rising_rate_with_the_worst_task():
    shown_rows = web_rows(rows())
    assert [(row.server, row.rate) for row in shown_rows] == [
        ("a loop with sockets", "10/s"),
        ("a loop with sockets", "50/s"),
        ("a loop with sockets", "as fast as it answers"),
        ("asyncio", "as fast as it answers"),
    ]
    assert shown_rows[0].cells["lateness_max_us"].value == 90.0
    assert web_rows([RATE, replace(RATE, method=None)])[0].where == "timer_soft, sim"


def test_the_page_has_the_table_only_with_such_rows():
    run = RunInfo("x", "2026-01-01T00:00:00Z", 1.0, "quick", "0", "host", "sim")
    page = render_page(Results(run, measurements=tuple(rows())))
    assert "Beside a web server" in page
    assert "as fast as it answers" in page
    assert "Beside a web server" not in render_page(Results(run))
