"""The emulated micro:bit from the harness's side: a process that offers a serial port."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import time
from types import TracebackType

from hil.errors import BoardTimeoutError, ConfigurationError
from hil.transport import qemu_machine

_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 5.0


class EmulatedMicrobit:
    """The real micro:bit firmware under QEMU, from construction to :meth:`stop`.

    ``port`` is the path of its serial port. It ends with this process whatever happens to it.
    Raises :class:`~hil.errors.ConfigurationError` with the line that installs what is missing.
    """

    def __init__(self) -> None:
        qemu_machine.command()
        theirs, self._lifeline = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hil.transport.qemu_supervisor", "--parent", str(theirs)],
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

    def __enter__(self) -> EmulatedMicrobit:
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

    def stop(self) -> None:
        """End the emulator; may be called again."""
        if self._lifeline >= 0:
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

    def _wait_for_port(self) -> str:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        end = time.monotonic() + _START_TIMEOUT_S
        seen = b""
        while b"\n" not in seen:
            wait = max(0.0, end - time.monotonic())
            if not select.select([self._process.stdout], [], [], wait)[0]:
                raise BoardTimeoutError(
                    "the emulated micro:bit did not start", expected="port:", received=seen
                )
            data = os.read(self._process.stdout.fileno(), 256)
            if not data:
                said = self._process.stderr.read().decode("utf-8", "replace").strip()
                line = said.splitlines()[-1] if said else "no prompt came"
                raise ConfigurationError(
                    f"the emulated micro:bit did not start: {line.removeprefix('error: ')}"
                )
            seen += data
        return seen.split(b"\n")[0].decode("utf-8").removeprefix("port: ").strip()
