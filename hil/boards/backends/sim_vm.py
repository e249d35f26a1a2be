"""One run of the VM, from power-on to its end: its process, its pipes, and signals to it.

The wheel's VM is a CPython extension: the supervisor forks and calls it, which takes milliseconds
and lets the new VM begin in the REPL mode of the last one. A binary is executed instead.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import importlib
import os
import platform
import signal
import sys
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING

from hil.boards.backends.sim_knobs import VmPipes, config_source
from hil.boards.backends.sim_program import (
    ENDED_BADLY,
    ENDED_FRIENDLY,
    ENDED_RAW,
    WHEEL_MODULE,
    become_vm,
    run_vm,
)

if TYPE_CHECKING:
    from hil.boards.backends.sim_knobs import VirtualStart
    from hil.boards.backends.sim_program import VmPlan

_BACK_IN_READ_S = 1.0
# System calls that the VM starts again after a signal, having run its soft callbacks:
# read, recvfrom, accept, accept4.
_RESTARTED: tuple[int, ...] = {
    "x86_64": (0, 45, 43, 288),
    "aarch64": (63, 207, 202, 242),
}.get(platform.machine(), ())
_SYS_TGKILL = {"x86_64": 234, "aarch64": 131}.get(platform.machine(), 0)


class VmProcess:
    """A running VM. ``stdin``, ``host`` and ``notice`` are the supervisor's ends of its pipes.

    In virtual time (``start`` says from when) its output comes by ``output``, and ``grant`` takes
    the answers to its notices; else they are -1.
    """

    def __init__(
        self, plan: VmPlan, *, raw: bool, cause: int, start: VirtualStart | None = None
    ) -> None:
        child_stdin, self.stdin = os.pipe()
        child_host, self.host = os.pipe()
        self.notice, child_notice = os.pipe()
        wake, poke = os.pipe(), os.pipe()
        for fd in (self.stdin, self.host, child_host, self.notice, child_notice, *wake, *poke):
            os.set_blocking(fd, False)
        self._call = -1
        child_grant = child_output = self.grant = self.output = -1
        virtual: tuple[int, ...] = ()
        if start is not None:
            child_grant, self.grant = os.pipe()
            self.output, child_output = os.pipe()
            os.set_blocking(self.output, False)
            virtual = (child_grant,)
        child_fds = (child_host, child_notice, *wake, *poke, *virtual)
        pipes = VmPipes(
            wake=wake, poke=poke, host=child_host, notice=child_notice, grant=child_grant
        )
        source = config_source(plan.knobs, pipes, plan.root, start)
        (plan.runtime / "sim_config.py").write_text(source, encoding="ascii")
        self._plan = plan
        self.started = time.monotonic()
        self.forked = plan.binary is None
        if self.forked:
            importlib.import_module(WHEEL_MODULE)
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            status = ENDED_BADLY
            try:
                terminal = plan.terminal if start is None else child_output
                become_vm(plan, parent, (child_stdin, terminal), child_fds, cause, raw)
                status = run_vm(plan, raw)
            finally:
                os._exit(status)
        for fd in (child_stdin, *child_fds, *((child_output,) if start is not None else ())):
            os.close(fd)
        self.ended_raw: bool | None = None
        self._status: int | None = None

    def ended(self) -> bool:
        """Whether the VM is gone; ``ended_raw`` then says if its REPL was raw, ``None`` unknown."""
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._status = status
                code = os.waitstatus_to_exitcode(status)
                if self.forked and code in (ENDED_FRIENDLY, ENDED_RAW):
                    self.ended_raw = code == ENDED_RAW
        return self._status is not None

    def kill(self) -> None:
        """End the VM now and wait for it."""
        if not self.ended():
            os.kill(self.pid, signal.SIGKILL)
            _, self._status = os.waitpid(self.pid, 0)

    def close(self) -> None:
        """Close the supervisor's ends of the pipes."""
        for fd in (self.stdin, self.host, self.notice, self.grant, self.output, self._call):
            if fd >= 0:
                os.close(fd)

    def interrupt(self, *, hard: bool = False) -> bool:
        """Raise KeyboardInterrupt in the running program; false if Ctrl-C is a byte for the VM.

        The VM catches SIGINT only while code runs with its interrupt character on. It is stopped
        between the question and the signal. SIGINT itself jumps out of wherever the VM is, with its
        heap locked if that was a collection; so the wheel's VM gets a signal whose handler
        only marks the exception as pending, and SIGINT (``hard``) when it does not take that.
        """
        if not Path(f"/proc/{self.pid}/status").exists():
            return False
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            os.kill(self.pid, signal.SIGSTOP)
            try:
                for _ in range(200):
                    if self._state() in "Tt":
                        break
                    time.sleep(0.0001)
                if not self._catches(signal.SIGINT):
                    return False
                soft = self.forked and not hard
                self._signal_main(signal.SIGUSR1 if soft else signal.SIGINT)
                return True
            finally:
                os.kill(self.pid, signal.SIGCONT)
        return False

    def nudge(self) -> None:
        """Make a VM that is blocked in a read run its soft callbacks."""
        call = self._system_call()
        shown = call is not None or Path("/proc/self/task").exists()
        if self.forked and (not shown or (call and call[0] in _RESTARTED)):
            self._signal_main(signal.SIGUSR2)

    @property
    def input_is_empty(self) -> bool:
        """Whether the VM has taken all its input."""
        left = bytearray(4)
        fcntl.ioctl(self.stdin, termios.FIONREAD, left)
        return not any(left)

    def waits_for_input(self) -> bool:
        """Whether it is blocked in a read of its input, and nothing is left there (Linux)."""
        if not self.input_is_empty:
            return False
        call = self._system_call()
        if call is None:
            return self._all_sleep() and self.input_is_empty
        return bool(call) and call[0] in _RESTARTED[:1] and call[1] == 0

    def _system_call(self) -> tuple[int, ...] | None:
        """The number and first argument of the system call that the main thread is blocked in.

        Empty where it runs or is gone, ``None`` where the system does not show it.
        """
        try:
            if self._call < 0:
                self._call = os.open(f"/proc/{self.pid}/task/{self.pid}/syscall", os.O_RDONLY)
            words = os.pread(self._call, 200, 0).split()
        except (FileNotFoundError, PermissionError):
            return None
        except OSError:
            return ()
        return (int(words[0]), int(words[1], 16)) if words and words[0].isdigit() else ()

    def _all_sleep(self) -> bool:
        """Whether all threads sleep, twice in a row: in virtual time the VM only waits for input.

        Where it waits for the supervisor instead, that knows it already.
        """
        for pause_s in (0.001, 0.0):
            for stat in Path(f"/proc/{self.pid}/task").glob("*/stat"):
                try:
                    if stat.read_text().rpartition(")")[2].split()[0] != "S":
                        return False
                except OSError:
                    continue
            time.sleep(pause_s)
        return True

    @property
    def catches_interrupt(self) -> bool:
        """Whether code runs that Ctrl-C would interrupt; else it is a byte for the VM."""
        try:
            return self._catches(signal.SIGINT)
        except OSError:
            return False

    def mark_interrupt(self) -> None:
        """Let the main program raise KeyboardInterrupt at its next jump."""
        self._signal_main(signal.SIGUSR1)

    def interrupt_read(self) -> None:
        """Let a program that is blocked in a read of its input raise KeyboardInterrupt.

        The read goes on after the first signal, and also where the second one comes before that.
        """
        self.mark_interrupt()
        end = time.monotonic() + _BACK_IN_READ_S
        while not self.waits_for_input() and time.monotonic() < end:
            time.sleep(0.00005)
        self.wake_prompt()

    def wake_prompt(self) -> None:
        """Make a read of the input run one callback of the VM's scheduler."""
        self._signal_main(signal.SIGUSR2)

    def unlock_scheduler(self, address: int) -> bool:
        """Unlock a scheduler that stays locked for good; whether it was locked."""
        path = f"/proc/{self.pid}/mem"
        try:
            with open(path, "r+b", buffering=0) as memory:  # noqa: PTH123 - no buffer, no resolve
                for _ in range(50):
                    memory.seek(address)
                    if memory.read(2) != b"\xff\xff":
                        return False
                    time.sleep(0.002)
                memory.seek(address)
                memory.write(b"\0\0")
        except OSError:
            return False
        return True

    def progress(self) -> tuple[str, str]:
        """What the main thread waits for and how much it ran: equal twice while it stands still."""
        base = f"/proc/{self.pid}/task/{self.pid}"
        try:
            wait = Path(f"{base}/wchan").read_text()
            switches = Path(f"{base}/status").read_text().partition("voluntary_ctxt")[2]
        except OSError:
            return "", ""
        return wait, switches

    def _signal_main(self, signum: signal.Signals) -> None:
        """Signal the main thread: a stopped process would hand it to any of its threads."""
        if sys.platform == "linux" and _SYS_TGKILL:
            ctypes.CDLL(None).syscall(_SYS_TGKILL, self.pid, self.pid, int(signum))
        else:
            os.kill(self.pid, signum)

    def _state(self) -> str:
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]

    def _catches(self, signum: int) -> bool:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("SigCgt:"):
                return bool(int(line.split()[1], 16) >> (signum - 1) & 1)
        return False
