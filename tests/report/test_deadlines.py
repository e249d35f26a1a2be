"""Advice in plain words and the map of technique by load, from rows with known figures."""

from dataclasses import replace

import pytest

from hil.records import Measurement
from hil.report.advice import advise, drifts, hard, soft
from hil.report.heatmap import heat_maps
from hil.report.html import render_page
from hil.report.rows import make_rows


def row(
    technique="timer_hard",
    load="idle",
    p99=(500, 400, 600),
    worst=700.0,
    missed=0,
    drift=0.0,
    p50=(50, 40, 60),
):
    def one(metric, value, lo=None, hi=None, unit="us", n=3000):
        return Measurement("b", technique, load, None, metric, unit, float(value), lo, hi, n)

    figures = [
        one("lateness_max_us", worst),
        one("period_mean_us", 10_000),
        one("lateness_p50_us", *p50),
        one("missed", missed, missed, missed, "count"),
        one("dropped", 0, 0, 0, "count"),
        one("schedule_drift_ppm", drift, drift - 1, drift + 1, "ppm"),
    ]
    if p99:
        figures.append(one("lateness_p99_us", *p99))
    return figures


def made(*groups):
    return make_rows([one for group in groups for one in group])


@pytest.mark.parametrize(
    ("more", "deadline", "answer"),
    [
        ({}, 1000, "yes"),
        ({}, 600, "yes"),
        ({}, 500, "open"),
        ({}, 399, "no"),
        ({"p99": None}, 1000, "open"),
        ({"p99": None, "p50": (50, 40, 60)}, 39, "no"),
        ({"p99": None, "p50": (50, 40, 60)}, 41, "open"),
        ({"p99": (500, None, None)}, 1000, "open"),
        ({"p99": (500, None, None)}, 400, "no"),
        ({"missed": 31}, 1000, "no"),
        ({"missed": 30}, 1000, "yes"),
        ({"drift": 50.0}, 10_000, "no"),
        ({"drift": -50.0}, 10_000, "no"),
        ({"drift": 9.0}, 1000, "yes"),
    ],
)
def test_soft_goes_by_the_bounds(more, deadline, answer):
    (one,) = made(row(**more))
    assert soft(one, deadline) == answer


@pytest.mark.parametrize(
    ("more", "deadline", "answer"),
    [
        ({}, 700, "yes"),
        ({}, 699, "no"),
        ({"missed": 1}, 10_000, "no"),
        ({"drift": 50.0}, 10_000, "no"),
    ],
)
def test_hard_goes_by_the_worst_that_was_seen(more, deadline, answer):
    (one,) = made(row(**more))
    assert hard(one, deadline) == answer


def test_a_technique_must_hold_under_every_load():
    rows = made(
        row(load="idle"),
        row(load="gc", p99=(4000, 3000, 5000), worst=9000.0),
        row("thread", "idle", drift=1000.0),
        row("thread", "gc", drift=1000.0),
        row("timer_soft", "idle"),
        row("timer_soft", "gc", worst=900.0),
    )
    (advice,) = advise(rows)
    assert advice.about == "Measured under each of the loads idle and gc."
    text = advice.sentences
    assert text[0] == "Soft real time, 100 us: none."
    assert text[1] == "Soft real time, 1 ms: timer_soft."
    assert text[2] == "Soft real time, 10 ms: timer_soft and timer_hard."
    assert text[3] == "Hard real time, 100 us: none."
    assert text[4].startswith("Hard real time, 1 ms: timer_soft (none later in 3000 activations")
    assert "no proof" in text[4]
    assert text[6].startswith("thread drifts away from the grid")
    assert drifts(rows[-1]) or drifts(rows[2])


def test_what_the_bounds_leave_open_is_said():
    (advice,) = advise(made(row(p99=(900, 500, 1500))))
    assert advice.sentences[1] == (
        "Soft real time, 1 ms: nothing certain; not decided for timer_hard."
    )


def test_the_map_is_warmer_where_it_is_later():
    rows = made(
        row(p99=(5, 1, 6)),
        row(load="cpu", p99=(500, 400, 600)),
        row(load="gc", p99=(12_000, 9_000, 15_000)),
        row("timer_soft", "cpu", p99=(5, 1, 6), missed=400),
        row("timer_soft", "gc", p99=None, worst=20.0),
    )
    (one,) = heat_maps(rows)
    assert one.loads == ["idle", "cpu", "gc"]
    soft_line, hard_line = one.lines
    assert [cell.heat for cell in hard_line.cells] == [0, 2, 5]
    assert soft_line.cells[0] is None
    assert soft_line.cells[1].heat == 4
    assert (soft_line.cells[2].is_p99, soft_line.cells[2].late.value) == (False, 20.0)


def test_the_share_stands_beside_its_technique():
    share = Measurement("b", "timer_hard", "idle", None, "background_share", "1", 0.9, 0.8, 1.0, 6)
    (one,) = heat_maps(made([*row(), share]))
    assert one.lines[0].share == share


def test_the_page_has_both(results):
    group = [replace(one, board="sim") for one in row(load="cpu", p99=(12_000, 9_000, 15_000))]
    page = render_page(replace(results, measurements=(*results.measurements, *group)))
    part = page[page.index('aria-label="Deadlines"') :]
    part = part[: part.index("</section>")]
    assert "Soft real time, 1 ms:" in part
    assert "Hard real time, 1 ms:" in part
    assert "hil-heat-5" in part
    for text in ('<th scope="col">idle</th>', '<th scope="col">cpu</th>', "12.0 ms"):
        assert text in part
