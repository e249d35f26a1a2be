"""A supervisor process that offers a serial port: started, waited for, ended with this process."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from hil.model.errors import BoardTimeoutError, ConfigurationError
from hil.model.redaction import harmless_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType
    from typing import Self

STOP_TIMEOUT_S = 5.0
_ADDR_NO_RANDOMIZE = 0x0040000
_HOME = Path(__file__).parents[3]
_RUN = """import runpy, sys
sys.path.insert(0, {home!r})
import {package}
del sys.path[0]
runpy.run_module({module!r}, run_name="__main__", alter_sys=True)"""


class SupervisorProcess:
    """``python -m MODULE``, running from construction to :meth:`stop`; a context manager.

    It prints ``port: PATH`` when its board is ready, which is ``port`` here. It ends with this
    process, whatever happens to that: it holds the other end of a pipe. ``what`` names the board
    in errors; with ``repeatable`` its addresses and hashes are the same each time, where the system
    allows that. Raises :class:`~hil.model.errors.ConfigurationError` with the supervisor's last
    line when it does not start, and :class:`~hil.model.errors.BoardTimeoutError` when it says
    nothing.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        *,
        what: str,
        start_timeout_s: float,
        repeatable: bool = False,
    ) -> None:
        theirs, self._lifeline = os.pipe()
        environment = harmless_environment(os.environ)  # a board's program can read it
        if repeatable:
            environment["PYTHONHASHSEED"] = "0"
        with _fixed_addresses() if repeatable else contextlib.nullcontext():
            self._process = subprocess.Popen(
                [*_python(module), "--parent", str(theirs), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(theirs,),
                start_new_session=True,
                env=environment,
            )
        os.close(theirs)
        try:
            self.port = self._wait_for_port(what, start_timeout_s)
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Self:
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
        """End the board; may be called again."""
        if self._lifeline >= 0:
            with contextlib.suppress(OSError):
                os.close(self._lifeline)
        self._lifeline = -1
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def _wait_for_port(self, what: str, timeout_s: float) -> str:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        end = time.monotonic() + timeout_s
        said = self._process.stdout.fileno()
        poller = select.poll()
        poller.register(said, select.POLLIN)
        seen = b""
        while b"\n" not in seen:
            if not poller.poll(1000 * max(0.0, end - time.monotonic())):
                raise BoardTimeoutError(f"{what} did not start", expected="port:", received=seen)
            data = os.read(said, 256)
            if not data:
                error = self._process.stderr.read().decode("utf-8", "replace").strip()
                line = error.splitlines()[-1] if error else "no message"
                raise ConfigurationError(f"{what} did not start: {line.removeprefix('error: ')}")
            seen += data
        return seen.split(b"\n")[0].decode("utf-8").removeprefix("port: ").strip()


@contextlib.contextmanager
def _fixed_addresses() -> Iterator[None]:
    """Processes that are started meanwhile get no random addresses (Linux)."""
    if sys.platform != "linux":
        yield
        return
    personality = ctypes.CDLL(None).personality
    before = personality(ctypes.c_ulong(0xFFFFFFFF))
    if before != -1:
        personality(ctypes.c_ulong(before | _ADDR_NO_RANDOMIZE))
    try:
        yield
    finally:
        if before != -1:
            personality(ctypes.c_ulong(before))


def _python(module: str) -> list[str]:
    """``python -m MODULE``, found here even if a folder that is searched first has its name too."""
    code = _RUN.format(home=str(_HOME), package=module.partition(".")[0], module=module)
    return [sys.executable, "-P", "-c", code]
