"""The tables of workloads and stamp sources: what is in them, and what a new row brings."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hil.agents import bundle
from hil.boards.backends.registry import parse_board
from hil.experiments import registry
from hil.experiments.evaluation import summarise_capture
from hil.experiments.plan import PROFILES, Case, capture_job, make_cases, needed_words
from hil.experiments.session import Session
from hil.experiments.workloads.sync_pattern import SyncEdges
from hil.experiments.workloads.user_program import UserProgramRun
from hil.model.captures import CapturePlan, TaskPlan
from hil.protocol.decoder import StreamDecoder
from hil.recording.capture_file import TIME, list_captures, read_chunks
from hil.recording.capture_reader import read_capture

PAGES = Path(__file__).parents[2] / "docs" / "how-to" / "write-your-own"
RUNS = Path(__file__).parents[1] / "replay" / "runs"
PLAN = CapturePlan("timer_soft", "idle", (TaskPlan(0, 10_000),), 100_000, options={"pings": 2})
WIRE_KINDS = {
    "activations": "ticks",
    "events": "slots",
    "occurrences": "ticks",
    "values": "value",
    "records": "value",
}


def test_no_two_workloads_share_a_name_or_an_option():
    names = [workload.name for workload in registry.WORKLOADS]
    options = [name for workload in registry.WORKLOADS for name in workload.option_names]
    assert len(set(names)) == len(names)
    assert len(set(options)) == len(options)


@pytest.mark.parametrize("workload", registry.WORKLOADS, ids=lambda workload: workload.name)
def test_a_workload_chooses_what_it_planned(workload):
    planned = 0
    for profile in PROFILES.values():
        techniques = bundle.technique_names()
        for case in make_cases(profile, techniques, profile.loads):
            options = workload.options(case, profile)
            if options is not None:
                planned += 1
                assert set(options) <= set(workload.option_names)
                assert workload.chosen(case) == options
                assert workload.limit_s(options) >= 0
    on_demand = isinstance(workload, UserProgramRun | SyncEdges)
    assert planned or on_demand or not workload.option_names
    assert all(word.isidentifier() for word in needed_words(workload))


def stored_names(path: Path) -> dict[str, str]:
    """Every channel in a capture file, by its stored name: its kind on the wire."""
    decoder, names = StreamDecoder(), {}
    for kind, payload in read_chunks(path, []):
        if kind == "R":
            decoder.feed(payload[TIME.size :])
        elif kind == "V":
            names[payload[1 : 1 + payload[0]].decode()] = "value"
    return names | {name: channel.kind for name, channel in decoder.finish().channels.items()}


def test_every_channel_of_a_stored_run_has_one_owner():
    seen = set()
    for run in sorted(RUNS.iterdir()):
        for path in list_captures(run / "capture"):
            for name, wire in stored_names(path).items():
                owners = [c for c in registry.channels() if c.parts(name) is not None]
                assert [WIRE_KINDS[owner.kind] for owner in owners] == [wire], (name, owners)
                seen.add(owners[0])
    assert len(seen) > 15


def page_code(name: str, number: int) -> str:
    """A block of code on a page."""
    text = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.S)[number]


@pytest.fixture
def workload(tmp_path, monkeypatch):
    """The workload of its page as a row, with its device file in a copy of the folder."""
    agents = tmp_path / "agents"
    shutil.copytree(bundle.agents_folder(), agents)
    (agents / "workloads" / "collections.py").write_text(page_code("workload", 0))
    monkeypatch.setattr(bundle, "agents_folder", lambda: agents)
    names: dict[str, Any] = {"__name__": "collections_workload"}
    exec(page_code("workload", 1), names)
    row = names["Collections"]()
    monkeypatch.setattr(registry, "WORKLOADS", (*registry.WORKLOADS, row))
    return row


@pytest.mark.parametrize(("duration_s", "count"), [(1.0, 20), (0.1, 0)])
def test_a_new_workload_is_a_row_and_its_device_file(workload, tmp_path, duration_s, count):
    (case,) = make_cases(PROFILES["quick"], ["thread"], ["idle"], duration_s=duration_s)
    path = tmp_path / "one.hilcap"
    with Session(parse_board("sim:clock=virtual")) as session:
        session.capture(capture_job(case, session.board), path)
    capture = read_capture(path)
    assert (capture.errors, capture.faults) == ((), ())
    figures = {m.metric: m for m in summarise_capture(capture).measurements}
    assert ("collection_max_us" in figures) == bool(count)
    if count:
        assert (figures["collection_max_us"].n, figures["collection_max_us"].task) == (count, None)
    happened = {
        occurrences.what: (occurrences.times_us.size, occurrences.lost)
        for occurrences in capture.occurrences
    }
    assert happened == ({"collection": (count, 0)} if count else {})


def test_a_board_that_lacks_what_a_workload_needs_does_not_run_it(workload):
    workload.needs = ("hovering",)
    (case,) = make_cases(PROFILES["quick"], ["thread"], ["idle"], duration_s=1)
    with Session(parse_board("sim:clock=virtual")) as session:
        job = capture_job(case, session.board)
    assert case.plan.options["collections"] == 20
    assert workload not in [chosen for chosen, _ in job.workloads]
    assert workload.device_file not in job.after_files


WATCHER = """\
import sys
for k in range(10):
    print(0, 5_000_000 + 10_000_000 * k + (7_000 if k else 0), k % 2)
sys.stdin.read()
"""


def test_what_an_instrument_saw_is_stored_beside_the_capture(tmp_path, monkeypatch):
    names: dict[str, Any] = {"__name__": "pin_watcher"}
    exec(page_code("stamp-source", 0), names)
    monkeypatch.setitem(registry.STAMP_SOURCES, "pin-watcher", names["make_pin_watcher"])
    monkeypatch.setitem(registry.STAMP_SOURCES, "absent", lambda *_: None)
    program = tmp_path / "watch.py"
    program.write_text(WATCHER)
    monkeypatch.setenv("HIL_PIN_WATCHER", f"{sys.executable} {program}")
    path = tmp_path / "one.hilcap"
    with Session(parse_board("sim:clock=virtual")) as session:
        session.capture(capture_job(Case(PLAN), session.board), path)

    capture = read_capture(path)
    assert (capture.errors, capture.faults) == ((), ())
    assert [track.source for track in capture.tracks] == ["board"]
    (seen,) = capture.edges
    assert (seen.instrument, seen.issues, seen.resolution_ns) == ("pin-watcher", (), 100.0)
    (line,) = seen.lines
    assert line.name == "task0"
    np.testing.assert_array_equal(line.times_ns[1:], 5_007_000 + np.arange(1, 10) * 10_000_000)
    np.testing.assert_array_equal(line.levels, np.arange(10) % 2)
    assert (tmp_path / "one.pin-watcher.hiledges").is_file()
    sources = {m.source for m in summarise_capture(capture).measurements}
    assert "board" in sources
