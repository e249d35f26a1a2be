"""A virtual board's pins as an instrument, by a watch that this test moves."""

from types import SimpleNamespace

import pytest

from hil.boards.backend import PinWatch
from hil.experiments.stamp_sources import watched_pins
from hil.experiments.stamp_sources.watched_pins import (
    PinEdges,
    WatchedPins,
    open_watched_pins,
    watched_lines,
)
from hil.model.board import Wiring
from hil.model.edge_sources import parse_edge_sources
from hil.model.errors import ConfigurationError

WIRING = Wiring("w", outputs=(2, 3), loopback=(4, 5), sync=8, response=9)


class Watch(PinWatch):
    name = "pico"
    resolution_ns = 8.0

    def __init__(self, counts=True):
        self.ns = 1000
        self.heard = {}
        self.counts = counts

    def now_ns(self):
        return self.ns

    def level(self, pin):
        return {2: 0, 3: 1}.get(pin)

    def listen(self, pin, notice):
        self.heard[pin] = notice
        return lambda: self.heard.pop(pin)

    def clock_pair(self):
        return (self.ns // 1000, self.ns) if self.counts else None


@pytest.fixture
def recordings():
    taken = []
    return SimpleNamespace(edges=taken.append, taken=taken)


def record(watch, sink, edges, pins=None):
    source = PinEdges("pico", watch, pins or {"task0": 2, "task1": 3})
    source.begin(None, sink)
    for pin, ns, level in edges:
        watch.ns = ns
        watch.heard[pin](ns, level)
        assert source.poll(0.0)
    watch.ns += 5000
    source.end()
    (recording,) = sink.taken
    return recording


def test_every_edge_is_recorded_with_the_levels_before(recordings):
    watch = Watch()
    edges = [(2, 2000, 1), (3, 2008, 0), (2, 3000, 0)]
    recording = record(watch, recordings, edges)
    first, second = recording.lines
    assert (first.name, first.times_ns.tolist(), first.levels.tolist()) == (
        *("task0", [2000, 3000], [1, 0]),
    )
    assert (second.name, second.times_ns.tolist(), second.levels.tolist()) == ("task1", [2008], [0])
    assert (first.initial, second.initial) == (0, 1)
    assert (recording.start_ns, recording.end_ns) == (1000, 8000)
    assert (recording.board_us.tolist(), recording.seen_ns.tolist()) == ([1, 8], [1000, 8000])
    assert recording.resolution_ns == 8.0
    assert watch.heard == {}


def test_a_counter_that_stands_still_gives_no_pairs(recordings):
    recording = record(Watch(counts=False), recordings, [(2, 2000, 1)])
    assert recording.board_us.size == recording.seen_ns.size == 0


def test_more_edges_than_there_is_room_for_are_told_as_lost(recordings, monkeypatch):
    monkeypatch.setattr(watched_pins, "MAX_EDGES", 3)
    recording = record(Watch(), recordings, [(2, 2000 + n, n % 2) for n in range(5)])
    assert recording.lines[0].times_ns.tolist() == [2000, 2001, 2002]
    (lost,) = recording.lost
    assert (lost.start_ns, lost.end_ns) == (2003, 7004)
    assert [issue.kind for issue in recording.issues] == ["missing"]


def test_an_end_without_a_beginning_records_nothing(recordings):
    PinEdges("pico", Watch(), {"task0": 2}).end()
    assert recordings.taken == []


def test_the_lines_are_those_of_the_tasks_and_of_the_wiring():
    lines = {"task0": 2, "task1": 3, "loop": 4, "response": 9, "sync": 8}
    assert watched_lines((2, 3), WIRING) == lines
    assert watched_lines((), Wiring("w", outputs=(2,))) == {}


def open_for(spec, watch):
    held = SimpleNamespace(pin_watch=watch)
    board = SimpleNamespace(
        connection=SimpleNamespace(board=held), identity=SimpleNamespace(name="x"), wiring=WIRING
    )
    return open_watched_pins(parse_edge_sources([spec])[0], board), board


def test_it_is_the_instrument_of_its_own_board_alone():
    with pytest.raises(ConfigurationError, match=r"--hil-edges=pico: .* x is another one"):
        open_for("pico", None)
    instrument, board = open_for("pico", Watch())
    assert isinstance(instrument, WatchedPins)
    job = SimpleNamespace(plan=SimpleNamespace(tasks=(0, 1)))
    source = instrument.source(board, job)
    assert (source.name, source.resolution_us) == ("pico", 0.008)
    instrument.close()


def watched_of(spec, tasks=2):
    instrument, board = open_for(spec, Watch())
    return instrument.source(board, SimpleNamespace(plan=SimpleNamespace(tasks=(0,) * tasks)))._pins


def test_which_pin_is_which_line_can_be_said():
    assert watched_of("pico", tasks=1) == {"task0": 2, "loop": 4, "response": 9, "sync": 8}
    lines = watched_of("pico?25=task0&GP7=task1&LED=response")
    assert lines == {"task0": 25, "task1": 7, "loop": 4, "response": "LED", "sync": 8}
