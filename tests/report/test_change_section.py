"""What changed since last time: worse first, reasons given, and clear words without a past."""

import math
from dataclasses import replace

import pytest

from hil.model.results import Change, Comparison
from hil.report.change_section import (
    by_relevance,
    change_lines,
    lead_sentence,
    make_change_section,
)
from hil.report.page.page import render_page
from hil.report.terminal.run_summary import terminal_summary


def change(trend, metric="lateness_p99_us", before=100.0, after=130.0, **more):
    known = {"board": "sim", "technique": "timer_soft", "load": "idle", "task": 0}
    known |= {"unit": "us", "lo": 10.0, "hi": 50.0, "runs": 5} | more
    return Change(metric=metric, before=before, after=after, trend=trend, **known)


COMPARISON = Comparison(
    "the run of yesterday",
    (
        change("same"),
        change("better", before=12_000.0, after=9_000.0, lo=-4_000.0, hi=-2_000.0),
        change("unclear", before=math.nan, lo=None, hi=None, note="no past run has this figure"),
        change("worse", technique="thread", load="gc"),
        change("worse", metric="missed", unit="count", before=0.0, after=3.0, lo=1.0, hi=None),
    ),
    ("thread, web on sim: only in this run",),
)


def part(page):
    text = page[page.index('id="hil-changed"') :]
    return text[: text.index("</section>")]


def test_worse_comes_first_and_the_unchanged_are_counted():
    view = make_change_section(COMPARISON)
    assert view.sentence == (
        "Against the run of yesterday: 2 worse, 1 better, 1 unchanged, 1 unclear; 1 not compared."
    )
    assert [row.figure for row in view.worse] == ["missed, task 0", "lateness_p99_us, task 0"]
    assert change_lines(view, 9)[1:3] == [
        "worse: timer_soft, idle, sim: missed, task 0 0 -> 3 (change +3 >= +1)",
        "worse: thread, gc, sim: lateness_p99_us, task 0 100 us -> 130 us "
        "(change +30.0 us [+10.0, +50.0])",
    ]


def test_a_change_is_written_in_the_unit_of_its_larger_side():
    (row,) = make_change_section(COMPARISON).better
    assert (row.before, row.after) == ("12.0 ms", "9.00 ms")
    assert row.difference == "-3.00 ms [-4.00, -2.00]"


def test_no_past_value_is_no_number():
    (row,) = make_change_section(COMPARISON).unclear
    assert (row.before, row.after, row.difference) == ("-", "130 us", "")
    assert row.note == "no past run has this figure"


def test_a_first_run_says_that_there_is_no_past_yet(results):
    first = Comparison("the last run", (), ("board sim: its first run",))
    text = part(render_page(results, (), first))
    assert "nothing could be compared" in text
    assert "<details open>" in text
    assert "board sim: its first run" in text
    assert change_lines(make_change_section(first), 9) == [
        "Against the last run: nothing could be compared.",
        "not compared: board sim: its first run",
    ]


def test_long_lists_are_cut_and_say_so():
    many = Comparison("x", tuple(change("worse", task=k) for k in range(9)), ("a", "b", "c"))
    lines = change_lines(make_change_section(many), 2)
    assert len(lines) == 1 + 2 + 1 + 2 + 1
    assert "and 7 more worse" in lines[3]
    assert "and 1 more not compared" in lines[6]


def test_the_page_and_the_terminal_have_it(results):
    text = part(render_page(results, (), COMPARISON))
    order = [text.index(word) for word in ("2 worse", "<caption>Worse", "<caption>Better")]
    assert order == sorted(order)
    for words in ("+30.0 µs [+10.0, +50.0]", "no past run has this figure", "only in this run"):
        assert words in text
    shown = terminal_summary(results, width=100, comparison=COMPARISON)
    assert "changed" in shown.splitlines()
    assert "worse: thread, gc, sim" in shown
    assert max(map(len, shown.splitlines())) <= 100


def test_without_a_past_the_page_says_how_to_get_one(results):
    page = render_page(results)
    assert "--hil-compare=last" in page
    assert 'id="hil-changed"' not in page
    assert "changed" not in terminal_summary(results).splitlines()


@pytest.mark.parametrize("trend", ["worse", "better", "unclear"])
def test_a_hostile_name_stays_text(results, trend):
    bad = "</script><img src=x onerror=alert(1)>\x1b[2J"
    hostile_change = change(trend, technique=bad, board=bad, note=bad, method=bad)
    comparison = Comparison(bad, (hostile_change,), (bad,))
    assert "<img" not in part(render_page(results, (), comparison))
    assert "\x1b" not in terminal_summary(results, comparison=comparison)


def test_the_lead_says_what_changed_most_and_by_how_much():
    view = make_change_section(COMPARISON)
    assert lead_sentence(view) == (
        "B is worse in 2 of 5 figures, most in missed, task 0 of timer_soft, idle, sim: 0, now 3 "
        "(change +3 >= +1); better in 1."
    )
    calm = make_change_section(replace(COMPARISON, changes=COMPARISON.changes[:1]))
    assert lead_sentence(calm) == "No change was found: 1 of 1 figures are as before."
    better = make_change_section(replace(COMPARISON, changes=COMPARISON.changes[:2]))
    assert lead_sentence(better).startswith("B is better in 1 of 2 figures, most in lateness_p99")
    nothing = make_change_section(replace(COMPARISON, changes=()))
    assert lead_sentence(nothing) == "Nothing could be compared."


def test_a_change_is_relevant_beside_what_could_have_been_told():
    small = change("worse", before=10_000.0, after=10_500.0, detectable=1_000.0)
    large = change("worse", before=10.0, after=20.0, detectable=1.0)
    view = make_change_section(replace(COMPARISON, changes=(small, large)))
    assert [row.change for row in by_relevance(view.worse)] == [large, small]
