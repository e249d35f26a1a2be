"""``python -m hil.boards.backends.qemu_supervisor``: the emulated micro:bit behind a serial port.

QEMU writes to the terminal's master itself. What is typed passes through here, a few bytes at a
time: the firmware has room for 64 and loses what comes while its collector runs. The pauses count
the emulator's own time, so that a host that has none for it does not outrun it. QEMU ends with
this process (the kernel sees to it), and this process with its parent.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import fcntl
import os
import select
import signal
import subprocess
import sys
import termios
import time
import tty
from pathlib import Path
from typing import TYPE_CHECKING

from hil.boards.backends import qemu
from hil.model.errors import HilError

if TYPE_CHECKING:
    from types import FrameType

_CHUNK_BYTES, _PAUSE_S = 16, 0.003
_BOOT_S = 20.0
_PR_SET_PDEATHSIG = 1


def serve(parent: int | None) -> int:
    """Run the emulator until it ends, a signal comes, or ``parent`` (a descriptor) is closed."""
    master, slave = os.openpty()
    tty.setraw(slave)
    typed, feed = os.pipe()
    me = os.getpid()
    machine = subprocess.Popen(
        qemu.emulator_command(),
        stdin=typed,
        stdout=master,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: _die_with(me),
    )
    os.close(typed)
    stop = _Stop()
    pace = _Pace(machine.pid, feed)
    try:
        waiting = b""
        if _booted(slave, feed, machine, stop):
            print(f"port: {os.ttyname(slave)}", flush=True)
        while not stop.asked and machine.poll() is None:
            sources = [fd for fd in (parent, None if waiting else master) if fd is not None]
            ready, _, _ = select.select(sources, [], [], _PAUSE_S if waiting else 0.5)
            if parent in ready and not os.read(parent or 0, 64):
                break
            if master in ready:
                with contextlib.suppress(BlockingIOError):  # QEMU made it so
                    waiting += os.read(master, 4096)
            if waiting and pace.has_room():
                os.write(feed, waiting[:_CHUNK_BYTES])
                waiting = waiting[_CHUNK_BYTES:]
                pace.fed()
    finally:
        machine.kill()
        said = machine.communicate()[1].decode("utf-8", "replace").strip()
        for fd in (master, slave, feed):
            os.close(fd)
    if said and not stop.asked:
        print(f"error: {said.splitlines()[-1]}", file=sys.stderr)
    return 0


class _Pace:
    """When the emulator has dealt with what it was fed: it took it, and ran a while or waits."""

    def __init__(self, pid: int, feed: int) -> None:
        self._tasks = Path(f"/proc/{pid}/task")
        self._feed = feed
        self._then_s = 0.0

    def fed(self) -> None:
        """A chunk went out."""
        self._then_s = self._ran_s()

    def has_room(self) -> bool:
        """Whether the next chunk may follow; asked at most once in each pause."""
        left = bytearray(4)
        fcntl.ioctl(self._feed, termios.FIONREAD, left)
        return not any(left) and (self._ran_s() - self._then_s >= _PAUSE_S or self._waits())

    def _ran_s(self) -> float:
        """Processor time of all its threads; real time where the system does not tell."""
        total_ns = 0
        for schedstat in self._tasks.glob("*/schedstat"):
            with contextlib.suppress(OSError, ValueError, IndexError):
                total_ns += int(schedstat.read_text().split()[0])
        return total_ns / 1e9 if total_ns else time.monotonic()

    def _waits(self) -> bool:
        """Whether none of its threads runs or would run."""
        for stat in self._tasks.glob("*/stat"):
            with contextlib.suppress(OSError):
                if stat.read_text().rpartition(")")[2].split()[0] != "S":
                    return False
        return True


class _Stop:
    def __init__(self) -> None:
        self.asked = False
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, self._ask)

    def _ask(self, _signum: int, _frame: FrameType | None) -> None:
        self.asked = True


def _booted(slave: int, feed: int, machine: subprocess.Popen[bytes], stop: _Stop) -> bool:
    """Wait for the prompt; a board that is still starting loses what is sent to it."""
    end = time.monotonic() + _BOOT_S
    seen = b""
    while not stop.asked and machine.poll() is None and time.monotonic() < end:
        if select.select([slave], [], [], 0.05)[0]:
            seen += os.read(slave, 4096)
            if seen.endswith(b">>> "):
                return True
        else:
            with contextlib.suppress(BrokenPipeError):
                os.write(feed, b"\r")
    return False


def _die_with(parent: int) -> None:
    """In the child: end when the supervisor does, however it ends (Linux)."""
    os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)


def main() -> int:
    """The command line; errors go to stderr in one line."""
    parser = argparse.ArgumentParser(description="the emulated micro:bit behind a serial port")
    parser.add_argument("--parent", type=int, help="descriptor that is closed when all shall end")
    try:
        return serve(parser.parse_args().parent)
    except HilError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
