"""What is said of a user's own program, in the terminal and on the page."""

from dataclasses import replace

import pytest

from hil.model.results import FIRST_ACTIVATION, Notice, Results
from hil.model.units import format_measurement
from hil.report.deadline_advice import advise
from hil.report.exports.job_summary import job_summary
from hil.report.page.page import render_page
from hil.report.program_notices import UNSEEN_DELAY, notice_lines
from hil.report.result_tables import technique_rows
from hil.report.terminal.run_summary import terminal_summary


@pytest.fixture
def own(results: Results) -> Results:
    """Two tasks of one program; that of task 0 was never asked for."""
    figures_of_one = [m for m in results.measurements if m.technique == "timer_soft"]
    figures = tuple(
        replace(
            m,
            technique="blink",
            reference=FIRST_ACTIVATION
            if m.metric.startswith("lateness_") and m.task != 1
            else None,
        )
        for m in figures_of_one
    )
    assert any(m.reference for m in figures)
    board, load = figures[0].board, figures[0].load
    notices = tuple(Notice(board, "blink", load, task, f"fault {task}") for task in (None, 1))
    return replace(results, measurements=figures, notices=notices)


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("width", [80, 100])
def test_the_terminal_says_beside_the_lateness_that_a_delay_can_t_be_seen(own, width):
    text = terminal_summary(own, width=width)
    assert max(map(len, text.splitlines())) <= width
    assert "from 1st" in text
    said = flat(text)
    assert f"{UNSEEN_DELAY}; call asked(0, US_TO_FIRST) right before the schedule begins" in said
    p50 = format_measurement(technique_rows(own.measurements)[0].cells["lateness_p50_us"])
    assert f"blink: lateness p50 {p50.value}, p99 " in said
    assert "blink: fault None" in said
    assert "blink, task 1: fault 1" in said


def test_nothing_of_it_is_said_where_it_was_asked_for(own):
    asked = replace(
        own, measurements=tuple(replace(m, reference=None) for m in own.measurements), notices=()
    )
    assert notice_lines(asked, technique_rows(asked.measurements)) == []
    assert "from 1st" not in terminal_summary(asked)
    assert "first activation" not in render_page(asked).partition("How to read this page")[0]


def test_the_page_says_it_at_the_top_at_the_table_and_at_the_figures(own):
    page = render_page(own)
    head, _, rest = page.partition('aria-label="On this page"')
    escaped = UNSEEN_DELAY.replace("'", "&#39;")
    assert escaped in head
    assert "blink, task 1: fault 1" in head
    assert escaped in rest
    assert rest.count("from its first activation") >= 3


def test_advice_never_gives_such_a_figure_without_saying_so(own):
    (advice,) = advise(technique_rows(own.measurements))
    for choice in advice.choices:
        for answer in (choice.soft, choice.hard):
            assert UNSEEN_DELAY in answer.reason


def test_the_summary_of_a_server_has_it(own):
    assert "from its first activation" in job_summary(own)


def test_a_task_is_called_by_its_name(own):
    named = {0: "sensor", 1: "motor"}
    figures = tuple(replace(m, task_name=named.get(m.task, "")) for m in own.measurements)
    lines = [
        line
        for _, line in notice_lines(replace(own, measurements=figures), technique_rows(figures))
    ]
    assert 'call asked("sensor", US_TO_FIRST) right before the schedule begins' in lines[0]
    assert "blink, motor: fault 1" in lines
