"""A witness beside a board: what it saw is kept whatever becomes of it, and what can't be one is
refused in one line."""

import contextlib
from types import SimpleNamespace

import pytest

from hil.boards.backends.registry import parse_board
from hil.experiments.registry import EDGE_SOURCES
from hil.experiments.stamp_sources.witness_board import WitnessBoard, open_witness
from hil.model.board import NO_WIRING, Wiring
from hil.model.captures import CapturePlan, TaskPlan
from hil.model.edge_sources import parse_edge_sources
from hil.model.errors import (
    BoardBusyError,
    BoardTimeoutError,
    ConfigurationError,
    LinkLostError,
    RemoteCodeError,
)
from hil.protocol.encoder import encode_text
from hil.recording.interfaces import REAL_CLOCK, Deadline
from tools.synthetic_witness import LINES, Witness

PLAN = CapturePlan("timer_soft", "idle", (TaskPlan(0, 10_000),), 100_000)
EDGES = Witness(
    {"task0": [62_500 * k for k in range(1, 200)], "loop": [1000, 2000]}, [100_000, 200_000]
)


class Prompt:
    """A board at which the agent's stream comes, half of it at the start and the rest at a stop.

    ``trouble`` happens at that step.
    """

    port, slowness, clock = "/dev/ttyACM1", 1.0, REAL_CLOCK

    def __init__(self, trouble=""):
        self.trouble = trouble
        self.executed, self.started, self.written = [], [], b""
        self.waiting = b""
        self.back = b""

    def exec(self, code, *, timeout_s=0):
        self.executed.append(code)
        if self.trouble == "exec":
            raise RemoteCodeError("the board raised ImportError: no module named 'rp2'")
        return b""

    def start(self, code):
        if self.trouble == "start":
            raise LinkLostError("the port went away")
        self.started.append(code)
        frames = EDGES.frames()
        at = next(at for at, frame in enumerate(frames) if frame[1:2] == b"D") + 1
        more = next(k for k in range(at, len(frames)) if frames[k][1:2] == b"D")
        self.waiting = b"".join(frames[:more])
        self.rest = b"".join(frames[more:])
        if self.trouble == "traceback":
            self.waiting += b"\x04Traceback (most recent call last):\r\nMemoryError: \r\n\x04>"
        elif self.trouble == "silent":
            self.waiting = b""

    def read(self, timeout_s):
        data, self.waiting = self.waiting, b""
        if not data and self.trouble == "read":
            raise LinkLostError("the port went away")
        return data

    def write(self, data):
        self.written += data
        if data == b"q" and self.trouble != "no stop":
            self.waiting += self.rest + b"\x04\x04>"

    def unread(self, data):
        self.back += data

    def deadline(self, overall_s, idle_s=None):
        return Deadline(0.2, idle_s)

    def end_of_program(self, deadline):
        if b"Traceback" in self.back:
            raise RemoteCodeError("the board raised MemoryError: ")

    def enter(self, **_):
        self.executed.append("enter")


class Connection:
    """Counts what is asked of it."""

    def __init__(self, prompt, recovers=True):
        self.repl = prompt
        self.broken = ""
        self.done = []
        self._recovers = recovers

    def check(self):
        self.done.append("check")

    def lost(self):
        self.done.append("lost")

    def within(self, *_limit):
        return contextlib.nullcontext()

    def start_afresh(self):
        self.repl.enter()

    def recover(self):
        self.done.append("recover")
        if not self._recovers:
            raise BoardTimeoutError("nothing answers")

    def close(self):
        self.done.append("close")


class Sink:
    def __init__(self):
        self.recordings = []

    def edges(self, recording):
        self.recordings.append(recording)


BOARD = SimpleNamespace(connection=SimpleNamespace(clock=REAL_CLOCK))


def window(prompt, *, polls=3, recovers=True):
    connection = Connection(prompt, recovers)
    witness = WitnessBoard("witness", connection, {2: LINES[0], 4: LINES[1]})
    sink = Sink()
    source = witness.source(BOARD, None)
    source.begin(PLAN, sink)
    for _ in range(polls):
        source.poll(0.0)
    source.end()
    witness.close()
    return (*sink.recordings, connection)


def test_a_window_is_recorded_and_nothing_is_left_on_the_witness():
    prompt = Prompt()
    recording, connection = window(prompt)
    assert recording.issues == ()
    assert recording.lost == ()
    assert recording.instrument == "witness"
    for line in recording.lines:
        assert line.times_ns.tolist() == EDGES.truth_ns(line.name).tolist()
    assert prompt.started == [
        "hil_witness({'pins':(2,4,),'names':('task0','loop',),'div':1,'bits':14,"
        "'every_us':250000,'pings':8})"
    ]
    assert prompt.written == b"q"
    assert prompt.executed[-1] == "enter"
    assert connection.done == ["check", "close"]


def test_the_agent_is_sent_once_for_all_windows():
    prompt = Prompt()
    witness = WitnessBoard("witness", Connection(prompt), {2: LINES[0], 4: LINES[1]})
    for _ in range(2):
        source = witness.source(BOARD, None)
        source.begin(PLAN, Sink())
        source.end()
    assert sum("def hil_witness" in code for code in prompt.executed) == 1


@pytest.mark.parametrize(
    ("trouble", "said", "recovered"),
    [
        ("read", "the port went away", ["lost", "recover"]),
        ("traceback", "MemoryError", ["recover"]),
        ("no stop", "the witness did not stop", ["lost", "recover"]),
    ],
)
def test_what_came_before_trouble_is_kept(trouble, said, recovered):
    recording, connection = window(Prompt(trouble))
    first = EDGES.truth_ns("task0")
    times = recording.line("task0").times_ns
    assert times.tolist() == first[: times.size].tolist()
    assert 0 < times.size < first.size
    assert recording.issues[0].kind == "failed"
    assert said in recording.issues[0].detail
    assert "truncated" in {issue.kind for issue in recording.issues}
    assert recording.end_ns == 100_000_000
    assert connection.done == ["check", *recovered, "close"]


