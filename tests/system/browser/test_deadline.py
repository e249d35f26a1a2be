"""The deadline that is typed in gets the answers that the host would give."""

from __future__ import annotations

import pytest

from hil.model.units import format_deadline, with_micro_sign
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
            assert told(page, board, kind) == with_micro_sign(answer_line(held))
        part = page.locator(f'.hil-advice[data-board="{board}"]')
        part.locator(".hil-why").evaluate("(part) => { part.open = true; }")
        assert part.locator(".hil-for").first.inner_text() == with_micro_sign(format_deadline(us))
        softs = expected(report, board, us, is_hard=False)
        rows = part.locator(".hil-choices tbody tr")
        assert rows.evaluate_all("rows => rows.map(row => row.dataset.choice)") == [
            answer.technique for answer in softs
        ]
        cells = rows.locator('td[data-kind="soft"] small').all_inner_texts()
        assert cells == [with_micro_sign(answer.reason) for answer in softs]


def test_a_deadline_of_exactly_the_worst_seen_is_held(view, report):
    page, _ = view(report.page)
    rows = technique_rows(report.results.measurements, ["sim", "pyboard"])
    (row,) = [r for r in rows if (r.board, r.technique) == ("pyboard", "timer_soft")]
    worst = row.cells["lateness_max_us"]
    us = worst.value
    page.locator("#hil-ask-unit").select_option("1")
    page.locator("#hil-ask-value").fill(repr(us))
    cell = page.locator('.hil-advice[data-board="pyboard"] tr[data-choice="timer_soft"]')
    page.locator(".hil-why").last.evaluate("(part) => { part.open = true; }")
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
    plain.locator("#hil-deadline summary").nth(1).click()
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
    assert told(page, "sim", "soft") == with_micro_sign(answer_line(held))


@pytest.mark.parametrize("text", ["", "0", "-3", "1e999"])
def test_what_is_no_deadline_changes_nothing_but_a_hint(view, report, text):
    page, _ = view(report.page)
    before = told(page, "sim", "soft")
    page.locator("#hil-ask-value").fill(text)
    assert told(page, "sim", "soft") == before
    hint = page.locator("#hil-ask-hint")
    assert hint.inner_text() == "A deadline is a number above 0."
    assert address(page) == ""
    page.locator("#hil-ask-value").fill("5")
    assert hint.inner_text() == ""


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
    assert told(page, "sim", "soft") == with_micro_sign(answer_line(held))
    assert page.locator('.hil-case[data-load="gc"]').first.is_hidden()
    assert page.locator('.hil-heat th[data-load="gc"]').first.is_hidden()
    page.locator("#hil-board").select_option("pyboard")
    assert page.locator('.hil-advice[data-board="sim"]').is_hidden()
    assert page.locator('.hil-case[data-board="sim"]').first.is_hidden()
    assert page.locator('.hil-case[data-board="pyboard"]').first.is_visible()
    page.locator("#hil-board").select_option("")
    page.locator("#hil-load").select_option("")
    assert page.locator('.hil-case[data-load="gc"]').first.is_visible()
    held = expected(report, "sim", 1000.0, is_hard=False)
    assert told(page, "sim", "soft") == with_micro_sign(answer_line(held))


def address(page) -> str:
    return page.evaluate("location.hash")


def test_the_deadline_is_in_the_address_and_a_shared_link_or_a_reload_answers_the_same(
    view, report
):
    page, _ = view(report.page)
    assert address(page) == ""
    page.locator("#hil-ask-value").fill("2")
    assert address(page) == "#deadline=2000us"
    held = expected(report, "sim", 2000.0, is_hard=False)
    assert told(page, "sim", "soft") == with_micro_sign(answer_line(held))
    page.reload()
    assert page.locator("#hil-ask-value").input_value() == "2"
    assert told(page, "sim", "soft") == with_micro_sign(answer_line(held))
    page.locator('a[href="#hil-cases"]').first.click()
    page.wait_for_function('location.hash === "#hil-cases&deadline=2000us"')
    page.reload()
    assert page.locator("#hil-ask-value").input_value() == "2"
    page.wait_for_function("scrollY > 100")


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("20ms", "20", "1000"),
        ("0.5s", "500", "1000"),
        ("250%C2%B5s", "250", "1"),
        ("3 s", "3", "1000000"),
    ],
)
def test_a_deadline_in_the_address_may_have_any_unit(view, report, text, value, unit):
    page, _ = view(report.page)
    page.evaluate("(text) => { location.hash = `deadline=${text}`; }", text)
    page.wait_for_function(
        "(value) => document.getElementById('hil-ask-value').value === value", arg=value
    )
    assert page.locator("#hil-ask-unit").input_value() == unit
    assert page.locator("#hil-ask-hint").inner_text() == ""


@pytest.mark.parametrize(
    "text",
    ["", "soon", "-3ms", "0us", "1e99s", "<img src=x onerror='window.boom=1'>", "%", "9" * 500],
)
def test_what_is_no_deadline_in_the_address_is_one_hint_and_never_markup(view, report, text):
    page, _ = view(report.page)
    before = told(page, "sim", "soft")
    page.evaluate("(text) => { location.hash = `deadline=${text}`; }", text)
    hint = page.locator("#hil-ask-hint")
    page.wait_for_function("document.getElementById('hil-ask-hint').textContent !== ''")
    assert hint.inner_text().endswith("write it as #deadline=2000us, 2ms or 0.5s.")
    assert text[:10] in hint.inner_text()
    assert len(hint.inner_text()) < 140
    assert page.evaluate("window.boom") is None
    assert page.locator("img").count() == 0
    assert told(page, "sim", "soft") == before
