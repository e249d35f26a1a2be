"""The deadline that is typed in gets the answers that the host would give."""

from __future__ import annotations

import pytest

from hil.model.units import format_deadline
from hil.report.deadline_advice import answer_line, judge_techniques
from hil.report.result_tables import technique_rows


def told(page, board, kind):
    return page.locator(
        f'.hil-advice[data-board="{board}"] .hil-line[data-kind="{kind}"]'
    ).inner_text()


def expected(report, board, us, *, is_hard, load=None):
    rows = technique_rows(report.results.measurements, [b.name for b in report.results.boards])
    board_rows = [row for row in rows if row.board == board and load in (None, row.load)]
    return judge_techniques(board_rows, us, is_hard=is_hard)


@pytest.mark.parametrize("us", [50.0, 1_000.0, 1_500.0, 6_000.0, 10_000.0, 2_500_000.0])
def test_any_deadline_is_answered_as_by_the_host(view, report, us):
    page, _ = view(report.page)
    page.locator("#hil-ask-unit").select_option("1")
    page.locator("#hil-ask-value").fill(f"{us:g}" if us < 1e5 else str(int(us)))
    for board in ("sim", "pyboard"):
        for kind in ("soft", "hard"):
            held = expected(report, board, us, is_hard=kind == "hard")
            assert told(page, board, kind) == answer_line(held)
        part = page.locator(f'.hil-advice[data-board="{board}"]')
        assert part.locator(".hil-for").first.inner_text() == format_deadline(us)
        softs = expected(report, board, us, is_hard=False)
        rows = part.locator(".hil-choices tbody tr")
        assert rows.evaluate_all("rows => rows.map(row => row.dataset.choice)") == [
            answer.technique for answer in softs
        ]
        cells = rows.locator('td[data-kind="soft"] small').all_inner_texts()
        assert cells == [answer.reason for answer in softs]


def test_a_deadline_of_exactly_the_worst_seen_is_held(view, report):
    page, _ = view(report.page)
    rows = technique_rows(report.results.measurements, ["sim", "pyboard"])
    (row,) = [r for r in rows if (r.board, r.technique) == ("pyboard", "timer_soft")]
    worst = row.cells["lateness_max_us"]
    us = worst.value
    page.locator("#hil-ask-unit").select_option("1")
    page.locator("#hil-ask-value").fill(repr(us))
    cell = page.locator('.hil-advice[data-board="pyboard"] tr[data-choice="timer_soft"]')
    assert cell.locator('td[data-kind="hard"] span').inner_text() == "holds"
    page.locator("#hil-ask-value").fill(repr(worst.lo - 0.001))
    assert cell.locator('td[data-kind="hard"] span').inner_text() == "does not"


def test_what_the_page_opens_with_does_not_need_the_script(view, report):
    plain, _ = view(report.page, java_script_enabled=False)
    page, _ = view(report.page)
    for board in ("sim", "pyboard"):
        for kind in ("soft", "hard"):
            assert told(plain, board, kind) == told(page, board, kind)
    before, after = (
        view_page.locator(".hil-choices").first.inner_text().split() for view_page in (plain, page)
    )
    assert before == after
    assert plain.locator("#hil-deadline form").is_hidden()
    plain.locator("#hil-deadline summary").first.click()
    assert plain.get_by_text("hard: nothing later was seen").first.is_visible()


def test_the_deadline_is_set_by_the_keyboard_alone(view, report):
    page, _ = view(report.page)
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "hil-ask-value":
            break
    page.keyboard.press("Control+A")
    page.keyboard.type("20")
    assert page.locator(".hil-for").first.inner_text() == "20 ms"
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    assert page.locator(".hil-for").first.inner_text() == "20 s"
    held = expected(report, "sim", 20e6, is_hard=False)
    assert told(page, "sim", "soft") == answer_line(held)


@pytest.mark.parametrize("text", ["", "0", "-3", "1e999"])
def test_what_is_no_deadline_changes_nothing(view, report, text):
    page, _ = view(report.page)
    before = told(page, "sim", "soft")
    page.locator("#hil-ask-value").fill(text)
    assert told(page, "sim", "soft") == before


def test_the_deadline_is_drawn_in_the_figures_of_lateness(view, report):
    page, _ = view(report.page)
    line = page.locator("figure.hil-wide path.deadline").first
    before = line.get_attribute("d")
    page.locator("#hil-ask-value").fill("3")
    assert line.get_attribute("d") != before
    page.locator("details.hil-case summary").first.click()
    titles = page.locator("figure:has(path.deadline) figcaption").all_inner_texts()
    assert set(titles) == {
        *("Lateness of all techniques", "Percentiles of all techniques"),
        *("Median and 99th percentile", "Lateness"),
    }


def test_filters_leave_one_board_or_load_and_the_advice_follows(view, report):
    page, _ = view(report.page)
    page.locator("#hil-load").select_option("idle")
    held = expected(report, "sim", 1000.0, is_hard=False, load="idle")
    assert told(page, "sim", "soft") == answer_line(held)
    assert page.locator('.hil-case[data-load="gc"]').first.is_hidden()
    assert page.locator('.hil-heat th[data-load="gc"]').first.is_hidden()
    page.locator("#hil-board").select_option("pyboard")
    assert page.locator('.hil-advice[data-board="sim"]').is_hidden()
    assert page.locator('.hil-case[data-board="sim"]').first.is_hidden()
    assert page.locator('.hil-case[data-board="pyboard"]').first.is_visible()
    page.locator("#hil-board").select_option("")
    page.locator("#hil-load").select_option("")
    assert page.locator('.hil-case[data-load="gc"]').first.is_visible()
    assert told(page, "sim", "soft") == answer_line(expected(report, "sim", 1000.0, is_hard=False))
