"""Instruments beside a board: what they see is stored, and one that fails costs no capture."""

import contextlib
from types import SimpleNamespace

import numpy as np
import pytest

from hil.boards.backends.registry import parse_board
from hil.experiments import registry
from hil.experiments.edge_instruments import check_edge_sources, missing_edges, no_edges
from hil.experiments.plan import Case, calibration_plan, capture_job
from hil.experiments.session import Session
from hil.model.captures import CapturePlan, TaskPlan
from hil.model.edge_sources import parse_edge_sources
from hil.model.edges import EdgeLine, EdgeRecording
from hil.model.errors import ConfigurationError, LinkLostError
from hil.recording.capture_reader import read_capture
from hil.recording.validity import require_valid

PLAN = CapturePlan("timer_soft", "idle", (TaskPlan(0, 10_000),), 100_000, options={"pings": 2})
SPECS = parse_edge_sources(["sigrok:demo"])


class Instrument:
    """Sees one edge a window; fails where it is told to."""

    name = "sigrok-demo"
    resolution_us = 1.0

    def __init__(self, fails=""):
        self.fails, self.done = fails, []

    def _do(self, step):
        self.done.append(step)
        if step == self.fails:
            raise LinkLostError(f"the analyser went away in its {step}")

    def source(self, board, job):
        return self

    def begin(self, plan, sink):
        self.sink = sink
        self._do("begin")

    def poll(self, timeout_s):
        if "poll" not in self.done:
            self._do("poll")
        return True

    def end(self):
        self._do("end")
        if self.fails != "begin":
            line = EdgeLine("task0", np.array([5], np.int64), np.array([1], np.int64))
            self.sink.edges(EdgeRecording(self.name, (line,), 0, 9, 1000.0))

    def close(self):
        self.done.append("close")


def captured(monkeypatch, path, instrument, plan=PLAN):
    monkeypatch.setitem(registry.EDGE_SOURCES, "sigrok", lambda spec, board: instrument)
    with Session(parse_board("sim:clock=virtual"), edges=SPECS) as session:
        session.capture(capture_job(Case(plan), session.board), path)
    capture = read_capture(path)
    require_valid(capture)
    return capture


def test_an_instrument_records_from_before_the_window_until_behind_it(tmp_path, monkeypatch):
    instrument = Instrument()
    capture = captured(monkeypatch, tmp_path / "a.hilcap", instrument)
    assert instrument.done == ["begin", "poll", "end", "close"]
    assert [line.times_ns.tolist() for line in capture.edges[0].lines] == [[5]]
    assert list(missing_edges(capture, SPECS, stored=False)) == []


def test_a_failure_on_the_way_is_stored_with_the_edges_that_came(tmp_path, monkeypatch):
    capture = captured(monkeypatch, tmp_path / "a.hilcap", Instrument("poll"))
    (recording,) = capture.edges
    assert [line.times_ns.tolist() for line in recording.lines] == [[5]]
    (text,) = missing_edges(capture, SPECS, stored=False)
    assert text == ("the edges of sigrok-demo are not whole: the analyser went away in its poll")


@pytest.mark.parametrize("step", ["begin", "end"])
def test_an_instrument_that_fails_leaves_the_board_s_stamps(tmp_path, monkeypatch, step):
    capture = captured(monkeypatch, tmp_path / "a.hilcap", Instrument(step))
    assert capture.tracks[0].stamps_us.size > 5
    (recording,) = capture.edges
    assert recording.lines == ()
    (text,) = missing_edges(capture, SPECS, stored=False)
    assert text == f"no edges of sigrok-demo: the analyser went away in its {step}"


def test_an_instrument_that_fails_on_its_way_is_asked_no_more(tmp_path, monkeypatch):
    instrument = Instrument("poll")
    instrument.sink = None
    monkeypatch.setattr(instrument, "end", lambda: instrument.done.append("end"))
    capture = captured(monkeypatch, tmp_path / "a.hilcap", instrument)
    assert instrument.done == ["begin", "poll", "end", "close"]
    assert capture.edges[0].issues[0].detail == "the analyser went away in its poll"


