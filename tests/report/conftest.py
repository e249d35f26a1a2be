"""Synthetic runs: captures with a known shape, and the records that belong to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html.parser import HTMLParser

import numpy as np
import pytest

from hil.model.board import BoardIdentity
from hil.model.captures import Capture, EventSet
from hil.model.results import ErrorRecord, Measurement, Results, RunInfo, Skip
from hil.model.techniques import TECHNIQUES, find_technique
from hil.report.page.page import render_page
from tools import synthetic_captures

PERIOD = 10_000


class Page(HTMLParser):
    """What a browser would see: text, ids, references, elements; ``words`` on one line."""

    VOID = frozenset({"meta", "br", "hr", "img", "input", "link", "path", "use", "rect"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text, self.ids, self.loads, self.tags, self.open = [], [], [], [], []
        self.labels: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        values = dict(attrs)
        if "id" in values:
            self.ids.append(values["id"])
        for name in ("src", "srcset", "data", "poster", "action"):
            if values.get(name):
                self.loads.append(values[name])
        if tag == "use" and "href" in values:
            self.loads.append(values["href"])
        if tag == "link":
            self.loads.append(values.get("href", ""))
        self.labels.append(values.get("aria-label") or "")
        if tag not in self.VOID:
            self._imply(tag)
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        self._imply(f"/{tag}")
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def _imply(self, tag):
        """Close what HTML lets stay open in a table: cells and rows before ``tag``."""
        cells, rows = ("td", "th"), ("tr",)
        for before, these in (
            (("td", "th", "tr", "/tr", "/tbody"), cells),
            (("tr", "/tbody"), rows),
        ):
            if tag in before and self.open and self.open[-1] in these:
                self.open.pop()

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("script", "style"):
            self.text.append(data)

    @property
    def words(self) -> str:
        """All text but that of scripts and styles, runs of white space made one."""
        return " ".join(" ".join(self.text).split())


def make_board(name: str = "sim", source: str = "sim") -> BoardIdentity:
    return BoardIdentity(
        name=name,
        port="/dev/pts/7",
        source=source,  # type: ignore[arg-type]
        platform="linux",
        machine="Unix VM with x86-64",
        micropython="1.29.0-preview",
        tick_period=1 << 30,
        unique_id="0a1b2c3d",
        tick_resolution_us=1.0,
        stamp_cost_us=0.31,
        capabilities=("timer", "timer_hard", "thread"),
    )


def make_capture(
    technique: str, load: str = "idle", board: BoardIdentity | None = None, n: int = 500
) -> Capture:
    rng = np.random.default_rng(len(technique))
    lateness = []
    for _ in range(2):
        noise = rng.exponential(180, n)
        noise[n // 3] += 4_000
        if find_technique(technique).naive:
            noise = noise + np.cumsum(rng.exponential(120, n))
        lateness.append(noise)
    events = ()
    if technique == "event_irq":
        stimulus = np.arange(2000, dtype=np.int64) * 2_000
        events = tuple(
            EventSet(
                "isr",
                f"loopback/{kind}",
                stimulus,
                stimulus + (scale + rng.exponential(scale, 2000)).astype(np.int64),
                lost,
            )
            for kind, scale, lost in (("hard", 40, 0), ("soft", 300, 3))
        )
    log = ("MPY: soft reboot", "hello from the board") if technique == "thread" else ()
    return synthetic_captures.capture(
        lateness,
        of=board or make_board(),
        technique=technique,
        load=load,
        period_us=PERIOD,
        origin_us=1000,
        numbered=True,
        events=events,
        log=log,
    )


def make_measurements(capture: Capture) -> list[Measurement]:
    measurements: list[Measurement] = []
    plan = capture.plan

    def add(task, metric, unit, value, lo, hi, n, **more):
        measurements.append(
            Measurement(
                *(capture.board.name, plan.technique, plan.load, task, metric, unit),
                *(float(value), lo, hi, n),
                **more,
            )
        )

    for track in capture.tracks:
        n = len(track.stamps_us)
        late = track.stamps_us - track.origin_us - np.arange(n) * track.period_us
        gaps = np.diff(track.stamps_us)
        for name, share in (("p50", 50), ("p99", 99)):
            value = float(np.percentile(late, share))
            worst = float(track.stamps_us[int(late.argmax())] - track.origin_us)
            add(
                track.index,
                f"lateness_{name}_us",
                "us",
                value,
                value * 0.9,
                value * 1.2,
                n,
                where_us=worst if name == "p99" else None,
            )
        rms = float(gaps.std())
        add(track.index, "period_jitter_rms_us", "us", rms, rms * 0.9, rms * 1.1, n - 1)
        drift = float(np.polyfit(np.arange(n) * track.period_us, late, 1)[0] * 1e6)
        add(track.index, "schedule_drift_ppm", "ppm", drift, drift - 15, drift + 15, n)
        add(track.index, "missed", "count", 0, 0, 0, n)
        add(track.index, "dropped", "count", 0, 0, 0, n)
    for event in capture.events:
        latency = event.handler_us - event.stimulus_us
        value = float(np.percentile(latency, 99))
        add(
            None,
            "isr_latency_p99_us",
            "us",
            value,
            value * 0.95,
            value * 1.05,
            len(latency),
            method=event.method,
        )
    return measurements


def make_run(source: str = "sim") -> RunInfo:
    return RunInfo(
        id="20261120T112553Z_sim",
        started_utc="2026-11-20T11:25:53Z",
        duration_s=71.2,
        profile="quick",
        harness_version="0.1.0",
        host="Linux x86_64, Python 3.11.7",
        source=source,  # type: ignore[arg-type]
    )


def make_captures(techniques: Sequence[str] | None = None) -> list[Capture]:
    names = techniques or [t for t in TECHNIQUES if t not in ("aioschedule", "periodic_operator")]
    return [make_capture(name) for name in names]


def make_results(captures: Sequence[Capture] | None = None) -> Results:
    captures = make_captures() if captures is None else captures
    return Results(
        run=make_run(),
        boards=(make_board(),),
        measurements=tuple(m for capture in captures for m in make_measurements(capture)),
        skipped=(Skip("sim", "aioschedule", "idle", "not part of this version yet"),),
        errors=(
            ErrorRecord(
                "sim",
                "periodic_operator",
                "idle",
                "the agent raised an exception",
                'Traceback (most recent call last):\n  File "<stdin>", line 3\nValueError: no',
            ),
        ),
    )


@pytest.fixture(scope="session")
def captures() -> list[Capture]:
    return make_captures()


@pytest.fixture(scope="session")
def results_of() -> Callable[[Sequence[Capture]], Results]:
    return make_results


@pytest.fixture
def results(captures: list[Capture]) -> Results:
    return make_results(captures)


@pytest.fixture(scope="session")
def page_of() -> type[Page]:
    return Page


@pytest.fixture(scope="session")
def page(captures: list[Capture]) -> str:
    return render_page(make_results(captures), captures)
