"""The samples of one window, read from ``sigrok-cli`` while they come and turned to edges."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hil.experiments.edge_instruments import FAILED
from hil.experiments.stamp_sources.sigrok_program import ANSWER_S, PROGRAM, last_line
from hil.model.captures import CaptureIssue
from hil.model.errors import CaptureError
from hil.recording.edge_files.collector import EdgeCollector, samples_to_ns

if TYPE_CHECKING:
    from typing import IO

    from numpy.typing import NDArray

    from hil.experiments.stamp_sources.sigrok_program import Analyser
    from hil.model.captures import CapturePlan
    from hil.model.edges import EdgeRecording
    from hil.recording.interfaces import CaptureSink

STALL_S = 5.0
"""An analyser that samples delivers in less than this."""
_BLOCK = 1 << 18
_PIPE_BYTES = 1 << 20
_SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ
_PAIR_EVERY_NS = 50_000_000
_END_S, _EXIT_S = 5.0, 1.0


class SigrokSource:
    """See :class:`~hil.recording.interfaces.StampSource`: one window's samples."""

    def __init__(self, analyser: Analyser) -> None:
        self.name = analyser.name
        self._analyser = analyser
        self._process: subprocess.Popen[bytes] | None = None
        self._said: IO[bytes] | None = None
        self._reader: _SampleReader | None = None

    @property
    def resolution_us(self) -> float:
        """The sample period."""
        return 1e6 / self._analyser.rate_hz

    def begin(self, plan: CapturePlan, sink: CaptureSink) -> None:  # noqa: ARG002
        """Start the program and wait for its first samples."""
        self._sink = sink
        analyser = self._analyser
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  (closed in end)
        try:
            self._process = subprocess.Popen(
                [*analyser.command, "--continuous"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                start_new_session=True,
            )
        except OSError as error:
            raise CaptureError(f"can't run {PROGRAM} ({error.strerror})") from None
        assert self._process.stdout is not None
        collector = EdgeCollector(analyser.name, analyser.lines)
        self._reader = _SampleReader(self._process.stdout.fileno(), analyser, collector)
        self._reader.start()
        if not self._reader.begun.wait(ANSWER_S) or not self._reader.samples:
            raise CaptureError(
                f"{PROGRAM} delivered no samples: {self._message('it said nothing')}"
            )

    def poll(self, timeout_s: float) -> bool:  # noqa: ARG002
        """The samples are read by themselves; false once they have ended."""
        return self._reader is not None and self._reader.is_alive()

    def end(self) -> None:
        """Stop the program and give the sink the edges."""
        reader, process = self._reader, self._process
        failure = ""
        try:
            if reader is not None and process is not None:
                failure = self._failure(reader)
                with contextlib.suppress(OSError):
                    if process.stdin is not None:
                        process.stdin.write(b"\n")  # any key ends it, and it gives all it has
                        process.stdin.close()
                reader.join(_END_S)
        finally:
            self._kill()
        if reader is None or not reader.samples:
            return
        if reader.error is not None:
            raise reader.error
        self._sink.edges(reader.recording(failure))

    def _failure(self, reader: _SampleReader) -> str:
        """What went wrong before the end, if anything."""
        if not reader.is_alive():
            return f"{PROGRAM} ended before the window did: {self._message('it said nothing')}"
        silent_s = time.monotonic() - reader.last_s
        if silent_s > STALL_S:
            return f"{PROGRAM} delivered nothing for the last {silent_s:.0f} s"
        return ""

    def _message(self, otherwise: str) -> str:
        if self._said is None:
            return otherwise
        with contextlib.suppress(OSError):
            self._said.seek(0)
            said = self._said.read(65_536)
            return last_line(said) if said.strip() else otherwise
        return otherwise

    def _kill(self) -> None:
        """Leave no process behind, whatever state it is in."""
        process = self._process
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_EXIT_S)
            if process.poll() is None:
                with contextlib.suppress(OSError, AttributeError):  # Windows has no groups
                    os.killpg(process.pid, signal.SIGKILL)
                process.kill()
                process.wait()
            if self._reader is not None:
                self._reader.join(_END_S)
            if process.stdout is not None:
                process.stdout.close()
        if self._said is not None:
            self._said.close()
        self._process = self._said = None


class _SampleReader(threading.Thread):
    """Reads samples as they come: a full pipe would make the analyser lose some."""

    def __init__(self, stream: int, analyser: Analyser, collector: EdgeCollector) -> None:
        super().__init__(name="hil-sigrok", daemon=True)
        self.samples = 0
        self.last_s = time.monotonic()
        self.begun = threading.Event()
        self.error: CaptureError | None = None
        self._stream = stream
        self._analyser = analyser
        self._collector = collector
        self._pairs: list[tuple[int, int]] = []
        self._latest = (0, 0)
        with contextlib.suppress(ImportError, OSError):
            import fcntl

            fcntl.fcntl(stream, _SET_PIPE_SIZE, _PIPE_BYTES)

    def run(self) -> None:
        """Read up to the end of the stream."""
        unit = self._analyser.unit_bytes
        rest = b""
        try:
            while block := os.read(self._stream, _BLOCK):
                now_ns = time.monotonic_ns()
                self.last_s = now_ns / 1e9
                data = rest + block
                count = len(data) // unit
                rest = data[count * unit :]
                # after an error the stream is emptied, so that the program can end
                if count and self.error is None:
                    levels = np.frombuffer(data, np.uint8, count * unit).reshape(-1, unit)
                    self._take(levels, now_ns)
                    self.begun.set()
        except OSError:
            pass  # the stream was closed
        finally:
            self.begun.set()

    def _take(self, levels: NDArray[np.uint8], now_ns: int) -> None:
        try:
            self._collector.add_samples(levels, self.samples)
        except CaptureError as error:
            self.error = error
        self.samples += len(levels)
        self._latest = (now_ns, self.samples)
        if not self._pairs or now_ns - self._pairs[-1][0] >= _PAIR_EVERY_NS:
            self._pairs.append(self._latest)

    def recording(self, failure: str) -> EdgeRecording:
        """What was sampled, once the stream has ended."""
        to_ns = samples_to_ns(self._analyser.rate_hz)
        pairs = np.array(list(dict.fromkeys((*self._pairs, self._latest))), np.int64)
        recording = self._collector.finish(
            *(self._analyser.name, 0, self.samples - 1, to_ns),
            period_ns=1e9 / self._analyser.rate_hz,
            issues=(CaptureIssue(FAILED, failure),) if failure else (),
        )
        return replace(recording, host_ns=pairs[:, 0], own_ns=to_ns(pairs[:, 1]))
