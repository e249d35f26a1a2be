"""``saleae:`` and ``saleae:HOST:PORT``: an analyser through the automation API of Logic 2.

Logic 2 records from before a window until behind it, and exports the edges to a folder on this
machine.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.model.edge_sources import EDGE_OPTION, map_channels
from hil.model.errors import CaptureError, ConfigurationError
from hil.model.install_hints import install_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hil.experiments.plan import CaptureJob
    from hil.experiments.workload import MeasuredBoard
    from hil.model.captures import CapturePlan
    from hil.model.edge_sources import EdgeSourceSpec
    from hil.recording.interfaces import CaptureSink

DEFAULT_PORT = 10430
DEFAULT_RATE_HZ = 10_000_000
"""Where ``?rate=`` says nothing."""
CHANNELS = 16
CONNECT_S = 5.0
ANSWER_S = 60.0
"""How long Logic 2 may take to begin and to stop."""
EXPORT_S = 1800.0
_LONGEST = 300
_POLLED_S = 0.6
"""How long to wait for gRPC's thread, which looks every 0.2 s."""


@dataclass(frozen=True, slots=True)
class _Setup:
    """What to record: the lines by their digital channels, and the library's own settings."""

    name: str
    lines: Mapping[int, str]
    rate_hz: int
    device: Any
    mode: Any


class SaleaeInstrument:
    """See :class:`~hil.experiments.edge_instruments.EdgeInstrument`."""

    def __init__(self, manager: Any, setup: _Setup) -> None:
        self.name = setup.name
        self._manager = manager
        self._setup = setup

    def source(self, board: MeasuredBoard, job: CaptureJob) -> SaleaeSource:  # noqa: ARG002
        """What records one window."""
        return SaleaeSource(self._manager, self._setup)

    def close(self) -> None:
        """Leave Logic 2 running, as it was."""
        with contextlib.suppress(CaptureError):
            _call("let go", self._manager.close)


def open_saleae(spec: EdgeSourceSpec, board: MeasuredBoard) -> SaleaeInstrument:
    """Connect to Logic 2, and record for a moment.

    Raises :class:`~hil.model.errors.ConfigurationError` in one line: without the library, without
    Logic 2, and for channels and rates that the analyser does not have.
    """
    what = f"{EDGE_OPTION}={spec.text}"
    try:
        import saleae.automation as automation
    except ImportError:
        raise ConfigurationError(
            f"{what}: Logic 2's library is not installed; {install_line('saleae')}"
        ) from None
    names = [f"D{number}" for number in range(CHANNELS)]
    lines = map_channels(what, names, spec.lines, board.wiring.edges)
    host, _, port = spec.target.rpartition(":")
    address = {"address": host} if host else {}
    try:
        manager = _call(
            "answer",
            lambda: _connect(automation, address, int(port or DEFAULT_PORT)),
        )
    except CaptureError as error:
        raise ConfigurationError(
            f"{what}: {error}; start Logic 2 and enable the automation server in its preferences"
        ) from None
    rate_hz = round(spec.rate_hz or DEFAULT_RATE_HZ)
    device = automation.LogicDeviceConfiguration(
        enabled_digital_channels=sorted(lines), digital_sample_rate=rate_hz
    )
    mode = automation.CaptureConfiguration(capture_mode=automation.ManualCaptureMode())
    instrument = SaleaeInstrument(manager, _Setup(spec.name, lines, rate_hz, device, mode))
    try:
        trial = _Recording(manager, instrument._setup)
        trial.stop()
        trial.close()
    except CaptureError as error:
        instrument.close()
        raise ConfigurationError(f"{what}: {error}") from None
    return instrument


