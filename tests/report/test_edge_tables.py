"""Board and pin side by side, on the page, in the terminal and in the job summary."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import replace

import pytest

from hil.model.results import (
    Agreement,
    CaseKey,
    EdgeComparison,
    Measurement,
    Results,
    WindowAlignment,
    case_key,
)
from hil.model.units import with_micro_sign
from hil.report.edge_tables import edge_sections, edge_summary, reference_sentences
from hil.report.exports.job_summary import job_summary
from hil.report.page.page import render_page
from hil.report.terminal.run_summary import terminal_summary
from hil.report.terminal.tables import folded

INSTRUMENT = "pico"
VALUE = 123_456.0
"""Of the pin only, so that it is found wherever it must not be."""
REASON = "the sync pattern fits at two places"
CLOCKS = "The host's clock is the odd one."


def _with_edges(
    results: Results, *, shift: float = 0.0, verdict: str = "aligned", instrument: str = INSTRUMENT
) -> Results:
    """The pin says what the board says, but for ``timer_hard`` ``shift`` more at p99."""

    def by_pin(figure: Measurement) -> Measurement:
        changed = figure.metric == "lateness_p99_us" and figure.technique == "timer_hard"
        more = shift if changed else 0.0
        lo, hi = (None if end is None else end + more for end in (figure.lo, figure.hi))
        return replace(figure, source=instrument, value=figure.value + more, lo=lo, hi=hi)

    own = results.measurements

    def agreements(case: CaseKey) -> Iterator[Agreement]:
        for figure in own:
            if case_key(figure) == case:
                value, change = figure.value, by_pin(figure).value - figure.value
                verdict = "disagree" if change else "agree"
                yield Agreement(
                    *(figure.task, figure.metric, figure.unit, value, value + change, change),
                    *(change - 1.0, change + 1.0, verdict, figure.method),
                )

    cases = dict.fromkeys(case_key(figure) for figure in own)
    return replace(
        results,
        measurements=(*own, *map(by_pin, own)),
        edges=tuple(
            EdgeComparison(
                *(*case, instrument, 12.5, -31.2, 1000, 2, 0.3, verdict),
                windows=(WindowAlignment(1, verdict, reason=REASON), WindowAlignment(2, "aligned")),
                agreements=tuple(agreements(case)),
                clocks=CLOCKS,
            )
            for case in cases
        ),
    )


@pytest.fixture
def plain(results_of, captures) -> Results:
    """A run of three techniques without an instrument."""
    wanted = ("timer_hard", "asyncio_sleep", "event_irq")
    return results_of([capture for capture in captures if capture.plan.technique in wanted])


def test_a_run_without_an_instrument_says_nothing_of_edges(plain):
    results = plain
    assert edge_sections(results) == []
    assert edge_summary([]) == ""
    page = render_page(results)
    assert "hil-edges" not in page
    assert "hil-pin" not in page
    assert "board and pin" not in terminal_summary(results)
    assert "The pin" not in job_summary(results)


def test_figures_that_agree_are_counted(plain):
    results = _with_edges(plain)
    sections = edge_sections(results)
    assert [section.case[1] for section in sections] == ["timer_hard", "event_irq", "asyncio_sleep"]
    assert all(not section.disagreeing for section in sections)
    compared = sum(section.compared for section in sections)
    assert compared == len([m for m in results.measurements if m.by_board])
    assert edge_summary(sections) == (
        f"The pin, as pico saw it: all {compared} figures agree with the board's."
    )


def test_figures_whose_bounds_do_not_meet_disagree_everywhere(plain, page_of):
    results = _with_edges(plain, shift=50_000.0)
    (first, *others) = edge_sections(results)
    assert [row.by_pin.metric for row in first.disagreeing] == ["lateness_p99_us"] * 2
    assert not any(section.disagreeing for section in others)
    page = page_of(render_page(results)).words
    terminal = " ".join(terminal_summary(results, width=80).split())
    summary = html.unescape(job_summary(results))
    for text in (page, terminal, summary):
        assert "2 of 38 figures disagree with the board's beyond both bounds" in text
    assert "board and pin disagree in 2 of 12 figures" in page
    assert "lateness p99, task 0: board" in summary
    assert "2 of 12" in terminal


def test_edges_that_were_refused_are_named(plain, page_of):
    results = _with_edges(plain, verdict="ambiguous")
    sections = edge_sections(results)
    assert all(section.refused for section in sections)
    assert "in 3 of 3 cases the edges could not be used" in edge_summary(sections)
    page = page_of(render_page(results)).words
    assert "edges not used: ambiguous" in page
    assert f"Window 1: the edges were not used: {REASON}" in page
    assert CLOCKS in page


def test_the_other_tables_hold_the_figures_of_the_board(plain, page_of):
    """A pin's figure that is far larger is no table's worst task."""
    results = _with_edges(plain, shift=VALUE * 1000)
    with_pin = page_of(render_page(results))
    head, _, _ = with_pin.words.partition("What the board says, what the pin says")
    assert "123 s" not in head
    plain = terminal_summary(plain, width=100)
    told = terminal_summary(results, width=100)
    assert told.startswith(plain[: plain.index("interrupt latency")])


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 132])
def test_no_line_is_wider_than_the_terminal(plain, width):
    for results in (
        _with_edges(plain),
        _with_edges(plain, shift=50_000.0),
        _with_edges(plain, verdict="no match"),
    ):
        text = terminal_summary(results, width=width)
        for line in text.splitlines():
            assert len(line) <= width or len(folded(line, 1)) == 1, line
        table = text[text.index("board and pin") :]
        assert "\N{HORIZONTAL ELLIPSIS}" not in table.partition("The pin,")[0]
        assert "board and pin" in text


def test_names_of_an_instrument_are_text_on_the_page(plain):
    results = _with_edges(plain, instrument="<b>evil</b>")
    assert "<b>evil" not in render_page(results)


def test_how_far_each_technique_is_from_the_chips_own_pwm(plain, page_of):
    results = _with_edges(plain)
    assert reference_sentences(results, edge_sections(results)) == []
    (jitter, *_) = [m for m in results.measurements if m.metric == "period_jitter_rms_us"]
    reference = replace(
        jitter, technique="pwm_irq", task=None, method="reference/pwm", source=INSTRUMENT, value=2.0
    )
    results = replace(results, measurements=(*results.measurements, reference))
    (sentence,) = reference_sentences(results, edge_sections(results))
    assert "the chip's own PWM have a jitter of 2.00 us (rms)" in sentence
    assert "nearest to it is timer_hard with" in sentence
    assert "times as much" in sentence
    assert with_micro_sign(sentence) in page_of(render_page(results)).words
    assert sentence in " ".join(terminal_summary(results).split())
    hidden = replace(reference, value=1e-9, lo=0.0, hi=0.5)
    below = replace(results, measurements=(*results.measurements, hidden))
    (sentence,) = reference_sentences(below, edge_sections(below))
    assert "a jitter of at most 0.5 us (rms)" in sentence
    assert "at least" in sentence
    none = replace(results, measurements=(*results.measurements, replace(reference, value=0.0)))
    (sentence,) = reference_sentences(none, edge_sections(none))
    assert "times as much" not in sentence
