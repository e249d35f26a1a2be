"""The embedded board ``sim``: a real MicroPython VM in a process that offers a serial port."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hil.boards.backends.sim_clock import VirtualClock
from hil.boards.backends.sim_knobs import SimKnobs, format_sim_knobs, parse_sim_knobs
from hil.boards.backends.sim_program import find_vm
from hil.boards.backends.supervised_process import STOP_TIMEOUT_S, SupervisorProcess
from hil.model.errors import TransportError
from hil.recording.interfaces import REAL_CLOCK

if TYPE_CHECKING:
    from hil.recording.interfaces import Clock


def start_sim(knobs: SimKnobs | None = None, root: Path | None = None) -> VirtualBoard:
    """Start an embedded board with ``knobs``; ``root`` is its file system, else a temporary one."""
    return VirtualBoard(format_sim_knobs(knobs or SimKnobs()), root=root)


_START_TIMEOUT_S = 20.0


class VirtualBoard(SupervisorProcess):
    """An embedded board, running from construction to :meth:`stop`; a context manager.

    ``port`` is the path of the serial port. The board ends with this process whatever happens to
    it. In virtual time ``hold`` lets it stand still after it was switched on, until somebody keeps
    step with it: only then the same happens every time from the first moment on.

    Raises :class:`~hil.model.errors.ConfigurationError` for a bad knob, or without a VM.
    """

    def __init__(
        self,
        knobs: SimKnobs | str | None = None,
        root: Path | None = None,
        *,
        hold: bool = False,
    ) -> None:
        text = knobs if isinstance(knobs, str) else format_sim_knobs(knobs or SimKnobs())
        self.knobs = parse_sim_knobs(text)
        find_vm()
        self._folder = tempfile.TemporaryDirectory(prefix="hil-")
        self._control = Path(self._folder.name, "control")
        arguments = ["--control", str(self._control)]
        arguments += ["--root", str(root)] if root is not None else []
        arguments += ["--hold"] if hold else []
        super().__init__(
            "hil.boards.backends.sim_supervisor",
            [*arguments, text] if text else arguments,
            what="the embedded board",
            start_timeout_s=_START_TIMEOUT_S,
            repeatable=self.knobs.virtual,
        )

    def new_clock(self) -> Clock:
        """The clock that a session with this board goes by; a virtual one keeps step with it."""
        return VirtualClock(self._control) if self.knobs.virtual else REAL_CLOCK

    def drive_pin(self, pin: int, level: int | None) -> None:
        """Put ``level`` on an input pin from outside, or take it away: an external stimulus."""
        self._ask(f"pin {pin} {'none' if level is None else int(bool(level))}")

    def reset(self) -> None:
        """Press the reset button: the VM ends at once and starts again, whatever it was doing."""
        self._ask("reset")

    def stop(self) -> None:
        """End the board; may be called again."""
        super().stop()
        self._folder.cleanup()

    def _ask(self, command: str) -> None:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                client.settimeout(STOP_TIMEOUT_S)
                client.connect(str(self._control))
                client.sendall(command.encode("ascii"))
                answer = client.recv(256).strip()
        except OSError as error:
            raise TransportError(f"the embedded board does not answer ({error})") from None
        if answer != b"ok":
            raise TransportError(f"the embedded board refused {command!r}: {answer.decode()}")