def test_one_that_does_not_come_back_is_said():
    recording, _ = window(Prompt("read"), recovers=False)
    assert "it did not come back (nothing answers)" in recording.issues[0].detail


@pytest.mark.parametrize(
    ("trouble", "said"), [("exec", "no module named 'rp2'"), ("start", "the port went away")]
)
def test_one_that_does_not_start_raises_at_the_end(trouble, said):
    if trouble == "exec":
        with pytest.raises(LinkLostError, match=said):
            window(Prompt(trouble))
    else:
        recording, _ = window(Prompt(trouble))
        assert recording.lines == ()
        assert said in recording.issues[0].detail


def test_one_that_stays_silent_is_not_waited_for():
    recording, _ = window(Prompt("silent"))
    assert "did not begin to count" in recording.issues[0].detail
    assert recording.lines == ()


def test_pings_of_the_agent_are_answered():
    prompt = Prompt()
    asked = encode_text("R", 0, [("n", 1)])

    def start(code):
        prompt.waiting = asked
        prompt.rest = b""

    prompt.start = start
    source = WitnessBoard("witness", Connection(prompt), {2: "task0"}).source(BOARD, None)
    source.begin(PLAN, Sink())
    assert prompt.written.startswith(b"!")


def measured(text, wiring=NO_WIRING, uid="aa"):
    spec = parse_board(text)
    connection = SimpleNamespace(spec=spec, clock=REAL_CLOCK)
    identity = SimpleNamespace(unique_id=uid)
    return SimpleNamespace(connection=connection, wiring=wiring, identity=identity)


@pytest.mark.parametrize(
    ("edges", "said"),
    [
        ("board:nowhere", "--hil-edges=board:nowhere: not a board"),
        ("board:sim", "a witness is a board with PIO at a port of its own"),
        ("board:auto", "a witness is a board with PIO at a port of its own"),
        ("board:/dev/ttyACM0", "this is the board that is measured"),
        ("board:a0?gp2=task0", "this is the board that is measured"),
        ("board:/dev/ttyACM1?gp30=task0", "no channel gp30"),
        ("board:/dev/ttyACM1?baud=x", "baud= needs a number"),
    ],
)
def test_what_can_t_be_a_witness_is_refused_before_it_is_opened(edges, said):
    (spec,) = parse_edge_sources([edges])
    with pytest.raises(ConfigurationError, match="hil-edges") as error:
        open_witness(spec, measured("/dev/ttyACM0"))
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert "--board" not in str(error.value)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (b"hil:platform=esp32\r\nhil:pio=0\r\nhil:uid=01\r\n", "esp32.*has no PIO"),
        (b"hil:platform=rp2\r\nhil:pio=0\r\nhil:uid=01\r\n", "has no PIO"),
        (b"", "unknown.*has no PIO"),
        (b"hil:platform=rp2\r\nhil:pio=1\r\nhil:uid=aa\r\n", "is the board that is measured"),
    ],
)
def test_a_board_that_is_none_is_let_go_of(monkeypatch, facts, said):
    opened = Opened(facts)
    monkeypatch.setattr(
        "hil.experiments.stamp_sources.witness_board.Connection", lambda spec: opened
    )
    (spec,) = parse_edge_sources(["board:/dev/ttyACM1"])
    with pytest.raises(ConfigurationError, match=said):
        open_witness(spec, measured("/dev/ttyACM0"))
    assert opened.done == ["open", "close"]


class Opened(Connection):
    def __init__(self, facts):
        super().__init__(SimpleNamespace(exec=lambda code, timeout_s: facts))

    def open(self):
        self.done.append("open")


GOOD = b"hil:platform=rp2\r\nhil:pio=1\r\nhil:uid=bb\r\n"


@pytest.mark.parametrize(
    ("edges", "wiring", "pins"),
    [
        ("board:a1", {}, {2: "task0", 3: "task1", 4: "loop", 8: "sync", 9: "response"}),
        ("board:a1", {"gp16": "task0", "ch17": "sync"}, {16: "task0", 17: "sync"}),
        ("board:a1?gp9=sync&gp8=task0", {"gp16": "task0"}, {8: "task0", 9: "sync"}),
    ],
)
def test_pins_come_from_the_option_or_the_wiring_or_are_the_usual(monkeypatch, edges, wiring, pins):
    monkeypatch.setattr(
        "hil.experiments.stamp_sources.witness_board.Connection", lambda spec: Opened(GOOD)
    )
    (spec,) = parse_edge_sources([edges])
    witness = EDGE_SOURCES["board"](spec, measured("sim", Wiring("here", edges=wiring)))
    assert witness.pins == pins
    assert witness.name == "witness"
    assert witness.divider == 1


def test_a_witness_that_is_in_use_is_no_witness(monkeypatch):
    class Busy(Opened):
        def open(self):
            super().open()
            raise BoardBusyError("/dev/ttyACM1: the board is in use")

    busy = Busy(GOOD)
    monkeypatch.setattr("hil.experiments.stamp_sources.witness_board.Connection", lambda spec: busy)
    (spec,) = parse_edge_sources(["board:/dev/ttyACM1"])
    with pytest.raises(BoardBusyError):
        open_witness(spec, measured("/dev/ttyACM0"))
    assert busy.done == ["open", "close"]
