"""The emulated micro:bit from the harness's side: a process that offers a serial port."""

from __future__ import annotations

from hil.transport import qemu_machine
from hil.transport.supervised import SupervisorProcess

_START_TIMEOUT_S = 30.0


class EmulatedMicrobit(SupervisorProcess):
    """The real micro:bit firmware under QEMU, from construction to :meth:`stop`.

    ``port`` is the path of its serial port. It ends with this process whatever happens to it.
    Raises :class:`~hil.errors.ConfigurationError` with the line that installs what is missing.
    """

    def __init__(self) -> None:
        qemu_machine.command()
        super().__init__(
            "hil.transport.qemu_supervisor",
            (),
            what="the emulated micro:bit",
            start_timeout_s=_START_TIMEOUT_S,
        )
