"""The page that a run leaves: pytest-html's, with the report in front of its results table."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = """
import importlib.util
import pytest
spec = importlib.util.spec_from_file_location("samples", {samples!r})
samples = importlib.util.module_from_spec(spec)
spec.loader.exec_module(samples)
from hil.report.page.template_environment import style_path
from hil.report.page.page import add_to_summary, render_page_parts
from hil.report.page.template_environment import escape_cells

captures = samples.make_captures(["timer_hard", "thread"])

@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    config.option.htmlpath = "report.html"
    config.option.self_contained_html = True
    config.option.css = [str(style_path()), *config.option.css]

def pytest_html_results_summary(prefix, summary, postfix, session):
    add_to_summary(prefix, summary, render_page_parts(samples.make_results(captures), captures))

def pytest_html_results_table_row(report, cells):
    escape_cells(cells, report.nodeid)
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pytest_html")
    root = Path(__file__).resolve().parents[3]
    samples = str(root / "tests" / "report" / "conftest.py")
    (folder / "conftest.py").write_text(CONFTEST.format(samples=samples))
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_it.py").write_text(
        "import pytest\n"
        "def test_good():\n    print('said something')\n"
        "def test_bad():\n    assert 1 == 2\n"
        "def test_skipped():\n    pytest.skip('no jumper')\n"
    )
    plugins = ("-p", "pytest_metadata.plugin", "-p", "pytest_html.plugin", "-p", "no:cacheprovider")
    env = {**os.environ, "PYTHONPATH": str(root), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-q", *plugins, str(folder)]
    subprocess.run(command, cwd=folder, env=env, capture_output=True, check=False, timeout=120)
    return folder / "report.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_its_results_table_stays_folded_at_the_end_and_can_be_read(
    view, path, artefacts, scheme, in_page
):
    page, _ = view(path, scheme=scheme)
    tests = page.locator("#hil-tests")
    assert not page.locator("#results-table").is_visible()
    assert "2 tests took" in tests.locator("summary").inner_text()
    tests.locator("summary").click()
    assert page.locator("#results-table").is_visible()
    assert "test_bad" in page.locator("#results-table").inner_text()
    top = page.locator("#hil-cases").bounding_box()
    assert top["y"] < tests.bounding_box()["y"]
    seen, poor = page.evaluate(in_page("contrast"))
    assert seen > 100
    assert poor == []
    page.screenshot(path=artefacts / f"pytest-html-{scheme}.png", full_page=True)


def test_its_filters_and_sorting_work_by_keyboard(view, path):
    page, _ = view(path)
    page.locator("#hil-tests summary").click()
    rows = page.locator("#results-table tbody.results-table-row")
    assert rows.count() == 3
    page.locator('input[data-test-result="passed"]').focus()
    page.keyboard.press("Space")
    assert page.locator("#results-table tbody.passed").count() == 0
    head = page.locator('#results-table .sortable[data-column-type="testId"]')
    head.focus()
    page.keyboard.press("Enter")
    page.locator('.sortable[data-column-type="testId"]:is(.asc, .desc)').wait_for()


@pytest.mark.parametrize("width", [360, 1280])
def test_it_fits_a_phone_too(view, path, artefacts, width):
    page, _ = view(path, width=width)
    page.evaluate('document.querySelectorAll("details").forEach((one) => { one.open = true; })')
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.screenshot(path=artefacts / f"pytest-html-{width}.png")
