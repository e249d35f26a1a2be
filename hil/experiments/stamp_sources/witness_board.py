"""``--hil-edges=board:PORT``: a second Pico that watches the pins of the board that is measured.

It is opened for the run, gets its agent in RAM, and counts during each window. Whatever becomes of
it, the board's capture goes on; what it saw until then is kept, and what is missing is said.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from hil.agents import bundle
from hil.agents.upload import CODE_TIMEOUT_S
from hil.boards.backends.registry import parse_board
from hil.boards.connection import Connection
from hil.boards.identity import parse_probe
from hil.model.captures import CaptureIssue
from hil.model.edge_sources import EDGE_OPTION, map_channels
from hil.model.edges import LOOP_LINE, RESPONSE_LINE, SYNC_LINE, task_line
from hil.model.errors import ConfigurationError, HilError, LinkLostError
from hil.recording.interfaces import END_OF_OUTPUT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.boards.backend import BoardSpec
    from hil.experiments.plan import CaptureJob
    from hil.experiments.workload import MeasuredBoard
    from hil.model.captures import CapturePlan
    from hil.model.edge_sources import EdgeSourceSpec
    from hil.recording.interfaces import CaptureSink, Clock, Prompt
    from hil.recording.witness_stream import WitnessStream

DEFAULT_LINES: Mapping[str, str] = {
    "gp2": task_line(0),
    "gp3": task_line(1),
    "gp4": LOOP_LINE,
    "gp8": SYNC_LINE,
    "gp9": RESPONSE_LINE,
}
"""What the pins of a witness are joined to where nobody says otherwise: those that the shipped
wiring of a Pico has for these lines."""
MAX_PINS = 8
PINS = tuple(f"gp{number}" for number in range(30))
AGENT_FILES = ("lib/frames_fast.py", "witness/edges.py")
RING_BITS = 14
"""A line's ring in the witness's memory holds 2 to this power bytes, a quarter as many edges."""
EVERY_US = 250_000
_PINGS = 8
_STOP = b"q"
_LOAD_S, _START_S, _END_S = 30.0, 5.0, 10.0
_READ_S = 0.05
_EMULATED_DIVIDER = 4
"""The emulator runs one instruction of a state machine for one of the processor at most, so that
the counters of an emulated witness must be slower than the processor."""
_FACTS = (
    "import sys,machine\n"
    "try:\n import rp2,uctypes\n pio=hasattr(rp2,'PIO')\n"
    "except ImportError:\n pio=False\n"
    "print('hil:platform='+sys.platform)\n"
    "print('hil:pio='+str(int(pio)))\n"
    "print('hil:uid='+''.join('%02x'%b for b in machine.unique_id()))\n"
)


class WitnessBoard:
    """A second board, open for a run; ``pins`` are the lines by the numbers of the pins.

    ``divider`` makes the state machines slower than the chip's clock.
    """

    def __init__(
        self,
        name: str,
        connection: Connection,
        pins: Mapping[int, str],
        *,
        divider: int = 1,
    ) -> None:
        self.name = name
        self.connection = connection
        self.pins = dict(pins)
        self.divider = divider
        self._loaded = False

    def source(self, board: MeasuredBoard, job: CaptureJob) -> WitnessWindow:  # noqa: ARG002
        """What records one window."""
        return WitnessWindow(self, board.connection.clock)

    def close(self) -> None:
        """Leave the witness with nothing of ours, at its prompt; never raises."""
        if self._loaded and not self.connection.broken:
            with contextlib.suppress(HilError):
                self.connection.start_afresh()
        self.connection.close()

    def ready(self) -> Prompt:
        """Its prompt, with the agent in memory; raises kinds of ``HilError``."""
        self.connection.check()
        if not self._loaded:
            with self.connection.within("loading the witness", _LOAD_S, _LOAD_S):
                for _, pieces in bundle.library(*AGENT_FILES):
                    for piece in pieces:
                        self.connection.repl.exec(piece, timeout_s=CODE_TIMEOUT_S)
            self._loaded = True
        return self.connection.repl

    def start_code(self) -> str:
        """The statement that starts the agent."""
        config = {
            "pins": tuple(self.pins),
            "names": tuple(self.pins.values()),
            "div": self.divider,
            "bits": RING_BITS,
            "every_us": EVERY_US,
            "pings": _PINGS,
        }
        return f"hil_witness({bundle.literal(config)})"

    def recover(self, error: HilError) -> str:
        """Bring it back for the next window; what is to be said of that, often nothing."""
        self._loaded = False
        if isinstance(error, LinkLostError):
            self.connection.lost()
        try:
            self.connection.recover()
        except HilError as failure:
            return f"; it did not come back ({failure})"
        return ""


class WitnessWindow:
    """See :class:`~hil.recording.interfaces.StampSource`: one window as a witness sees it.

    ``clock`` is the measured board's: a witness whose own time is virtual follows it, and is
    behind it at every moment.
    """

    def __init__(self, witness: WitnessBoard, clock: Clock) -> None:
        self._witness = witness
        self._clock = clock
        self._behind_ns = 0
        self._stream: WitnessStream | None = None
        self._sink: CaptureSink | None = None
        self._failure = ""
        self._at_end = False

    @property
    def name(self) -> str:
        """The instrument's name."""
        return self._witness.name

    @property
    def resolution_us(self) -> float:
        """One turn of a state machine at 125 MHz."""
        return 0.016 * self._witness.divider

    def begin(self, plan: CapturePlan, sink: CaptureSink) -> None:
        """Start the agent and wait until it counts."""
        from hil.recording.witness_stream import WitnessStream

        witness = self._witness
        self._sink = sink
        try:
            prompt = witness.ready()
            lines = tuple(witness.pins.values())
            self._stream = WitnessStream(prompt.write, lines, prompt.clock, plan.duration_us)
            prompt.start(witness.start_code())
            deadline = prompt.deadline(_START_S * prompt.slowness)
            while not (self._stream.counting or self._at_end) and not deadline.expired:
                self._take(prompt, _READ_S)
            if not self._stream.counting and not self._at_end:
                raise LinkLostError(
                    f"{prompt.port}: the witness did not begin to count: {deadline.describe()}"
                )
            self._behind_ns = self._clock.now_ns() - prompt.clock.now_ns()
        except HilError as error:
            self._failed(error)

    def poll(self, timeout_s: float) -> bool:
        """Take what has come; false once the witness is at its end or failed."""
        if self._failure or self._at_end or self._stream is None:
            return False
        try:
            self._follow(self._witness.connection.repl)
            self._take(self._witness.connection.repl, timeout_s)
            if self._stream.full:
                self._failure = "it saw more edges than a window may have; watch fewer pins"
                self._stop()
        except HilError as error:
            self._failed(error)
        return not (self._failure or self._at_end)

    def end(self) -> None:
        """Stop the agent, and give the sink what it saw; raises only what the sink does."""
        if self._stream is None:
            self._give_up()
            return
        if not self._failure or self._stream.full:
            try:
                self._follow(self._witness.connection.repl)
                self._stop()
            except HilError as error:
                self._failed(error)
        recording = self._stream.recording(self.name)
        if self._failure:
            issue = CaptureIssue("failed", self._failure)
            recording = replace(recording, issues=(issue, *recording.issues))
        if self._sink is not None:
            self._sink.edges(recording)

    def _give_up(self) -> None:
        raise LinkLostError(self._failure or f"the witness {self.name} was not started")

    def _follow(self, prompt: Prompt) -> None:
        """Let virtual time of the witness pass as far as the board's has."""
        if prompt.clock.kind == "real":
            return
        end_ns = self._clock.now_ns() - self._behind_ns
        while not self._at_end and (left_ns := end_ns - prompt.clock.now_ns()) > 0:
            self._take(prompt, left_ns / 1e9)

    def _take(self, prompt: Prompt, timeout_s: float) -> None:
        assert self._stream is not None
        data = prompt.read(timeout_s)
        body, mark, rest = data.partition(END_OF_OUTPUT)
        self._stream.feed(body, prompt.clock.now_ns())
        if mark:
            self._at_end = True
            prompt.unread(rest)

    def _stop(self) -> None:
        prompt = self._witness.connection.repl
        if not self._at_end:
            prompt.write(_STOP)
        deadline = prompt.deadline(_END_S * prompt.slowness)
        while not self._at_end:
            self._take(prompt, _READ_S)
            if deadline.expired:
                raise LinkLostError(
                    f"{prompt.port}: the witness did not stop: {deadline.describe()}"
                )
        prompt.end_of_program(prompt.deadline(CODE_TIMEOUT_S * prompt.slowness))

    def _failed(self, error: HilError) -> None:
        self._failure = f"{error}{self._witness.recover(error)}"


