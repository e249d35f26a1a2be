"""The embedded board ``sim``: a real MicroPython VM in a process that offers a serial port."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hil.boards.backend import Backend, BoardSpec, BoardTraits
from hil.boards.backends.sim_clock import VirtualClock, open_in_step
from hil.boards.backends.sim_edges import EDGES_FILE
from hil.boards.backends.sim_knobs import SimKnobs, format_sim_knobs, parse_sim_knobs
from hil.boards.backends.sim_pins import SimPins
from hil.boards.backends.sim_program import CONTROL_NAME, find_vm
from hil.boards.backends.supervised_process import STOP_TIMEOUT_S, SupervisorProcess
from hil.boards.port_board import PortBoard
from hil.boards.raw_repl import RawRepl
from hil.boards.scratch_folder import ScratchFolder
from hil.boards.serial_port import open_device
from hil.model.errors import TransportError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.boards.attach import AttachLimits
    from hil.boards.serial_port import Opener
    from hil.model.board import Source


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
        # a virtual board's flash takes no time, so it must not wait for the host's disk either
        self._folder = ScratchFolder(memory=self.knobs.virtual)
        self._control = self._folder.path / CONTROL_NAME
        arguments = ["--folder", str(self._folder.path)]
        arguments += ["--root", str(root)] if root is not None else []
        arguments += ["--hold"] if hold else []
        try:
            super().__init__(
                "hil.boards.backends.sim_supervisor",
                [*arguments, text] if text else arguments,
                what="the embedded board",
                start_timeout_s=_START_TIMEOUT_S,
                repeatable=self.knobs.virtual,
            )
        except BaseException:
            self._folder.remove()
            raise

    def new_opener(self) -> Opener:
        """How a session opens the port; in virtual time its clock keeps step with the board."""
        if self.knobs.virtual:
            return partial(open_in_step, VirtualClock(self._control))
        return open_device

    def open_repl(self, limits: AttachLimits | None = None) -> RawRepl:
        """A prompt of its own on the port, which one at a time may have."""
        return RawRepl(self.port, limits=limits, opener=self.new_opener())

    @property
    def edges_file(self) -> Path:
        """Where the edges of its pins are, see :mod:`hil.boards.backends.sim_edges`."""
        return self._control.with_name(EDGES_FILE)

    def drive_pin(self, pin: int, level: int | None) -> None:
        """Put ``level`` on an input pin from outside, or take it away: an external stimulus."""
        self.ask(f"pin {pin} {'none' if level is None else int(bool(level))}")

    def reset(self) -> None:
        """Press the reset button: the VM ends at once and starts again, whatever it was doing."""
        self.ask("reset")

    def stop(self) -> None:
        """End the board; may be called again."""
        super().stop()
        self._folder.remove()

    def ask(self, command: str) -> list[str]:
        """Send a command to the board's supervisor; the words of its answer behind ``ok``."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                client.settimeout(STOP_TIMEOUT_S)
                client.connect(str(self._control))
                client.sendall(command.encode("ascii"))
                answer = client.recv(256).decode("ascii", "replace")
        except OSError as error:
            raise TransportError(f"the embedded board does not answer ({error})") from None
        word, *words = answer.split() or [""]
        if word != "ok":
            raise TransportError(f"the embedded board refused {command!r}: {answer.strip()}")
        return words


@dataclass(frozen=True, slots=True)
class SimSpec(BoardSpec):
    """An embedded board with its settings."""

    knobs: SimKnobs = field(default_factory=SimKnobs)

    @property
    def repeatable(self) -> bool:
        """In virtual time."""
        return self.knobs.virtual


class SimBoard(PortBoard):
    """An embedded board that this process started; ``process`` has its reset button."""

    def __init__(self, spec: BoardSpec, process: VirtualBoard, held: contextlib.ExitStack) -> None:
        super().__init__(
            spec,
            process.port,
            held,
            opener=process.new_opener(),
            reset_button=process.reset,
        )
        self.process = process
        self.interrupt_power = process.reset
        self.process_id = process.pid
        if process.knobs.virtual:
            self.pin_watch = SimPins(process, lambda: self.clock.now_ns())


class SimBackend(Backend):
    """``sim``, with its knobs."""

    name = "sim"
    forms = "sim"
    source: Source = "sim"
    traits = BoardTraits(own_programs=False, resets_are_free=True, plan_speed=4, network="host")

    def parse(self, text: str) -> BoardSpec | None:
        """``sim`` and ``sim:KNOB=VALUE,...``."""
        name, _, knobs = text.partition(":")
        return SimSpec(text, self, knobs=parse_sim_knobs(knobs)) if name == "sim" else None

    def open(self, spec: BoardSpec) -> SimBoard:
        """Start the board; in virtual time it stands still until its link is opened."""
        knobs = spec.knobs if isinstance(spec, SimSpec) else SimKnobs()
        with contextlib.ExitStack() as held:
            process = held.enter_context(VirtualBoard(knobs, hold=True))
            return SimBoard(spec, process, held)

    def recognises(self, facts: Mapping[str, str]) -> bool:
        """An embedded board says so in its unique id, also to those that know only its port."""
        return facts.get("uid", "").startswith(b"hil-sim".hex())