class _EveryCallback:
    """Equal to whatever it is compared with."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return True


def _connect(automation: Any, address: Mapping[str, str], port: int) -> Any:
    """Connect, and end the thread that the library leaves behind.

    The library has gRPC tell its log of changes of the connection. gRPC polls for them in a
    thread, which raises when the channel is closed at the wrong moment.
    """
    before = set(threading.enumerate())
    manager = automation.Manager.connect(**address, port=port, connect_timeout_seconds=CONNECT_S)
    manager.channel.unsubscribe(_EveryCallback())
    until = time.monotonic() + _POLLED_S
    for thread in set(threading.enumerate()) - before:
        thread.join(max(until - time.monotonic(), 0.0))
    return manager


class _Recording:
    """One recording of Logic 2."""

    def __init__(self, manager: Any, setup: _Setup) -> None:
        self._capture = _call(
            "begin to record",
            lambda: manager.start_capture(
                device_configuration=setup.device, capture_configuration=setup.mode
            ),
        )

    def stop(self) -> None:
        """End it."""
        _call("stop", self._capture.stop)

    def export(self, folder: Path, channels: list[int]) -> None:
        """Write ``digital.csv`` in a folder."""
        _call(
            "export",
            lambda: self._capture.export_raw_data_csv(
                directory=str(folder), digital_channels=channels
            ),
            EXPORT_S,
        )

    def close(self) -> None:
        """Forget it: its memory is Logic 2's."""
        with contextlib.suppress(CaptureError):
            _call("close the recording", self._capture.close)


class SaleaeSource:
    """See :class:`~hil.recording.interfaces.StampSource`: one window's recording."""

    def __init__(self, manager: Any, setup: _Setup) -> None:
        self.name = setup.name
        self._manager = manager
        self._setup = setup
        self._recording: _Recording | None = None

    @property
    def resolution_us(self) -> float:
        """The sample period."""
        return 1e6 / self._setup.rate_hz

    def begin(self, plan: CapturePlan, sink: CaptureSink) -> None:  # noqa: ARG002
        """Begin to record."""
        self._sink = sink
        self._recording = _Recording(self._manager, self._setup)

    def poll(self, timeout_s: float) -> bool:  # noqa: ARG002
        """Logic 2 records by itself."""
        return True

    def end(self) -> None:
        """Stop, and give the sink the edges."""
        from hil.recording.edge_files.recorded_file import read_recorded_file

        recording, self._recording = self._recording, None
        if recording is None:
            return
        channels = sorted(self._setup.lines)
        try:
            recording.stop()
            with tempfile.TemporaryDirectory(prefix="hil-saleae-") as folder:
                recording.export(Path(folder), channels)
                path = Path(folder, "digital.csv")
                if not path.is_file():
                    raise CaptureError(
                        "Logic 2 exported to another machine; run hil where Logic 2 runs"
                    )
                lines = {index: self._setup.lines[c] for index, c in enumerate(channels)}
                edges = read_recorded_file(path, self.name, lambda _: lines, self._setup.rate_hz)
        finally:
            recording.close()
        self._sink.edges(replace(edges, resolution_ns=1e9 / self._setup.rate_hz))


def _call(step: str, function: Callable[[], Any], timeout_s: float = ANSWER_S) -> Any:
    """What ``function`` of the library returns; it may raise anything, and never return.

    Raises :class:`~hil.model.errors.CaptureError` for both.
    """
    outcome: list[Any] = []
    failure: list[str] = []

    def run() -> None:
        try:
            outcome.append(function())
        except Exception as error:
            details = getattr(error, "details", None)
            said = details() if callable(details) else str(error)
            failure.append(str(said or type(error).__name__))

    thread = threading.Thread(target=run, name="hil-saleae", daemon=True)
    thread.start()
    thread.join(timeout_s)
    if outcome:
        return outcome[0]
    if failure:
        said = "".join(letter if letter.isprintable() else " " for letter in failure[0])
        raise CaptureError(f"Logic 2 did not {step}: {' '.join(said.split())[:_LONGEST]}")
    raise CaptureError(f"Logic 2 did not {step} within {timeout_s:g} s")
