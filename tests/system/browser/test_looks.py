"""Widths, themes, contrast, print, keyboard, and a picture of each for the artefacts."""

from __future__ import annotations

import re

import pytest

from hil.model.metrics import find_metric

OPEN = 'document.querySelectorAll("details").forEach((one) => { one.open = true; })'


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_nothing_is_wider_than_the_screen(view, report, artefacts, width):
    page, _ = view(report.page, width=width)
    page.screenshot(path=artefacts / f"report-{width}.png")
    page.evaluate(OPEN)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width
    page.locator("details.hil-case").first.scroll_into_view_if_needed()
    page.screenshot(path=artefacts / f"case-{width}.png")
    if width == 360:
        boxes = page.locator(".hil-scroll").evaluate_all(
            "all => all.filter(one => one.scrollWidth > one.clientWidth).length"
        )
        assert boxes > 0  # wide tables scroll in their own box


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out_in_both_themes(view, report, artefacts, scheme, in_page):
    page, _ = view(report.page, scheme=scheme)
    page.evaluate(OPEN)
    page.screenshot(path=artefacts / f"report-{scheme}.png")
    seen, poor = page.evaluate(in_page("contrast"))
    assert seen > 1000
    assert poor == []


def test_the_theme_is_chosen_and_remembered(view, report):
    page, _ = view(report.page, scheme="light")
    button = page.locator("#hil-theme")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    assert button.get_attribute("aria-pressed") == "false"
    button.click()
    dark = page.evaluate(ground)
    assert dark != light
    for _ in range(20):  # what a page stores reaches the next one when the browser gets round to it
        page.reload()
        if page.evaluate(ground) == dark:
            break
        page.wait_for_timeout(100)
    assert page.evaluate(ground) == dark
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert page.evaluate(ground) == light


def test_without_storage_the_page_works_all_the_same(view, report):
    page, _ = view(report.page)
    page.add_init_script(
        'Object.defineProperty(window, "localStorage", { get() { throw new Error("no"); } })'
    )
    page.reload()
    page.locator("#hil-theme").click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.locator("form.hil-ask").is_visible()


def pages(page, path):
    page.pdf(path=path, prefer_css_page_size=True)
    return len(re.findall(rb"/Type /Page\b", path.read_bytes()))


def test_a_print_is_one_page_with_the_answer_and_all_techniques(view, report, artefacts):
    page, _ = view(report.page, scheme="dark")
    assert pages(page, artefacts / "report.pdf") == 1
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    for shown in ("#hil-top", ".hil-line", ".hil-run", ".hil-heat td", "figure", ".hil-printed"):
        assert page.locator(shown).first.is_visible(), shown
    for folded in ("#hil-cases", ".hil-choices", "#hil-read", "form.hil-ask", "#hil-metrics"):
        assert not page.locator(folded).first.is_visible(), folded
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_everything_is_printed_where_the_button_asks_for_it(view, report, artefacts):
    page, _ = view(report.page, scheme="dark", width=560)
    folded = page.locator("details:not([open])").count()
    page.evaluate(
        "window.print = () => { window.printed = document.documentElement.dataset.print; }"
    )
    page.get_by_role("button", name="print everything").click()
    assert page.evaluate("window.printed") == "all"
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= 560  # A5
    cell = page.locator(".hil-compare td").first
    assert cell.evaluate("(cell) => getComputedStyle(cell).whiteSpace") == "normal"
    assert page.locator(".hil-case figure").last.is_visible()
    assert page.locator(".hil-all").last.is_visible()
    page.emulate_media(media="screen")
    page.evaluate('dispatchEvent(new Event("beforeprint"))')
    assert page.locator("details:not([open])").count() == 0
    page.evaluate('dispatchEvent(new Event("afterprint"))')
    assert page.locator("details:not([open])").count() == folded
    assert page.evaluate("document.documentElement.dataset.print") is None