def test_a_capture_without_tasks_has_no_edges(tmp_path, monkeypatch):
    instrument = Instrument()
    captured(monkeypatch, tmp_path / "a.hilcap", instrument, calibration_plan())
    assert instrument.done == ["close"]


def test_an_instrument_that_can_not_be_opened_lets_go_of_the_board(monkeypatch):
    def refuse(spec, board):
        raise ConfigurationError("no analyser is attached")

    monkeypatch.setitem(registry.EDGE_SOURCES, "sigrok", refuse)
    closed = []
    session = Session(parse_board("sim:clock=virtual"), edges=SPECS)
    session._cleanup.callback(closed.append, True)
    with pytest.raises(ConfigurationError, match="no analyser"), contextlib.closing(session):
        session.open()
    assert closed


def test_edges_that_were_never_stored_are_missing():
    capture = SimpleNamespace(edges=(no_edges("other", "x"),))
    specs = parse_edge_sources(["run.vcd", "sigrok:demo"])
    assert list(missing_edges(capture, specs, stored=False)) == ["no edges of sigrok-demo"]
    assert list(missing_edges(capture, specs, stored=True)) == ["no edges of recording"]


LIVE, STORED = parse_board("sim"), parse_board("replay:run")


@pytest.mark.parametrize(
    ("text", "boards", "there", "words"),
    [
        ("run.vcd", [LIVE], True, "there already"),
        ("run.txt", [LIVE], False, "not an instrument"),
        ("run.vcd", [STORED], False, "no such file"),
        ("sigrok:demo", [STORED], False, "not measured again"),
        ("saleae:", [LIVE], False, "no instrument 'saleae' here"),
        ("sigrok:demo", [LIVE, parse_board("sim:ppm=3")], False, "one board at a time"),
        ("sim", [LIVE], False, "need virtual time: --board=sim:clock=virtual"),
        ("sim", [parse_board("/dev/ttyACM7")], False, "/dev/ttyACM7 needs an instrument"),
        ("pico", [parse_board("sim:clock=virtual")], False, "needs an instrument"),
        ("sim", [STORED], False, "not measured again"),
    ],
)
def test_what_can_not_be_done_is_refused_in_one_line(text, boards, there, words):
    specs = parse_edge_sources([text])
    with pytest.raises(ConfigurationError, match=words):
        check_edge_sources(specs, boards, ["sigrok", "sim", "pico"], lambda path: there)


@pytest.mark.parametrize(
    ("text", "board", "there"),
    [
        ("run.SR", LIVE, False),
        ("run.txt", STORED, True),
        ("sigrok:demo", LIVE, False),
        ("sim", parse_board("sim:clock=virtual,ppm=3"), False),
    ],
)
def test_what_can_be_done_is_not(text, board, there):
    check_edge_sources(parse_edge_sources([text]), [board], ["sigrok", "sim"], lambda path: there)


SUITE = """
def test_lateness(figures):
    figures.check("lateness_max_us")
"""
ARGS = ("--hil-technique=timer_hard", "--hil-duration-s=0.4", "--hil-out=out")


def test_a_run_says_once_which_edges_are_missing_and_has_the_board_s_figures(
    pytester, run_here, monkeypatch
):
    pytester.makepyfile(SUITE)
    monkeypatch.setitem(registry.EDGE_SOURCES, "sigrok", lambda spec, board: Instrument("begin"))
    result = run_here("--board=sim:clock=virtual", "--hil-edges=sigrok:demo", *ARGS)
    assert result.ret == 8, result.outlines
    assert result.parseoutcomes() == {"passed": 1}
    told = "no edges of sigrok-demo: the analyser went away in its begin"
    assert " ".join(line.strip() for line in result.outlines).count(told) == 1


def test_a_run_beside_a_recording_says_how_to_evaluate_it(pytester, run_here):
    pytester.makepyfile(SUITE)
    result = run_here("--board=sim:clock=virtual", "--hil-edges=my run.vcd?ch0=task0", *ARGS)
    assert result.ret == 0, result.outlines
    (line,) = [line for line in result.outlines if line.startswith("edges: ")]
    assert "my run.vcd, then: pytest --hil-board=replay:out/" in line
    assert line.endswith("'--hil-edges=my run.vcd?ch0=task0'")
