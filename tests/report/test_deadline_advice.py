"""Advice in plain words and the map of technique by load, from rows with known figures."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.model.metrics import find_metric
from hil.model.results import ErrorRecord, Measurement, Results, RunInfo
from hil.model.units import format_deadline
from hil.report.deadline_advice import (
    advise,
    answer_line,
    judge_techniques,
    limits_for_script,
)
from hil.report.deadline_limits import FLOOR, TELLING, Limit, drifts, hard_limit, soft_limit
from hil.report.headline import headline
from hil.report.page.page import render_page
from hil.report.result_tables import TechniqueRow, heat_maps, technique_rows


def row(
    technique="timer_hard",
    load="idle",
    p99=(500, 400, 600),
    worst=700.0,
    missed=0,
    drift=0.0,
    p50=(50, 40, 60),
    jitter=None,
):
    def figure(metric, value, lo=None, hi=None, unit="us", n=3000):
        return Measurement("b", technique, load, None, metric, unit, float(value), lo, hi, n)

    figures = [
        figure("lateness_max_us", worst),
        figure("period_mean_us", 10_000),
        figure("lateness_p50_us", *p50),
        figure("missed", missed, missed, missed, "count"),
        figure("dropped", 0, 0, 0, "count"),
        figure("schedule_drift_ppm", drift, drift - 1, drift + 1, "ppm"),
    ]
    if p99:
        figures.append(figure("lateness_p99_us", *p99))
    if jitter is not None:
        figures.append(figure("period_jitter_rms_us", jitter))
    return figures


def made(*groups):
    return technique_rows([measurement for group in groups for measurement in group])


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
    (technique_row,) = made(row(**more))
    limit = soft_limit(technique_row)
    assert limit.answer(deadline) == answer
    assert getattr(limit, answer)  # the reason


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
    (technique_row,) = made(row(**more))
    limit = hard_limit(technique_row)
    assert limit.answer(deadline) == answer
    assert getattr(limit, answer)


@pytest.mark.parametrize(
    ("drift", "jitter", "gone"),
    [(50.0, 100.0, True), (50.0, 1400.0, True), (50.0, 1600.0, False), (-50.0, 1600.0, False)],
)
def test_a_slope_that_stays_below_the_jitter_runs_nowhere(drift, jitter, gone):
    # 3000 activations of 10 ms at 50 ppm are 1500 us
    (technique_row,) = made(row(drift=drift, jitter=jitter))
    assert drifts(technique_row) is gone
    assert soft_limit(technique_row).answer(1e6) == ("no" if gone else "yes")


EARLY = {"p50": (-757, -760, -750), "p99": (-731, -740, -720), "worst": 38.0}


@pytest.mark.parametrize(
    ("deadline", "soft", "hard"),
    [(100, "no", "no"), (755, "open", "open"), (760, "yes", "yes"), (1000, "yes", "yes")],
)
def test_who_comes_early_by_more_than_the_deadline_does_not_hold_it(deadline, soft, hard):
    (technique_row,) = made(row(**EARLY))
    for limit, answer in ((soft_limit(technique_row), soft), (hard_limit(technique_row), hard)):
        assert limit.answer(deadline) == answer
        assert "half of the activations come 760 us early" in getattr(limit, answer)


def test_who_may_be_early_is_judged_by_what_is_late():
    (technique_row,) = made(row(p50=(-1, -3, 2), p99=(500, 400, 600)))
    assert soft_limit(technique_row) == soft_limit(*made(row(p50=(0, -3, 2), p99=(500, 400, 600))))
    (late,) = made(row(p50=(-20, -30, -10), p99=(500, 400, 600)))
    assert soft_limit(late).answer(600) == "yes"
    assert "early" not in soft_limit(late).yes


def test_who_comes_early_is_not_least_late():
    rows = made(
        row("asyncio_sleep", **EARLY), row("timer_hard"), row("timer_soft", p99=(900, 800, 990))
    )
    early = next(a for a in judge_techniques(rows, 1000, is_hard=True) if "early" in a.reason)
    assert (early.technique, early.answer) == ("asyncio_sleep", "yes")
    results = Results(RunInfo("r", "", 0.0, "quick", "0", "h", "sim"), (), (), (), ())
    assert headline(results, rows).advice.startswith("Least late at p99: timer_hard")


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("too few independent samples for an upper bound", "too little data to bound it, run with"),
        ("wanders like a random walk", "without bounds: wanders like a random walk"),
    ],
)
def test_a_percentile_without_an_upper_bound_says_why(reason, said):
    figures = row(p99=(500, None, None))
    figures[-1] = replace(figures[-1], no_bounds=reason)
    assert said in soft_limit(made(figures)[0]).open


def counted(**counts):
    """A row's figures with these counts; a pair of numbers is a count that is not certain."""
    figures = [figure for figure in row() if figure.metric not in counts]
    for metric, count in counts.items():
        low, high = count if isinstance(count, tuple) else (count, count)
        figures.append(
            Measurement("b", "timer_hard", "idle", None, metric, "count", low, low, high, 3000)
        )
    return figures


