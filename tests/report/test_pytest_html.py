"""The report inside pytest-html's page: first ours, then its results table, which stays."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from hil.report.page.template_environment import escape_cells


def test_test_ids_are_escaped_for_pytest_html() -> None:
    cells = ['<td class="col-testId">t.py::test[<b>]</td>', "<td>1</td>"]
    escape_cells(cells, "t.py::test[<b>]")
    assert cells == ['<td class="col-testId">t.py::test[&lt;b&gt;]</td>', "<td>1</td>"]


CONFTEST = """
import sys
sys.path.insert(0, {samples!r})
import importlib.util
spec = importlib.util.spec_from_file_location("samples", {samples!r} + "/conftest.py")
samples = importlib.util.module_from_spec(spec)
spec.loader.exec_module(samples)
from hil.report.page.page import add_to_summary, render_page_parts
from hil.report.page.template_environment import escape_cells, style_path
import pytest

captures = samples.make_captures(["timer_hard", "thread"])
parts = render_page_parts(samples.make_results(captures), captures)

@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    config.option.htmlpath = "report.html"
    config.option.self_contained_html = True
    config.option.css = [str(style_path()), *config.option.css]

def pytest_html_report_title(report):
    report.title = parts.title

def pytest_html_results_summary(prefix, summary, postfix, session):
    add_to_summary(prefix, summary, parts)

def pytest_html_results_table_row(report, cells):
    escape_cells(cells, report.nodeid)
"""


def test_through_pytest_html(tmp_path: Path) -> None:
    here = Path(__file__).resolve()
    (tmp_path / "conftest.py").write_text(CONFTEST.format(samples=str(here.parent)))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text(
        "import pytest\n@pytest.mark.parametrize('name', ['<img src=x onerror=boom>'])\n"
        "def test_one(name):\n    pass\n"
    )
    env = {**os.environ, "PYTHONPATH": str(here.parents[2]), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    plugins = ("-p", "pytest_metadata.plugin", "-p", "pytest_html.plugin", "-p", "no:cacheprovider")
    command = [sys.executable, "-m", "pytest", "-q", *plugins, str(tmp_path)]
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    text = (tmp_path / "report.html").read_text()
    assert (
        text.index('id="hil-top"')
        < text.index("All techniques")
        < text.index('<table id="results-table"')
    )
    assert '<h1 id="title">hil: timing of sim</h1>' in text
    assert "--hil-band" in text
    assert "jsonblob" in text
    assert "onerror=boom>" not in text.replace("&amp;gt;", "")
