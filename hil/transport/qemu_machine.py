"""What the emulated micro:bit is made of: QEMU, the firmware, and how they are started."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from hil.errors import ConfigurationError

EMULATOR = "qemu-system-arm"
FIRMWARE = Path("/usr/share/firmware-microbit-micropython/firmware.hex")
INSTALL = "sudo apt-get install -y qemu-system-arm firmware-microbit-micropython"


def missing() -> str:
    """What this machine lacks for ``qemu-microbit``, with the line that installs it; empty if
    nothing does."""
    lacking = []
    if shutil.which(EMULATOR) is None:
        lacking.append(EMULATOR)
    if not firmware().is_file():
        lacking.append(f"the micro:bit's firmware ({firmware()})")
    return f"no {' and no '.join(lacking)} here; run: {INSTALL}" if lacking else ""


def firmware() -> Path:
    """The firmware's file: ``HIL_MICROBIT_FIRMWARE``, else Debian's."""
    return Path(os.environ.get("HIL_MICROBIT_FIRMWARE") or FIRMWARE)


def command() -> list[str]:
    """The emulator's command line; its serial port is stdin and stdout.

    Raises :class:`~hil.errors.ConfigurationError` with the line that installs what is missing.
    """
    lacking = missing()
    if lacking:
        raise ConfigurationError(f"--board=qemu-microbit: {lacking}")
    return [
        *(EMULATOR, "-M", "microbit", "-nodefaults", "-display", "none", "-monitor", "none"),
        *("-chardev", "stdio,id=repl,signal=off", "-serial", "chardev:repl"),
        *("-device", f"loader,file={firmware()}"),
    ]
