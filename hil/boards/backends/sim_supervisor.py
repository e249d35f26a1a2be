"""``python -m hil.boards.backends.sim_supervisor [--root DIR] [knobs]``: a board behind a serial
port.

The supervisor holds the master of a pseudo-terminal; who uses the board opens the slave. The VM
writes to the master itself, so output costs no second copy. Input passes through a pipe, because a
terminal would lose what is typed ahead when the REPL changes its mode, and because Ctrl-C is a
signal for a running program but a byte for the REPL.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import selectors
import signal
import socket
import sys
import time
import tty
from pathlib import Path
from typing import TYPE_CHECKING

from hil.boards.backends.sim_client import Terminal
from hil.boards.backends.sim_edges import EDGES_FILE
from hil.boards.backends.sim_knobs import parse_sim_knobs
from hil.boards.backends.sim_program import (
    CONTROL_NAME,
    VmPlan,
    find_binary,
    overlay_folder,
    require_posix,
    require_virtual,
    write_native_overlay,
)
from hil.boards.backends.sim_standstill import STUCK_IN_LOCK, InterruptWatch
from hil.boards.backends.sim_time import VirtualTime
from hil.boards.backends.sim_vm import VmProcess
from hil.boards.scratch_folder import ScratchFolder
from hil.model.errors import ConfigurationError, HilError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from hil.boards.backends.sim_knobs import SimKnobs

_CTRL_C = b"\x03"
_BACKLOG = 65536
_POWER_ON, _HARD_RESET, _DEEPSLEEP, _SOFT_RESET = 1, 2, 4, 5


class Supervisor:
    """One embedded board: its terminal, its folder, and the VM that runs at the moment."""

    def __init__(
        self,
        knobs: SimKnobs,
        root: Path | None,
        folder: Path | None = None,
        *,
        control: Path | None = None,
        hold: bool = False,
    ) -> None:
        require_posix()
        binary = find_binary()
        overlay = overlay_folder()
        overlays: tuple[Path, ...] = (overlay / "real", overlay)
        if knobs.virtual:
            require_virtual()
        self._scratch = ScratchFolder(memory=knobs.virtual, path=folder)
        runtime = self._scratch.path
        (runtime / "empty").mkdir()
        if knobs.virtual:
            write_native_overlay(overlay, runtime / "overlay")
            overlays = (runtime / "overlay",)
        root = (root or runtime / "board").resolve()
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._scratch.remove()
            raise ConfigurationError(f"{root}: can't be the board's folder: {error}") from None
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self._plan = VmPlan(binary, overlays, runtime, root, knobs, self._master)
        self._selector = selectors.DefaultSelector()
        self._input = bytearray()
        self._stopping = False
        self._guessed_raw = False
        self._early_ends = 0
        self._watch = InterruptWatch()
        self._listener: socket.socket | None = None
        self._control = control or (None if folder is None else runtime / CONTROL_NAME)
        self._edges_file = None if self._control is None else self._control.with_name(EDGES_FILE)
        if self._control is not None:
            self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._listener.bind(str(self._control))
            self._listener.listen(4)
            self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._time: VirtualTime | None = None
        if knobs.virtual:
            terminal = Terminal(self._master, self._slave, self._selector)
            self._time = VirtualTime(
                terminal, self._selector, self._feed, self._reset_by_board, hold
            )
        self._writable = self._ready = False
        self._vm = self._start(raw=False, cause=_POWER_ON)

    def run(self, parent: int | None = None) -> None:
        """Serve until SIGINT or SIGTERM, or until ``parent`` (a file descriptor) is closed."""
        ended_r, ended_w = os.pipe()
        for fd in (ended_r, ended_w):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(ended_w, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, self._stop)
        self._selector.register(ended_r, selectors.EVENT_READ, lambda: os.read(ended_r, 64))
        if parent is not None:
            self._selector.register(parent, selectors.EVENT_READ, lambda: self._parent(parent))
        try:
            while not self._stopping:
                for key, _ in self._selector.select(self._wait_s()):
                    key.data()
                if self._vm.ended():
                    self._respawn(_SOFT_RESET)
                if self._time is not None:
                    self._time.step()
                if self._watch.is_stuck(self._vm):
                    self._say(STUCK_IN_LOCK)
                    self._respawn(_SOFT_RESET)
        finally:
            self.close()

    def close(self) -> None:
        """End the VM, close the terminal, remove what was temporary."""
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            self._vm.kill()
        if self._time is not None:
            self._time.close()
        self._selector.close()
        for fd in (self._master, self._slave):
            with contextlib.suppress(OSError):
                os.close(fd)
        if self._listener is not None and self._control is not None:
            self._listener.close()
            self._control.unlink(missing_ok=True)
        self._scratch.remove()

    def _wait_s(self) -> float | None:
        if self._time is not None:
            return self._time.wait_s
        return self._watch.wait_s

    def _stop(self, _signum: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _parent(self, fd: int) -> None:
        if not os.read(fd, 64):
            self._stopping = True

    def _start(self, *, raw: bool, cause: int) -> VmProcess:
        start = self._time.start() if self._time is not None else None
        vm = VmProcess(self._plan, raw=raw, cause=cause, start=start)
        # Ctrl-C must not hit a board that is still setting itself up
        self._ready = self._time is not None
        if self._time is not None:
            self._vm = vm
            self._time.adopt(vm)
        else:
            self._selector.register(vm.notice, selectors.EVENT_READ, self._from_vm)
        self._listen()
        return vm

    def _respawn(self, cause: int) -> None:
        """The next run of the VM, after this one ended or must end."""
        vm = self._vm
        vm.kill()
        if self._time is not None:
            self._time.leave()
        elif vm.notice in self._selector.get_map():
            self._selector.unregister(vm.notice)
        self._watch_input(False)
        vm.close()
        self._watch.cancel()
        age = time.monotonic() - vm.started
        self._early_ends = self._early_ends + 1 if age < 0.5 else 0
        if self._early_ends > 5:  # a program that resets at once: do not take a whole processor
            time.sleep(min(0.1 * (self._early_ends - 5), 1.0))
        raw = cause == _SOFT_RESET and (
            vm.ended_raw if vm.ended_raw is not None else self._guessed_raw
        )
        if cause == _SOFT_RESET:
            self._say(b"MPY: soft reboot\r\n")
        self._vm = self._start(raw=raw, cause=cause)
        if raw and not vm.forked:
            self._input[:0] = b"\x01"
        self._guessed_raw = raw

    def _reset_by_board(self, kind: bytes) -> None:
        self._respawn({b"R": _HARD_RESET, b"D": _DEEPSLEEP}.get(kind, _SOFT_RESET))

    def _say(self, text: bytes) -> None:
        if self._time is not None:
            self._time.terminal.write(text)
            return
        with selectors.DefaultSelector() as writable:
            writable.register(self._master, selectors.EVENT_WRITE)
            if writable.select(0.5):
                os.write(self._master, text)

    def _from_terminal(self) -> None:
        data = os.read(self._master, 4096)
        self._early_ends = 0
        if self._time is not None:
            self._time.receive(data)
            return
        if _CTRL_C not in data:
            self._feed(data)
            return
        first, *rest = data.split(_CTRL_C)
        self._feed(first)
        for piece in rest:
            if not self._interrupt():
                self._feed(_CTRL_C)
            self._feed(piece)

    def _interrupt(self) -> bool:
        if not self._vm.interrupt():
            return False
        self._watch.begin()
        return True

    def _feed(self, data: bytes) -> None:
        if not self._vm.forked:  # the binary can't be asked later which mode its REPL was in
            raw, friendly = data.rfind(b"\x01"), data.rfind(b"\x02")
            if raw != friendly:
                self._guessed_raw = raw > friendly
        self._input += data
        self._flush()

    def _flush(self) -> None:
        if not self._ready:
            return
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            while self._input:
                del self._input[: os.write(self._vm.stdin, self._input)]
        self._watch_input(bool(self._input))

    def _watch_input(self, wanted: bool) -> None:
        """Call :meth:`_flush` when the VM can take more."""
        if wanted != self._writable:
            self._writable = wanted
            if wanted:
                self._selector.register(self._vm.stdin, selectors.EVENT_WRITE, self._flush)
            else:
                self._selector.unregister(self._vm.stdin)
        self._listen()

    def _listen(self) -> None:
        """Read from the terminal only while the board can take it."""
        wanted = self._ready and len(self._input) < _BACKLOG
        if wanted != (self._master in self._selector.get_map()):
            if wanted:
                self._selector.register(self._master, selectors.EVENT_READ, self._from_terminal)
            else:
                self._selector.unregister(self._master)

    def _from_vm(self) -> None:
        with contextlib.suppress(BlockingIOError):
            requests = os.read(self._vm.notice, 64)
            if b"R" in requests:
                self._respawn(_HARD_RESET)
            elif b"D" in requests:
                self._respawn(_DEEPSLEEP)
            elif b"b" in requests:
                self._ready = True
                self._flush()
            elif b"n" in requests:
                self._vm.nudge()
            if b"c" in requests:
                self._interrupt()
            elif not requests and self._vm.notice in self._selector.get_map():
                self._selector.unregister(self._vm.notice)

    def _accept(self) -> None:
        assert self._listener is not None
        client, _ = self._listener.accept()
        client.settimeout(1.0)
        try:
            words = client.recv(256).decode("ascii", "replace").split()
            if words == ["clock"] and self._time is not None:
                self._time.attach(client)
                return
            client.sendall(self._command(words).encode("ascii") + b"\n")
        except OSError:
            pass
        client.close()

    def _command(self, words: Sequence[str]) -> str:
        match words:
            case ["pin", number, level] if number.isdecimal() and level in ("0", "1", "none"):
                code = int(level) if level != "none" else 2
                if self._time is not None:
                    return "ok" if self._time.stimulate(int(number), code) else "busy"
                with contextlib.suppress(BlockingIOError, BrokenPipeError):
                    os.write(self._vm.host, bytes((int(number) & 255, code)))
                    return "ok"
                return "busy"
            case ["reset"]:
                self._respawn(_HARD_RESET)
                return "ok"
            case ["edges", what] if self._time is not None and self._edges_file is not None:
                return self._time.edges.command(what, self._edges_file)
        return "unknown command"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one board in the foreground; prints ``port: ...`` on a line of its own."""
    parser = argparse.ArgumentParser(prog="hil.boards.backends.sim_supervisor", description=__doc__)
    parser.add_argument("knobs", nargs="?", default="", help="ppm=40,tick_bits=16,...")
    parser.add_argument("--root", type=Path, help="the board's file system (else temporary)")
    parser.add_argument(
        "--control", type=Path, help="a socket that takes `pin N LEVEL`, `reset`, `edges start`"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        help="of its own, with the socket `control` in it; removed at the end",
    )
    parser.add_argument("--parent", type=int, help="end when this file descriptor is closed")
    parser.add_argument(
        "--hold", action="store_true", help="in virtual time: wait for a client that keeps step"
    )
    options = parser.parse_args(argv)
    try:
        knobs = parse_sim_knobs(options.knobs)
        board = Supervisor(
            *(knobs, options.root, options.folder), control=options.control, hold=options.hold
        )
    except HilError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    try:
        print(f"port: {board.port}", flush=True)
    except BrokenPipeError:  # who started this one is gone
        board.close()
        return 0
    board.run(options.parent)
    return 0


if __name__ == "__main__":
    sys.exit(main())
