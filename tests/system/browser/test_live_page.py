"""The page of a measurement that goes on, as a browser shows it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hil.report.live_figures import figures_so_far
from hil.report.live_page.server import LivePage
from hil.report.live_state import LiveBoard, LiveState
from tools import synthetic_captures

BAD = '</script><img src=x onerror="window.boom=1"><script>window.boom=1</script>\'&'
LATE = [50 + (k * 37) % 400 for k in range(1000)]


@pytest.fixture
def live():
    figures = figures_so_far(synthetic_captures.capture([LATE, LATE]))
    first = replace(figures.tasks[0], sending=f"sending stamps costs 3 us {BAD}")
    figures = replace(figures, tasks=(first, *figures.tasks[1:]))
    state = LiveState(BAD, "timer_hard", "idle", 10_000.0, 60.0)
    live = LiveBoard(state)
    live.update(phase="measuring", stamps=2000, elapsed_s=10.0, figures=figures, warnings=(BAD,))
    return live


@pytest.fixture
def opened(browser, live):
    """Opens the page at a width; what it does wrong is in the list beside it."""
    with LivePage(live) as served:
        contexts = []

        def go(width, scheme="light"):
            context = browser.new_context(
                viewport={"width": width, "height": 900}, color_scheme=scheme
            )
            contexts.append(context)
            page, wrong = context.new_page(), []
            page.set_default_timeout(20_000)
            page.on("console", lambda message: wrong.append(message.text))
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on("request", lambda request: wrong.append(request.url))
            page.goto(served.url)
            page.locator("#tasks tr").nth(1).wait_for()
            asked = [line for line in wrong if not line.startswith(served.url)]
            return page, asked

        yield go
        for context in contexts:
            context.close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_it_shows_the_state_and_nothing_of_it_runs(opened, artefacts, width, scheme):
    page, wrong = opened(width, scheme)
    assert BAD in page.locator("h1").inner_text()
    assert BAD in page.locator("#warnings li").inner_text()
    assert "10 s of 60 s, 2000 activations" in page.locator("#time").inner_text()
    assert "provisional" in page.locator("#told").inner_text()
    row = page.locator("#tasks tr").first.locator("th, td").all_inner_texts()
    assert row[:2] == ["0", "1000"]
    assert float(row[4]) == pytest.approx(max(LATE), rel=0.01)
    assert page.locator("#counts rect").count() == 60
    assert "2000 activations" in page.locator("#counts").get_attribute("aria-label")
    assert page.locator("#last circle").count() == 12
    assert "µs" in page.locator("#sending").inner_text()
    assert page.evaluate("window.boom") is None
    assert page.locator("img").count() == 0
    page.screenshot(path=artefacts / f"live-{width}.png", full_page=True)
    wider = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not page.evaluate(wider)
    assert wrong == []


def test_it_follows_and_says_when_it_is_over(opened, live):
    page, _ = opened(1280)
    live.update(elapsed_s=33.0)
    page.get_by_text("33 s of 60 s").wait_for()
    live.update(phase="over")
    page.get_by_text("The measurement is over").wait_for()