def open_witness(spec: EdgeSourceSpec, board: MeasuredBoard) -> WitnessBoard:
    """Open the second board of ``board:PORT``; ``board`` is the one that is measured.

    Raises :class:`~hil.model.errors.ConfigurationError` for one that can't be a witness, and the
    kinds of :class:`~hil.model.errors.TransportError`.
    """
    option = f"{EDGE_OPTION}={spec.text}"
    pins = _pins(option, spec, board)
    target = _parse(option, spec)
    own = board.connection.spec
    taken = set(own.backend.lock_names(own))
    if taken.intersection(target.backend.lock_names(target)):
        raise _same(option)
    connection = Connection(target)
    try:
        connection.open()
        facts = parse_probe(connection.repl.exec(_FACTS, timeout_s=CODE_TIMEOUT_S))
        if facts.get("platform") != "rp2" or facts.get("pio") != "1":
            raise ConfigurationError(
                f"{option}: the board there ({facts.get('platform', 'unknown')[:40]}) has no PIO; "
                "a witness is a Raspberry Pi Pico or another board with an RP2040 or RP2350"
            )
        emulated = target.source == "emulator"
        uid = facts.get("uid")
        if not emulated and uid and uid == board.identity.unique_id:
            raise _same(option)
    except BaseException:
        connection.close()
        raise
    divider = _EMULATED_DIVIDER if emulated else 1
    return WitnessBoard(spec.name, connection, pins, divider=divider)


def _same(option: str) -> ConfigurationError:
    return ConfigurationError(
        f"{option}: this is the board that is measured; a witness is a second board"
    )


def _parse(option: str, spec: EdgeSourceSpec) -> BoardSpec:
    try:
        target = parse_board(spec.target)
    except ConfigurationError as error:
        text = str(error).removeprefix(f"--board={spec.target}: ")
        raise ConfigurationError(f"{option}: {text}") from None
    if target.stored_run or target.source == "sim" or target.text == "auto":
        raise ConfigurationError(f"{option}: a witness is a board with PIO at a port of its own")
    return target


def _pins(option: str, spec: EdgeSourceSpec, board: MeasuredBoard) -> dict[int, str]:
    """The lines by the pins' numbers: of the option, else of the wiring file, else the usual."""
    channels = map_channels(option, PINS, spec.lines, board.wiring.edges or DEFAULT_LINES)
    if len(channels) > MAX_PINS:
        raise ConfigurationError(f"{option}: a witness watches {MAX_PINS} pins at most")
    return channels
