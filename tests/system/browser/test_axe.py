"""The rules of axe-core for who reads by keyboard or screen reader: no page breaks one of them.

Needs the file ``axe.min.js`` of the npm package axe-core, which ``HIL_AXE`` names; the tox
environment ``browser`` installs it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hil.history.trend_queries import TrendLine, TrendPoint
from hil.report.page.trend_page import trend_page

from .test_compare_page import OPEN, page_of
from .test_in_pytest_html import path as pytest_html

__all__ = ["page_of", "pytest_html"]
AXE = os.environ.get("HIL_AXE", "")
pytestmark = pytest.mark.skipif(
    not Path(AXE).is_file(), reason="needs axe-core: npm install axe-core, HIL_AXE=…/axe.min.js"
)


def broken_rules(view, path: Path, scheme: str) -> list[str]:
    page, _ = view(path, scheme=scheme, bypass_csp=True)
    page.add_script_tag(path=AXE)
    page.evaluate(OPEN)
    result = page.evaluate("axe.run()")
    assert len(result["passes"]) > 20
    return [
        f"{rule['id']}: {node['html'][:120]}"
        for rule in result["violations"]
        for node in rule["nodes"][:3]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_a_run(view, samples, tmp_path, scheme):
    from hil.report.page.page import write_page

    captures = samples.make_captures(["timer_hard", "thread", "event_irq"])
    write_page(tmp_path / "report.html", samples.make_results(captures), captures)
    assert broken_rules(view, tmp_path / "report.html", scheme) == []


def test_the_page_in_pytest_html(view, pytest_html):
    assert broken_rules(view, pytest_html, "light") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_two_runs(view, page_of, scheme):
    path, _ = page_of()
    assert broken_rules(view, path, scheme) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_a_trend(view, tmp_path, scheme):
    points = [
        TrendPoint(f"r{day}", f"2026-11-{day:02d}T01:00:00Z", day, day - 0.5, day + 1.0, 99, "pass")
        for day in (1, 2, 3)
    ]
    lines = [TrendLine("b", "k", "1.29", "quick", "thread", "idle", None, 0, "us", points=points)]
    path = tmp_path / "trend.html"
    path.write_text(trend_page("lateness_p99_us", lines), encoding="utf-8")
    assert broken_rules(view, path, scheme) == []
