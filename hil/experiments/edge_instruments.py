"""Instruments that see edges, open beside a board for the length of a run.

One that fails does not lose what the board stamped: its edges are missing, and that is stored with
the capture and told.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from hil.model.captures import CaptureIssue
from hil.model.edge_sources import EDGE_FORMS, EDGE_OPTION, RECORDING_SUFFIXES
from hil.model.edges import EdgeRecording
from hil.model.errors import ConfigurationError, HilError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import ExitStack

    from hil.boards.backend import BoardSpec
    from hil.experiments.plan import CaptureJob
    from hil.experiments.workload import MeasuredBoard
    from hil.model.captures import Capture, CapturePlan
    from hil.model.edge_sources import EdgeSourceKind, EdgeSourceSpec
    from hil.recording.interfaces import CaptureSink, StampSource

    OpenInstrument = Callable[[EdgeSourceSpec, MeasuredBoard], "EdgeInstrument"]

FAILED = "failed"
"""The kind of the issue of a recording that an instrument did not deliver, or not to its end."""


class EdgeInstrument(Protocol):
    """An instrument that was opened; ``name`` is the ``source`` of its figures."""

    name: str

    def source(self, board: MeasuredBoard, job: CaptureJob) -> StampSource | None:
        """What records one window; ``None`` where it has no part in it."""

    def close(self) -> None:
        """Let go of the instrument; never raises."""


def open_instruments(
    specs: Iterable[EdgeSourceSpec],
    table: Mapping[EdgeSourceKind, OpenInstrument],
    board: MeasuredBoard,
    opened: ExitStack,
) -> list[EdgeInstrument]:
    """The instruments that watch ``board``, each closed by ``opened``.

    A file is no instrument: it is recorded by something else. Raises kinds of
    :class:`~hil.model.errors.HilError` for an instrument that can't be opened.
    """
    instruments = []
    for spec in specs:
        if spec.kind == "file":
            continue
        instrument = table[spec.kind](spec, board)
        opened.callback(instrument.close)
        instruments.append(instrument)
    return instruments


def window_sources(
    instruments: Iterable[EdgeInstrument], board: MeasuredBoard, job: CaptureJob
) -> Iterator[StampSource]:
    """What records one window, guarded; a capture without tasks has no edges."""
    if not job.plan.tasks:
        return
    for instrument in instruments:
        source = instrument.source(board, job)
        if source is not None:
            yield GuardedSource(source)


class GuardedSource:
    """A stamp source whose failure is stored with its edges, or in their place, and stops nothing.

    It is the sink of its source too: what that delivers is passed on at the end.
    """

    def __init__(self, source: StampSource) -> None:
        self._source = source
        self._sink: CaptureSink | None = None
        self._delivered: EdgeRecording | None = None
        self._failure = ""

    @property
    def name(self) -> str:
        """The instrument's name."""
        return self._source.name

    @property
    def resolution_us(self) -> float:
        """The least step between two stamps, in microseconds."""
        return self._source.resolution_us

    def begin(self, plan: CapturePlan, sink: CaptureSink) -> None:
        """Start recording."""
        self._sink = sink
        try:
            self._source.begin(plan, self)
        except HilError as error:
            self._failure = str(error)

    def poll(self, timeout_s: float) -> bool:
        """Take what has come; false once the source is at its end or has failed."""
        if self._failure:
            return False
        try:
            return self._source.poll(timeout_s)
        except HilError as error:
            self._failure = str(error)
            return False

    def end(self) -> None:
        """Stop recording, and store what came, with the failure if there was one."""
        try:
            self._source.end()
        except HilError as error:
            self._failure = self._failure or str(error)
        if self._sink is None:
            return
        recording = self._delivered
        if self._failure and recording is None:
            recording = no_edges(self.name, self._failure)
        elif self._failure and recording is not None:
            issue = CaptureIssue(FAILED, self._failure)
            recording = replace(recording, issues=(*recording.issues, issue))
        if recording is not None:
            self._sink.edges(recording)

    def rx(self, data: bytes, host_ns: int) -> None:
        """Pass on bytes."""
        if self._sink is not None:
            self._sink.rx(data, host_ns)

    def ping(self, host_tx_ns: int, host_rx_ns: int) -> None:
        """Pass on a clock exchange."""
        if self._sink is not None:
            self._sink.ping(host_tx_ns, host_rx_ns)

    def edges(self, recording: EdgeRecording) -> None:
        """Take what the source recorded."""
        self._delivered = recording