@pytest.mark.parametrize(
    ("counts", "soft", "hard"),
    [
        ({"missed": 1}, "yes", "no"),
        ({"missed": 40}, "no", "no"),
        ({"missed": (0, 3)}, "yes", "open"),
        ({"missed": (0, 3000)}, "open", "open"),
        ({"extra": 1}, "yes", "no"),
        ({"extra": 31}, "no", "no"),
        ({"extra": (0, 1500)}, "open", "open"),
        ({"dropped": 1}, "yes", "open"),
        ({"dropped": 4}, "open", "open"),
    ],
)
def test_missed_extra_and_lost_activations_count(counts, soft, hard):
    (technique_row,) = made(counted(**counts))
    for us in (1000.0, 1e12):
        assert soft_limit(technique_row).answer(us) == soft
        assert hard_limit(technique_row).answer(us) == hard
    assert getattr(soft_limit(technique_row), soft)
    assert getattr(hard_limit(technique_row), hard)


def test_who_is_out_of_a_budget_is_never_chosen():
    figures = [
        replace(figure, budget=10.0, verdict="fail")
        if figure.metric == "lateness_p50_us"
        else figure
        for figure in row()
    ]
    (technique_row,) = made(figures)
    for limit in (soft_limit(technique_row), hard_limit(technique_row)):
        assert limit.answer(1e12) == "no"
        assert limit.no == "is out of its budget: lateness_p50_us is 50.0 us, its limit 10.0 us"
    of_variant = [*row(), replace(figures[2], method="callback/global")]
    assert soft_limit(*made(of_variant)).answer(1000) == "yes"


@pytest.mark.parametrize("n", [1, FLOOR - 1])
def test_nothing_is_recommended_on_too_few_activations(n):
    figures = [replace(figure, n=n) for figure in row()]
    (technique_row,) = made(figures)
    for us in (1000.0, 1e12):
        for limit in (soft_limit(technique_row), hard_limit(technique_row)):
            assert limit.answer(us) == "open"
            assert f"needs {FLOOR} activations, there are {n}" in limit.open
    (advice,) = advise([technique_row])
    assert "choose" not in advice.soft + advice.hard
    assert advice.about.endswith(f"on fewer than {FLOOR} activations.")


def test_the_statement_on_the_worst_uses_the_effective_number_and_all_techniques():
    figures = [replace(figure, n_effective=600.0) for figure in row()]
    (technique_row,) = made(figures)
    # 1 - 0.05^(1/600) and 1 - (0.05/13)^(1/600)
    assert "worst of 3000 activations (worth 600 independent ones): 700 us late; with 95 % " in (
        hard_limit(technique_row).yes
    )
    assert "confidence fewer than 0.498 % are later" in hard_limit(technique_row).yes
    assert "confidence fewer than 0.922 % are later" in hard_limit(technique_row, 13).yes


@pytest.mark.parametrize(
    ("compared", "effective", "answer"),
    [(1, 298.0, "open"), (1, 299.0, "yes"), (13, 552.0, "open"), (13, 554.0, "yes")],
)
def test_the_worst_of_enough_bounds_the_percentile(compared, effective, answer):
    """Wilks: the largest of 299 lies above the 99th percentile; of 554 for thirteen together."""
    for known in ({"lateness_p99_us"}, {"lateness_max_us"}, {"lateness_p99_us", "lateness_max_us"}):
        figures = [
            replace(figure, n_effective=effective) if figure.metric in known else figure
            for figure in row(p99=(500, 400, None))
        ]
        (technique_row,) = made(figures)
        assert soft_limit(technique_row, compared).answer(700) == answer


