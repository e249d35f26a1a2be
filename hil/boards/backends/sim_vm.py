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
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hil.boards.backends.sim_knobs import VmPipes, config_source
from hil.boards.backends.sim_program import WHEEL_MODULE

if TYPE_CHECKING:
    from hil.boards.backends.sim_knobs import SimKnobs, VirtualStart

_ENDED_FRIENDLY, _ENDED_RAW, _ENDED_BADLY = 10, 11, 12
_PR_SET_PDEATHSIG, _PR_SET_NAME, _PR_SET_TIMERSLACK = 1, 15, 29
_BACK_IN_READ_S = 1.0
_START = "__import__('sim_boot').main(globals())"
# System calls that the VM starts again after a signal, having run its soft callbacks:
# read, recvfrom, accept, accept4.
_RESTARTED: tuple[int, ...] = {
    "x86_64": (0, 45, 43, 288),
    "aarch64": (63, 207, 202, 242),
}.get(platform.machine(), ())
_SYS_TGKILL = {"x86_64": 234, "aarch64": 131}.get(platform.machine(), 0)


@dataclass(frozen=True, slots=True)
class VmPlan:
    """What stays the same over the runs of one board. ``binary`` is ``None`` for the wheel.

    ``overlays`` are the folders of the board's MicroPython code, in the order of search.
    """

    binary: str | None
    overlays: tuple[Path, ...]
    runtime: Path
    root: Path
    knobs: SimKnobs
    terminal: int


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
        kept = (child_host, child_notice, *wake, *poke, *virtual)
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
            status = _ENDED_BADLY
            try:
                terminal = plan.terminal if start is None else child_output
                _become_vm(plan, parent, (child_stdin, terminal), kept, cause, raw)
                status = _run(plan, raw)
            finally:
                os._exit(status)
        for fd in (child_stdin, *kept, *((child_output,) if start is not None else ())):
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
                if self.forked and code in (_ENDED_FRIENDLY, _ENDED_RAW):
                    self.ended_raw = code == _ENDED_RAW
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
        if self.forked and self._blocked_in_read():
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
        try:
            if self._call < 0:
                self._call = os.open(f"/proc/{self.pid}/task/{self.pid}/syscall", os.O_RDONLY)
            call = os.pread(self._call, 200, 0).split()
        except (FileNotFoundError, PermissionError):  # not shown by this system
            return self._all_sleep() and self.input_is_empty
        except OSError:
            return False
        return call[0].isdigit() and int(call[0]) in _RESTARTED[:1] and int(call[1], 16) == 0

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

    def _blocked_in_read(self) -> bool:
        base = f"/proc/{self.pid}/task/{self.pid}"
        try:
            call = Path(f"{base}/syscall").read_text().split()
        except OSError:
            return not Path("/proc/self/task").exists()
        return call[0].isdecimal() and int(call[0]) in _RESTARTED


def _become_vm(
    plan: VmPlan,
    parent: int,
    standard: tuple[int, int],
    kept: tuple[int, ...],
    cause: int,
    raw: bool,
) -> None:
    """In the forked child: session, death with the supervisor, files, environment."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP):
        signal.signal(signum, signal.SIG_DFL)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        libc.prctl(_PR_SET_NAME, b"hil-sim-vm", 0, 0, 0)
        libc.prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(_ENDED_BADLY)
    stdin, terminal = standard
    os.dup2(stdin, 0)
    os.dup2(terminal, 1)
    os.dup2(terminal, 2)
    low = 3
    for fd in sorted(kept):
        os.set_inheritable(fd, True)
        os.closerange(low, fd)
        low = fd + 1
    os.closerange(low, 4096)
    os.chdir(plan.runtime / "empty")
    folders = ":".join(str(folder) for folder in (plan.runtime, *plan.overlays))
    os.environ["MICROPYPATH"] = f"{folders}:.frozen"
    os.environ["HOME"] = str(plan.runtime)
    os.environ["HIL_SIM_CAUSE"] = str(cause)
    os.environ["HIL_SIM_RAW"] = "1" if raw else ""


def _run(plan: VmPlan, raw: bool) -> int:
    argv = ["micropython", "-X", f"heapsize={plan.knobs.heap}K", "-i", "-c", _START]
    if plan.binary is not None:
        os.execv(plan.binary, argv)
    signal.signal(signal.SIGUSR2, lambda *_: None)
    module = importlib.import_module(WHEEL_MODULE)
    mode = _repl_mode(module.__file__)
    _interrupt_at_safe_points(module.__file__)
    if mode is not None:
        mode.value = int(raw)
    module.run_main(argv)
    return _ENDED_RAW if mode is not None and mode.value else _ENDED_FRIENDLY


def _repl_mode(library: str | None) -> ctypes.c_int | None:
    """The VM's variable that says whether its REPL is raw."""
    try:
        return ctypes.c_int.in_dll(ctypes.CDLL(library), "pyexec_mode_kind")
    except (OSError, ValueError):
        return None


def _interrupt_at_safe_points(library: str | None) -> None:
    """Let SIGUSR1 mark KeyboardInterrupt as pending, as an interrupt handler does on a board.

    It must restart system calls: the VM's collector waits for other threads in a ``sem_wait`` that
    it does not repeat, and would go on marking beside them.
    """
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    if sys.platform != "linux":  # elsewhere the VM's collector uses this signal
        return
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        handler = ctypes.cast(ctypes.CDLL(library).mp_sched_keyboard_interrupt, ctypes.c_void_p)
        libc.signal.argtypes = (ctypes.c_int, ctypes.c_void_p)
        libc.signal(int(signal.SIGUSR1), handler)