@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_is_told_of_a_table_that_is_wider(view, report, artefacts, width):
    page, _ = view(report.page, width=width)
    page.evaluate(OPEN)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wider = page.locator(".hil-scroll.hil-wider")
    wider.first.wait_for()
    told = page.evaluate(
        """() => [...document.querySelectorAll(".hil-scroll")]
          .filter((box) => box.checkVisibility()).map((box) => [
            box.scrollWidth > box.clientWidth + 1,
            getComputedStyle(box, "::before").content.includes("sideways"),
            box.tabIndex === 0 && box.getAttribute("aria-label") !== "",
          ])"""
    )
    assert any(is_wider for is_wider, _, _ in told)
    assert all(is_wider == says and reached for is_wider, says, reached in told)
    page.screenshot(path=artefacts / f"phone-{width}.png")


def test_a_wide_screen_has_no_hint_where_nothing_is_cut(view, report):
    page, _ = view(report.page)
    page.locator("#hil-figures .hil-scroll").first.scroll_into_view_if_needed()
    assert page.locator("#hil-figures .hil-wider").count() == 0


def test_everything_is_reached_by_tab_and_the_place_is_visible(view, report):
    page, _ = view(report.page)
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                """() => {
                  const node = document.activeElement, style = getComputedStyle(node);
                  return [node.id || node.className || node.tagName, style.outlineStyle !== "none"];
                }"""
            )
        )
    names = [name for name, _ in reached]
    assert names[0] == "hil-skip"
    for name in ("hil-board", "hil-load", "hil-theme", "hil-ask-value", "hil-ask-unit"):
        assert name in names
    assert "hil-canvas" in names
    assert "hil-scroll" in names
    assert all(visible for name, visible in reached if name != "BODY")


def test_a_link_opens_the_case_that_it_leads_to(view, report):
    page, _ = view(report.page)
    link = page.locator(".hil-compare tbody a").nth(2)
    target = page.locator(link.get_attribute("href"))
    assert not target.is_visible()
    link.click()
    target.wait_for(state="visible")
    # a browser that does not open it by itself: the script does
    target.locator("..").evaluate("(part) => { part.open = false; }")
    page.evaluate('dispatchEvent(new Event("hashchange"))')
    assert target.is_visible()


def test_every_figure_and_control_has_a_name(view, report):
    page, _ = view(report.page)
    page.evaluate(OPEN)
    nameless = page.evaluate(
        """() => {
          const named = "button, select, input, svg[role=img], .hil-canvas";
          return [...document.querySelectorAll(named)].filter((node) => !(
            node.getAttribute("aria-label") || node.textContent.trim() || node.labels?.length
          )).map((node) => node.outerHTML.slice(0, 80));
        }"""
    )
    assert nameless == []


def test_a_metric_is_explained_where_its_name_stands(view, report):
    page, _ = view(report.page, width=390)
    metric = find_metric("lateness_p99_us")
    name = page.locator("#hil-figures th a", has_text="lateness p99").first
    box = page.locator("#hil-explanation")
    name.focus()
    assert name.get_attribute("title").lower().startswith(metric.description)
    page.keyboard.press("Enter")
    assert box.is_visible()
    for text in (metric.name, metric.formula, metric.source):
        assert text in box.inner_text()
    position = box.bounding_box()
    assert position["x"] >= 0
    assert position["x"] + position["width"] <= 390
    page.keyboard.press("Escape")
    assert not box.is_visible()
    assert name.evaluate("(node) => node === document.activeElement")
    name.click()
    assert box.is_visible()
    assert page.evaluate("location.hash") == ""


def test_each_row_of_all_figures_explains_its_metric(view, report):
    page, _ = view(report.page)
    case = page.locator("details.hil-case").first
    case.locator("summary").first.click()
    case.locator("details:has(.hil-all) > summary").first.click()
    names = case.locator(".hil-all tbody th a")
    names.first.wait_for()
    assert names.count() == case.locator(".hil-all tbody tr").count() > 20
    last = names.last
    last.click()
    assert last.inner_text() in page.locator("#hil-explanation").inner_text()


def test_without_the_script_a_metrics_name_leads_to_its_definition(view, report):
    page, _ = view(report.page, java_script_enabled=False)
    page.locator("#hil-figures th a", has_text="drift").first.click()
    page.locator("#hil-metric-schedule_drift_ppm + dd").wait_for(state="visible")