def test_many_techniques_need_tighter_bounds():
    (technique_row,) = made(row())
    ends = [
        (soft_limit(technique_row, k).no_below_us, soft_limit(technique_row, k).yes_from_us)
        for k in (1, 2, 13)
    ]
    assert ends[0] == (400, 600)
    # 100 us times the ratio of the normal quantiles at 1 - 0.025/13 and at 0.975
    assert ends[2] == (pytest.approx(352.5, abs=0.5), pytest.approx(647.5, abs=0.5))
    assert ends[0][0] > ends[1][0] > ends[2][0]
    assert ends[0][1] < ends[1][1] < ends[2][1]


US = st.floats(-5e3, 5e4)
COUNT = st.integers(0, 400)


@st.composite
def any_rows(draw):
    """Rows of up to four techniques under up to two loads, with any figures or without them."""
    rows = []
    for technique in draw(st.lists(st.sampled_from(TECHNIQUE_NAMES), min_size=1, unique=True)):
        for load in ("idle", "gc")[: draw(st.integers(1, 2))]:
            n = draw(st.integers(1, 4000))
            effective = draw(st.none() | st.floats(0, 4000))
            cells = {}
            for metric in CELLS:
                if not draw(st.booleans()) and metric != "lateness_max_us":
                    continue
                unit = find_metric(metric).unit if find_metric(metric) else "count"
                if unit == "count":
                    value = float(draw(COUNT))
                    lo, hi = value, draw(st.just(value) | st.just(value + 50))
                else:
                    value = draw(US)
                    lo, hi = (draw(st.none() | st.floats(0, 9e3)) for _ in range(2))
                    lo, hi = (
                        (None if lo is None else value - lo),
                        (None if hi is None else value + hi),
                    )
                cells[metric] = Measurement(
                    *("b", technique, load, None, metric, unit, value, lo, hi, n),
                    n_effective=effective,
                )
            rows.append(TechniqueRow("b", technique, load, cells, "none"))
    return rows


CELLS = ("lateness_p50_us", "lateness_p99_us", "lateness_max_us", "missed", "extra", "dropped")
CELLS += ("schedule_drift_ppm",)
TECHNIQUE_NAMES = ("timer_hard", "timer_soft", "thread", "mine")
ORDER = ("no", "open", "yes")


@settings(max_examples=300, deadline=None)
@given(any_rows(), st.lists(st.floats(0.001, 1e12), min_size=2, max_size=5))
def test_hard_implies_soft_and_a_longer_deadline_is_no_harder_to_hold(rows, deadlines):
    last: dict[tuple[str, bool], int] = {}
    for us in sorted(deadlines):
        answers = {
            is_hard: {a.technique: a for a in judge_techniques(rows, us, is_hard=is_hard)}
            for is_hard in (False, True)
        }
        for technique, hard in answers[True].items():
            soft = answers[False][technique]
            if hard.answer == "yes":
                assert soft.answer == "yes"
            if soft.answer == "no":
                assert hard.answer == "no"
            for is_hard, answer in ((False, soft), (True, hard)):
                rank = ORDER.index(answer.answer)
                assert rank >= last.get((technique, is_hard), 0)
                last[technique, is_hard] = rank
                assert answer.reason
                counted = [
                    f.n
                    for row in rows
                    for name, f in row.cells.items()
                    if row.technique == technique and name in ("lateness_max_us", "lateness_p99_us")
                ]
                if min(counted) < FLOOR:
                    assert answer.answer != "yes"
        for held in answers.values():
            line = answer_line(list(held.values()))
            assert line.startswith("choose") == any(a.answer == "yes" for a in held.values())


def several_loads():
    return made(
        row(load="idle"),
        row(load="gc", p99=(4000, 3000, 5000), worst=9000.0),
        row("thread", "idle", drift=1000.0),
        row("thread", "gc", drift=1000.0),
        row("timer_soft", "idle"),
        row("timer_soft", "gc", worst=900.0),
    )