def no_edges(instrument: str, reason: str) -> EdgeRecording:
    """The recording of an instrument that did not deliver any."""
    issue = CaptureIssue(FAILED, reason)
    return EdgeRecording(instrument, (), 0, 0, 0.0, issues=(issue,))


def missing_edges(
    capture: Capture, specs: Iterable[EdgeSourceSpec], *, stored: bool
) -> Iterator[str]:
    """What to tell of the instruments whose edges a window lacks, a sentence each.

    ``stored``: the capture is one of a stored run, to which only files bring edges.
    """
    delivered = {recording.instrument: recording for recording in capture.edges}
    for spec in specs:
        if stored == (spec.kind == "file"):
            recording = delivered.get(spec.name)
            if recording is None:
                yield f"no edges of {spec.name}"
            elif not recording.lines:
                reasons = "; ".join(issue.detail for issue in recording.issues)
                yield f"no edges of {spec.name}: {reasons or 'it delivered none'}"
            else:
                for issue in recording.issues:
                    if issue.kind == FAILED:
                        yield f"the edges of {spec.name} are not whole: {issue.detail}"


def check_edge_sources(
    specs: Sequence[EdgeSourceSpec],
    boards: Sequence[BoardSpec],
    known: Iterable[str],
    exists: Callable[[str], bool],
) -> None:
    """Refuse what can't be done with these boards, before anything is opened.

    ``known`` are the kinds of the instruments that there are, ``exists`` tells whether there is a
    file. Raises :class:`~hil.model.errors.ConfigurationError`, in one line.
    """
    live = [board for board in boards if not board.stored_run]
    names = (*known, "file")
    for spec in specs:
        option = f"{EDGE_OPTION}={spec.text}"
        if spec.kind not in names:
            raise ConfigurationError(f"{option}: there is no instrument {spec.kind!r} here")
        if live and len(boards) > 1:
            raise ConfigurationError(
                f"{option}: an instrument watches one board; measure one board at a time"
            )
        if spec.kind in ("sim", "pico"):
            _check_own_edges(option, spec, live)
        if spec.kind == "file":
            _check_file(option, spec, exists(spec.target), live=bool(live))
        elif not live:
            raise ConfigurationError(
                f"{option}: a stored run is not measured again; give the file that was recorded "
                "beside it"
            )


def _check_own_edges(option: str, spec: EdgeSourceSpec, boards: Sequence[BoardSpec]) -> None:
    """A virtual board's edges are there in virtual time, and no other board has them."""
    for board in boards:
        if board.backend.name != spec.kind:
            raise ConfigurationError(
                f"{option}: only the board {spec.kind} tells its own edges; {board.text} needs an "
                "instrument"
            )
        if not board.repeatable:
            raise ConfigurationError(
                f"{option}: exact edges need virtual time: --board={spec.kind}:clock=virtual"
            )


def _check_file(option: str, spec: EdgeSourceSpec, there: bool, *, live: bool) -> None:
    if live and there:
        raise ConfigurationError(
            f"{option}: the file is there already, it can't show a run that is yet to come; "
            "evaluate it with --board=replay:RUN, or name the file that you are going to record"
        )
    if live and not spec.target.lower().endswith(RECORDING_SUFFIXES):
        raise ConfigurationError(f"{option}: not an instrument; use {EDGE_FORMS}")
    if not live and not there:
        raise ConfigurationError(f"{option}: no such file")
