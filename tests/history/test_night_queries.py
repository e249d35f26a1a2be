"""One night over all boards, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest
import runs

from hil.history.database import open_history
from hil.history.night_queries import (
    Night,
    boards_before,
    boards_of_night,
    newest_nights,
)
from hil.history.queries import RunFilter
from hil.history.run_writer import add_run
from hil.model.errors import ConfigurationError
from hil.model.results import ErrorRecord


def on(run, day, name):
    return replace(run, info=replace(run.info, id=name, started_utc=f"{day}T02:00:00Z"))


@pytest.fixture
def fleet(location):
    """Three boards on two nights; the third is missing in the second one, the first runs twice."""
    names = ("a", "b", "c")
    machines = ("Raspberry Pi Pico with RP2040", "ESP32 module", "ESP32 module")
    made = [
        runs.night(seed, of=runs.board(f"port-{name}", unique_id=name, machine=machine))
        for seed, (name, machine) in enumerate(zip(names, machines, strict=True))
    ]
    again = runs.night(7, of=runs.board("port-a", unique_id="a", machine=machines[0]))
    with open_history(location) as history:
        for name, run in zip(names, made, strict=True):
            add_run(history, on(run, "2026-11-01", f"{name}-1"))
        for name, seed in (("a", 11), ("b", 12)):
            of = runs.board(f"port-{name}", unique_id=name, machine=machines[name == "b"])
            more = {"errors": (ErrorRecord("port-b", "thread", "idle", "lost", ""),)}
            run = runs.night(seed, of=of)
            run = replace(run, **more) if name == "b" else run
            add_run(history, on(run, "2026-11-02", f"{name}-2"), worse=2 if name == "b" else None)
        late = on(again, "2026-11-02", "a-3")
        add_run(history, replace(late, info=replace(late.info, started_utc="2026-11-02T20:00:00Z")))
        yield history


def test_the_nights_are_counted(fleet):
    nights = [Night("2026-11-02", 3, 2), Night("2026-11-01", 3, 3)]
    assert newest_nights(fleet, RunFilter(), 5) == nights
    assert newest_nights(fleet, RunFilter(), 1) == nights[:1]
    assert newest_nights(fleet, RunFilter(board="c"), 5) == [Night("2026-11-01", 1, 1)]
    esp = RunFilter(machine="esp32")
    assert newest_nights(fleet, esp, 5) == [
        Night("2026-11-02", 1, 1),
        Night("2026-11-01", 2, 2),
    ]
    assert newest_nights(fleet, RunFilter(machine="%"), 5) == []


def test_each_board_of_a_night_has_its_newest_run(fleet):
    reported = boards_of_night(fleet, "2026-11-02", RunFilter())
    assert [(board.key, board.run, board.worse, board.errors) for board in reported] == [
        ("a", "a-3", None, 0),
        ("b", "b-2", 2, 1),
    ]
    assert [board.key for board in boards_of_night(fleet, "2026-11-03", RunFilter())] == []
    with pytest.raises(ConfigurationError, match="is no day"):
        boards_of_night(fleet, "yesterday", RunFilter())


def test_who_was_to_be_expected(fleet):
    before = boards_before(fleet, "2026-11-02", 7, RunFilter())
    assert [(board.key, board.run) for board in before] == [
        ("a", "a-1"),
        ("b", "b-1"),
        ("c", "c-1"),
    ]
    assert boards_before(fleet, "2026-11-01", 7, RunFilter()) == []