def test_a_technique_must_hold_under_every_load():
    rows = several_loads()
    assert any(map(drifts, rows))
    (advice,) = advise(rows)
    assert advice.about.startswith(
        "Measured under each of the loads idle and gc. 3 techniques are compared, so the bounds"
    )
    assert advice.soft.startswith("choose timer_soft: 99 of 100 come within 622 us")
    assert advice.hard.startswith("choose timer_soft: worst of 3000 activations: 900 us late")
    assert "not a guarantee" in advice.hard
    usual = {line.deadline: (line.soft, line.undecided, line.hard) for line in advice.usual}
    assert usual == {
        "100 us": ("none", "none", "none"),
        "1 ms": ("timer_soft", "none", "timer_soft"),
        "10 ms": ("timer_soft, timer_hard", "none", "timer_soft, timer_hard"),
        "100 ms": ("timer_soft, timer_hard", "none", "timer_soft, timer_hard"),
    }
    answers = {line.technique: (line.soft.answer, line.hard.answer) for line in advice.choices}
    assert answers == {
        "timer_soft": ("yes", "yes"),
        "timer_hard": ("no", "no"),
        "thread": ("no", "no"),
    }


def test_the_load_that_decides_is_named():
    held = {
        answer.technique: answer.reason
        for answer in judge_techniques(several_loads(), 1000.0, is_hard=False)
    }
    assert held["timer_hard"] == "p99 is 4000 us [3000, 5000] (load gc)"
    assert "past any deadline" in held["thread"]


def test_the_shortest_limit_comes_first_and_the_others_are_named():
    rows = made(
        row(p99=(500, 400, 900), worst=950.0),
        row("timer_soft", p99=(300, 200, 600)),
        row("thread", p99=(800, 750, 900), worst=950.0),
    )
    held = judge_techniques(rows, 2000.0, is_hard=False)
    assert [answer.technique for answer in held] == ["timer_soft", "thread", "timer_hard"]
    assert answer_line(held).endswith(
        "As good, as far as the bounds tell: timer_hard. Also: thread."
    )


def test_what_the_bounds_leave_open_is_said():
    held = judge_techniques(made(row(p99=(900, 500, 1500))), 1000.0, is_hard=False)
    assert answer_line(held) == (
        "nothing is certain; nearest is timer_hard: "
        "p99 is 900 us [500, 1500]: the bounds do not decide."
    )


def test_too_few_activations_are_said_with_what_was_seen():
    rows = made(row("timer_soft", p99=None, p50=(90, 80, 99)), row(p99=None, p50=(50, 40, 60)))
    held = judge_techniques(rows, 1000.0, is_hard=False)
    assert answer_line(held) == (
        "nothing is certain; nearest is timer_hard: an answer needs 299 "
        "activations, there are 3000, the latest came 700 us late: measure longer."
    )


def test_when_none_holds_the_nearest_is_named_if_there_is_one():
    held = judge_techniques(
        made(row(p99=(3000, 2000, 4000)), row("thread", drift=99.0)), 1000.0, is_hard=False
    )
    assert answer_line(held).startswith("none holds it; nearest is timer_hard: p99 is 3000 us")
    assert (
        answer_line(judge_techniques(made(row(drift=99.0)), 1e6, is_hard=False)) == "none holds it."
    )


def test_a_limit_answers_at_its_very_ends():
    limit = Limit(100.0, 200.0)
    assert [limit.answer(us) for us in (99.9, 100.0, 199.9, 200.0)] == ["no", "open", "open", "yes"]


def test_the_script_gets_the_same_limits_with_null_for_infinite():
    (limits,) = limits_for_script(made(row(drift=99.0)))
    assert limits["soft"][:2] == [None, None]
    (limits,) = limits_for_script(made(row()))
    assert limits["soft"][:2] == [400, 600]
    assert limits["hard"][:2] == [700.0, 700.0]
    assert (limits["board"], limits["technique"], limits["load"]) == ("b", "timer_hard", "idle")


@pytest.mark.parametrize(
    ("us", "text"),
    [
        *((0.5, "0.5 us"), (100, "100 us"), (999, "999 us"), (1000, "1 ms"), (12_345, "12.3 ms")),
        *((999_999.5, "1 s"), (2_500_000, "2.5 s"), (1234e6, "1230 s")),
    ],
)
def test_deadlines_are_written_as_people_do(us, text):
    assert format_deadline(us) == text


