"""A real Chromium without a window, and pages made from captures of a known shape.

Needs Debian's package ``chromium`` and the Python package ``playwright``; nothing is downloaded.
Pictures go to the folder that ``HIL_ARTEFACTS`` names, else to a temporary one.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from hil.experiments.budget_files import default_budgets
from hil.experiments.evaluation import summarise_capture
from hil.model.budgets import judge_measurements
from hil.model.captures import Capture, Pings
from hil.model.results import Change, Comparison, Results
from hil.recording.run_folder import write_results
from hil.report.page.page import write_page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--no-first-run", *(["--no-sandbox"] if os.geteuid() == 0 else [])),
]


@dataclass
class Seen:
    """What a page did that it should not: messages on the console, requests, dialogs."""

    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)


@dataclass
class Report:
    """A page and what it was made from."""

    page: Path
    json: Path
    results: Results
    captures: list[Capture]


@pytest.fixture(scope="session")
def samples() -> ModuleType:
    path = Path(__file__).parents[2] / "report" / "conftest.py"
    spec = importlib.util.spec_from_file_location("hil_report_samples", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def in_page() -> Callable[[str], str]:
    """The text of a function that runs in the page, from the file of that name beside this one."""
    return lambda name: Path(__file__).with_name(f"{name}.js").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    named = os.environ.get("HIL_ARTEFACTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("artefacts")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt install chromium")
    api = pytest.importorskip("playwright.sync_api", reason="needs: pip install playwright")
    with api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def view(browser: Any) -> Iterator[Callable[..., tuple[Any, Seen]]]:
    """Opens a page: ``(page, seen)``; what it was seen to do wrong fails the test at its end."""
    opened: list[tuple[Any, Seen]] = []

    def go(
        path: Path, *, width: int = 1280, scheme: str = "light", **more: Any
    ) -> tuple[Any, Seen]:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True, **more
        )
        page, seen = context.new_page(), Seen()
        page.set_default_timeout(20_000)
        page.on("console", lambda message: seen.errors.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: seen.errors.append(str(error)))
        page.on("dialog", lambda dialog: (seen.dialogs.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: seen.requests.append(request.url))
        opened.append((context, seen))
        page.goto(path.as_uri())
        return page, seen

    yield go
    for context, seen in opened:
        context.close()
        assert seen.errors == []
        assert seen.dialogs == []
        assert [url for url in seen.requests if not url.startswith(("file:", "data:"))] == []


@pytest.fixture(scope="session")
def report(samples: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Two boards, two loads, drifting and other techniques, analysed as in a run."""
    captures = []
    for name, techniques, loads in (
        ("sim", ("round_robin", "timer_soft", "timer_hard", "thread", "event_irq"), ("idle", "gc")),
        ("pyboard", ("timer_soft", "timer_hard"), ("idle",)),
    ):
        board = samples.make_board(name, "sim" if name == "sim" else "hardware")
        for load in loads:
            captures += [with_clock(samples.make_capture(t, load, board)) for t in techniques]
    results = analysed(samples, captures)
    first = next(m for m in results.measurements if m.metric == "lateness_p99_us")
    change = Change(
        *(first.board, first.technique, first.load, first.task, first.metric, first.unit),
        *(first.value / 2, first.value, 1.0, first.value, 5, "worse"),
    )
    folder = tmp_path_factory.mktemp("report")
    write_page(folder / "report.html", results, captures, Comparison("the run before", (change,)))
    write_results(folder / "results.json", results)
    return Report(folder / "report.html", folder / "results.json", results, captures)


def with_clock(capture: Capture) -> Capture:
    """The same with clock exchanges, 20 ppm fast."""
    host = np.arange(80, dtype=np.int64) * 60_000_000
    noise = np.random.default_rng(5).exponential(30, 80).astype(np.int64)
    board = (host // 1000 * (1 + 20e-6)).astype(np.int64)
    pings = Pings(host, board + 100 + noise, board + 110 + noise, host + (210 + 2 * noise) * 1000)
    return replace(capture, pings=pings)


def analysed(samples: ModuleType, captures: list[Capture]) -> Results:
    """The results of a run with these captures, judged by the default budgets."""
    measurements = []
    for capture in captures:
        figures = summarise_capture(capture).measurements
        measurements += judge_measurements(figures, default_budgets(), capture.plan)
    boards = {capture.board.name: capture.board for capture in captures}
    return Results(
        samples.make_run("hardware"), tuple(boards.values()), tuple(measurements), (), ()
    )
