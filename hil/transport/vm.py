"""The embedded board from the harness's side: a process that offers a serial port."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType

from hil.errors import BoardTimeoutError, ConfigurationError, TransportError
from hil.transport.vm_knobs import SimKnobs, format_sim_knobs, parse_sim_knobs
from hil.transport.vm_program import find_vm

__all__ = ["VirtualBoard", "find_vm"]

_START_TIMEOUT_S = 20.0
_STOP_TIMEOUT_S = 5.0


class VirtualBoard:
    """An embedded board, running from construction to :meth:`stop`; a context manager.

    ``port`` is the path of the serial port. The board ends with this process whatever happens to
    it. Raises :class:`~hil.errors.ConfigurationError` for a bad knob, or without a VM.
    """

    def __init__(self, knobs: SimKnobs | str | None = None, root: Path | None = None) -> None:
        text = knobs if isinstance(knobs, str) else format_sim_knobs(knobs or SimKnobs())
        parse_sim_knobs(text)
        find_vm()
        self._folder = tempfile.TemporaryDirectory(prefix="hil-")
        self._control = Path(self._folder.name, "control")
        theirs, self._lifeline = os.pipe()
        command = [sys.executable, "-m", "hil.transport.vm_supervisor"]
        command += ["--control", str(self._control), "--parent", str(theirs)]
        command += ["--root", str(root)] if root is not None else []
        command += [text] if text else []
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(theirs,),
            start_new_session=True,
        )
        os.close(theirs)
        try:
            self.port = self._wait_for_port()
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> VirtualBoard:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Process id of the supervisor."""
        return self._process.pid

    def drive_pin(self, pin: int, level: int | None) -> None:
        """Put ``level`` on an input pin from outside, or take it away: an external stimulus."""
        self._ask(f"pin {pin} {'none' if level is None else int(bool(level))}")

    def reset(self) -> None:
        """Press the reset button: the VM ends at once and starts again, whatever it was doing."""
        self._ask("reset")

    def stop(self) -> None:
        """End the board; may be called again."""
        with contextlib.suppress(OSError):
            os.close(self._lifeline)
        self._lifeline = -1
        self._process.terminate()
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        self._folder.cleanup()

    def _ask(self, command: str) -> None:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                client.settimeout(_STOP_TIMEOUT_S)
                client.connect(str(self._control))
                client.sendall(command.encode("ascii"))
                answer = client.recv(256).strip()
        except OSError as error:
            raise TransportError(f"the embedded board does not answer ({error})") from None
        if answer != b"ok":
            raise TransportError(f"the embedded board refused {command!r}: {answer.decode()}")

    def _wait_for_port(self) -> str:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        end = time.monotonic() + _START_TIMEOUT_S
        seen = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in seen:
                if not selector.select(max(0.0, end - time.monotonic())):
                    raise BoardTimeoutError(
                        "the embedded board did not start", expected="port:", received=seen
                    )
                data = os.read(self._process.stdout.fileno(), 256)
                if not data:
                    said = self._process.stderr.read().decode("utf-8", "replace").strip()
                    line = said.splitlines()[-1] if said else "no message"
                    raise ConfigurationError(
                        f"the embedded board did not start: {line.removeprefix('error: ')}"
                    )
                seen += data
        return seen.split(b"\n")[0].decode("utf-8").removeprefix("port: ").strip()
