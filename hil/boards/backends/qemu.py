"""The emulated micro:bit: QEMU, its firmware, and the process that offers its port."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from hil.boards.backend import Backend, BoardSpec, BoardTraits
from hil.boards.backends.supervised_process import SupervisorProcess
from hil.boards.port_board import PortBoard
from hil.model.errors import ConfigurationError

if TYPE_CHECKING:
    from hil.model.board import Source

_START_TIMEOUT_S = 30.0


class EmulatedMicrobit(SupervisorProcess):
    """The real micro:bit firmware under QEMU, from construction to :meth:`stop`.

    ``port`` is the path of its serial port. It ends with this process whatever happens to it.
    Raises :class:`~hil.model.errors.ConfigurationError` with the line that installs what is
    missing.
    """

    def __init__(self) -> None:
        emulator_command()
        super().__init__(
            "hil.boards.backends.qemu_supervisor",
            (),
            what="the emulated micro:bit",
            start_timeout_s=_START_TIMEOUT_S,
        )


EMULATOR = "qemu-system-arm"
FIRMWARE = Path("/usr/share/firmware-microbit-micropython/firmware.hex")
INSTALL_COMMAND = "sudo apt-get install -y qemu-system-arm firmware-microbit-micropython"


def missing_parts() -> str:
    """What this machine lacks for ``qemu-microbit``, with the line that installs it; empty if
    nothing does."""
    lacking = []
    if shutil.which(EMULATOR) is None:
        lacking.append(EMULATOR)
    if not firmware_file().is_file():
        lacking.append(f"the micro:bit's firmware ({firmware_file()})")
    return f"no {' and no '.join(lacking)} here; run: {INSTALL_COMMAND}" if lacking else ""


def firmware_file() -> Path:
    """The firmware's file: ``HIL_MICROBIT_FIRMWARE``, else Debian's."""
    return Path(os.environ.get("HIL_MICROBIT_FIRMWARE") or FIRMWARE)


def emulator_command() -> list[str]:
    """The emulator's command line; its serial port is stdin and stdout.

    Raises :class:`~hil.model.errors.ConfigurationError` with the line that installs what is
    missing.
    """
    lacking = missing_parts()
    if lacking:
        raise ConfigurationError(f"--board=qemu-microbit: {lacking}")
    return [
        *(EMULATOR, "-M", "microbit", "-nodefaults", "-display", "none", "-monitor", "none"),
        *("-chardev", "stdio,id=repl,signal=off", "-serial", "chardev:repl"),
        *("-device", f"loader,file={firmware_file()}"),
    ]


class QemuBackend(Backend):
    """``qemu-microbit``."""

    name = "qemu"
    forms = "qemu-microbit"
    source: Source = "emulator"
    traits = BoardTraits(own_programs=False)

    def parse(self, text: str) -> BoardSpec | None:
        """``qemu-microbit`` alone."""
        return BoardSpec(text, self) if text == self.forms else None

    def open(self, spec: BoardSpec) -> PortBoard:
        """Start the emulator with the firmware."""
        with contextlib.ExitStack() as held:
            process = held.enter_context(EmulatedMicrobit())
            board = PortBoard(spec, process.port, held)
            board.process_id = process.pid
            return board