def test_the_map_is_warmer_where_it_is_later():
    rows = made(
        row(p99=(5, 1, 6)),
        row(load="cpu", p99=(500, 400, 600)),
        row(load="gc", p99=(12_000, 9_000, 15_000)),
        row("timer_soft", "cpu", p99=(5, 1, 6), missed=400),
        row("timer_soft", "gc", p99=None, worst=20.0),
    )
    (heat,) = heat_maps(rows)
    assert heat.loads == ["idle", "cpu", "gc"]
    soft_line, hard_line = heat.lines
    assert [cell.heat for cell in hard_line.cells] == [0, 2, 5]
    assert soft_line.cells[0] is None
    assert soft_line.cells[1].heat == 4
    assert (soft_line.cells[2].is_p99, soft_line.cells[2].late.value) == (False, 20.0)


def test_the_share_stands_beside_its_technique():
    share = Measurement("b", "timer_hard", "idle", None, "background_share", "1", 0.9, 0.8, 1.0, 6)
    (heat,) = heat_maps(made([*row(), share]))
    assert heat.lines[0].share == share


def test_the_page_has_both(results):
    group = [
        replace(measurement, board="sim")
        for measurement in row(load="cpu", p99=(12_000, 9_000, 15_000))
    ]
    page = render_page(replace(results, measurements=(*results.measurements, *group)))
    part = page[page.index('id="hil-deadline"') :]
    part = part[: part.index("</section>")]
    for text in ("Soft, <span", "Hard, <span", "The usual deadlines", "(load cpu)"):
        assert text in part
    part = page[page.index('aria-label="Technique by load"') :]
    part = part[: part.index("</section>")]
    assert "hil-heat-5" in part
    for text in ('data-load="idle">idle</th>', 'data-load="cpu">cpu</th>', "12.0 ms"):
        assert text in part


def test_how_many_are_later_is_not_said_where_windows_differ():
    few = [replace(figure, n_effective=TELLING - 1.0) for figure in row()]
    enough = [replace(figure, n_effective=float(TELLING)) for figure in row()]
    said, counted = hard_limit(*made(few)).yes, hard_limit(*made(enough)).yes
    assert said.startswith("worst of 3000 activations: 700 us late")
    assert said.endswith("how many are later can't be said")
    assert f"(worth {TELLING} independent ones)" in counted
    assert "confidence fewer than" in counted


def test_cases_without_a_valid_measurement_are_marked_and_named_beside_the_answer(results):
    errors = [
        ErrorRecord("b", "timer_hard", "gc", "stamps are missing", ""),
        ErrorRecord("b", "thread", "idle", "the agent raised an exception", ""),
        ErrorRecord("b", "thread", "gc", "the agent raised an exception", ""),
        ErrorRecord("other", "timer_soft", "gc", "stamps are missing", ""),
        ErrorRecord("b", "-", "-", "the run did not come to its end", ""),
    ]
    (advice,) = advise(made(row()), (), errors)
    assert advice.invalid == {"timer_hard": "load gc", "thread": "loads idle, gc"}
    assert [choice.invalid for choice in advice.choices] == ["load gc"]
    assert advice.unmeasured == [("thread", "loads idle, gc")]
    group = [replace(measurement, board="b") for measurement in row()]
    page = render_page(replace(results, measurements=tuple(group), errors=tuple(errors)))
    answer = page[page.index('id="hil-deadline"') :].partition("</section>")[0]
    assert "answer leaves them out: timer_hard (load gc); thread (loads idle, gc)." in answer
    assert '<small class="hil-fail">load gc: invalid</small>' in answer
    (sound,) = advise(made(row()))
    assert (sound.invalid, sound.invalid_line) == ({}, "")


def test_an_answer_names_a_few_and_counts_the_rest():
    group = [
        replace(measurement, technique=f"t{number}") for number in range(9) for measurement in row()
    ]
    (advice,) = advise(made(group))
    held = judge_techniques(made(group), 1e6, is_hard=False)
    assert [answer.answer for answer in held] == ["yes"] * 9
    assert answer_line(held).endswith("as far as the bounds tell: t1, t2, t3 and 5 more.")
    assert len(advice.choices) == 9
