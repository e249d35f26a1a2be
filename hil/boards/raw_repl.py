"""The raw REPL of a board: entered, given code, and read from in a loop of our own.

mpremote opens and closes the port. It reads byte by byte with 10 ms sleeps, and its time-outs know
nothing of slow boards or virtual time, so that everything between is done here.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import re
from typing import TYPE_CHECKING

import serial

from hil.boards.attach import Attach, AttachLimits
from hil.boards.backend import BAUDRATE
from hil.boards.code_sender import CodeSender
from hil.boards.foreign_bytes import ForeignBytes
from hil.boards.serial_port import close_port, open_device, pulse_reset
from hil.boards.slowness import Slowness
from hil.model.errors import (
    BoardResetError,
    BoardTimeoutError,
    LinkLostError,
    RemoteCodeError,
    TransportError,
)
from hil.model.printable import escaped_bytes
from hil.recording.boot_messages import ResetWatch, find_reset
from hil.recording.interfaces import END_OF_OUTPUT, Deadline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hil.boards.fault_injection import LinkFaults
    from hil.boards.overall_limit import OverallLimit
    from hil.boards.serial_port import BufferedPort, Opener
    from hil.recording.interfaces import Clock

LOG = logging.getLogger("hil")
_MAX_TRACEBACK, _MAX_LINE = 20_000, 500
_EXCEPTION = re.compile(rb"Traceback \(|^\w*(Error|Exception|Interrupt|Exit|Timer)\b", re.M)
_DAMAGE = re.compile(r"raised (?:SyntaxError|IndentationError|NameError: name 'AT)")
_ANSWER_S = 1.0
_SENDING_S = 10.0
_BITS_PER_BYTE = 10
_MAX_OUTPUT = 20_000_000


def is_damage(error: RemoteCodeError) -> bool:
    """Whether sound code raises such an error only if it did not arrive as it was sent."""
    return _DAMAGE.search(str(error)) is not None


def new_upload_numbers() -> Iterator[int]:
    """See :meth:`~hil.recording.interfaces.Prompt.upload_numbers`, for a board that is opened."""
    return itertools.cycle(range(1, 65_521))


class RawRepl:
    """One board's REPL, entered and left; usable as a context manager.

    ``opener`` brings the link and its clock: how ``port`` is opened, and the time of the board.
    Raises the errors of :mod:`hil.model.errors`, with what was expected and what came. Time-outs
    are those of a usual board, times ``slowness``, which :meth:`enter` measures; ``limit`` holds
    over all of them.
    """

    def __init__(
        self,
        port: str,
        *,
        baudrate: int = BAUDRATE,
        limits: AttachLimits | None = None,
        opener: Opener = open_device,
        slowness: Slowness | None = None,
        upload_numbers: Iterator[int] | None = None,
        limit: OverallLimit | None = None,
        foreign: ForeignBytes | None = None,
        second_readers: Callable[[], str] = str,
    ) -> None:
        self.port = port
        self.upload_numbers = upload_numbers or new_upload_numbers()
        self._mp = opener(port, baudrate)
        self._baudrate = baudrate
        self._serial: BufferedPort = self._mp.serial
        self._serial.limit = limit
        self._foreign = self._serial.foreign = foreign or ForeignBytes()
        self._second_readers = second_readers
        self._before = dict(self._foreign.counts)
        self.clock: Clock = self._serial.clock
        self._slowness = slowness or Slowness()
        self._attach = Attach(self._serial, port, limits or AttachLimits(), self._slowness)
        self._sender = CodeSender(self._serial, port)

    def __enter__(self) -> RawRepl:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def slowness(self) -> float:
        """The factor on every time-out, 1 for a usual board."""
        return self._slowness.factor

    def enter(self, *, soft_reset: bool = True, booting: bool = False) -> None:
        """Interrupt whatever runs and enter the raw REPL, by default from a fresh start.

        ``booting`` says that the board has just been reset. Raises
        :class:`~hil.model.errors.BoardTimeoutError` that says what to try next.
        """
        with _translated(self.port):
            self._mp.in_raw_repl = self._attach.reset_asked = False
            self._attach.reach(booting=booting)
            if soft_reset:
                self._attach.measure()
                self._attach.reset_softly()
            self._serial.mark()
            with self._reset_told("while it was being reached"):
                self._attach.prove(timed=not soft_reset)
            self._serial.mark()
            self._serial.be_patient(_ANSWER_S * self.slowness, self.slowness)
            self._mp.in_raw_repl = True

    @property
    def reset_asked(self) -> bool:
        """Whether a soft reset had been asked for when :meth:`enter` or a reset failed."""
        return self._attach.reset_asked

    def inject(self, faults: LinkFaults | None) -> None:
        """From here on let ``faults`` happen to what the board sends."""
        self._serial.faults = faults
        if faults is not None:
            faults.follow(self.clock)

    def reset_softly(self) -> None:
        """Ask for a soft reset from whatever state the REPL is in, without an answer."""
        with _translated(self.port):
            self._attach.reset_asked = False
            self._attach.reset_blindly()

    def reset_by_lines(self) -> bool:
        """Pulse the reset line (DTR/RTS); false if the port has none."""
        return pulse_reset(self._serial.lines)

    def exec(self, code: str, *, timeout_s: float = 10.0) -> bytes:
        """Run ``code`` to its end and return what it printed.

        It is sent once more if it did not arrive as it was sent, or if its answer did not come and
        something foreign is on the link. Raises :class:`~hil.model.errors.RemoteCodeError` with the
        board's traceback if it raised.
        """
        try:
            self.start(code)
            return self.finish(self.deadline(timeout_s * self.slowness))
        except RemoteCodeError as error:
            self._foreign.notice_error(str(error))
            if not is_damage(error):
                raise
            why = f"what arrived is no code ({error})"
        except (BoardResetError, LinkLostError):
            raise
        except TransportError:
            why = self.disturbance
            if not why:
                raise
        LOG.warning("%s: %s; it is asked once more", self.port, why)
        self.enter(soft_reset=False)
        self.start(code)
        return self.finish(self.deadline(timeout_s * self.slowness))

    @property
    def disturbance(self) -> str:
        """See :class:`~hil.recording.interfaces.Prompt`."""
        return "; ".join(filter(None, (self._foreign.since(self._before), self._second_readers())))

    def start(self, code: str) -> None:
        """Send ``code`` and let it run; its output is then read with :meth:`read`.

        A board that goes on printing does not hold this up: sending has one limit.
        """
        self._before = dict(self._foreign.counts)
        sending_s = _SENDING_S + 2 * len(code) * _BITS_PER_BYTE / self._baudrate
        deadline = self.deadline(sending_s * self.slowness)
        with _translated(self.port), self._reset_told("while code was sent to it"):
            self._attach.expect_prompt()
            self._sender.send(code.encode(), deadline, self.slowness)

    def finish(self, deadline: Deadline) -> bytes:
        """Read the rest of a started program's output, up to its end."""
        output = self._until_end(deadline, "the end of the program's output")
        self.end_of_program(deadline)
        return output

    def end_of_program(self, deadline: Deadline) -> None:
        """After the program's output ended: raise what it raised, if anything."""
        errors = self._until_end(deadline, "the end of the program's errors")
        reset, _ = find_reset(bytes(self._serial.recent))
        self._serial.mark()
        if errors:
            if not _EXCEPTION.search(errors):
                if reset is not None:
                    raise reset.error(self.port, when="while it ran code")
                raise TransportError(
                    f"{self.port}: the output ended in its middle, and {len(errors)} bytes that "
                    "are no traceback followed: the link is disturbed, or a Ctrl-D was printed"
                )
            lines = [escaped_bytes(line) for line in errors[-_MAX_TRACEBACK:].splitlines()]
            traceback = "\n".join(lines).strip()
            last = traceback.rsplit("\n", 1)[-1][:_MAX_LINE]
            raise RemoteCodeError(f"the board raised {last}", traceback=traceback)

    def deadline(self, overall_s: float, idle_s: float | None = None) -> Deadline:
        """A deadline on the board's clock."""
        return Deadline(overall_s, idle_s, self.clock)

    def unread(self, data: bytes) -> None:
        """Give back what was read too far; the next read returns it first."""
        self._serial.push_back(data)

    def write(self, data: bytes) -> None:
        """Send bytes to the running program."""
        with _translated(self.port):
            self._serial.write(data)

    def read(self, timeout_s: float) -> bytes:
        """What has arrived; waits up to ``timeout_s`` for the first byte, never longer."""
        with _translated(self.port):
            return self._serial.read_some(timeout_s)

    def interrupt(self) -> None:
        """Send Ctrl-C twice, as a person would; a line that was begun is not executed."""
        self.write(b"\x03\x03")
        self.clock.sleep(0.05)

    def close(self) -> None:
        """Leave the friendly prompt behind and close the port; never raises."""
        with contextlib.suppress(Exception):
            if self._mp.in_raw_repl:
                self._mp.exit_raw_repl()
        socket = getattr(self._serial.lines, "_socket", None)
        with contextlib.suppress(Exception):
            self._mp.close()  # lets go of RTS before DTR, so that no board is left in reset
        self._serial.forget()
        close_port(self._serial.lines, socket)  # also where a control line was missing

    @contextlib.contextmanager
    def _reset_told(self, when: str) -> Iterator[None]:
        """A board that did not answer because it was reset is said to have been."""
        try:
            yield
        except BoardTimeoutError as error:
            reset, _ = find_reset(bytes(self._serial.recent))
            if reset is None:
                raise
            raise reset.error(self.port, when=when) from error

    def _until_end(self, deadline: Deadline, expected: str) -> bytes:
        collected = bytearray()
        watch = ResetWatch(self.port, self.clock)
        while True:
            with _translated(self.port):
                data = self._serial.read_answer(min(0.2, max(0.0, deadline.remaining_s)))
            if data:
                deadline.touch()
                head, mark, tail = data.partition(END_OF_OUTPUT)
                collected += head
                if mark:
                    self.unread(tail)
                    return bytes(collected)
                watch.feed(head)
            watch.check(when="while it ran code")
            if len(collected) > _MAX_OUTPUT:
                raise TransportError(
                    f"{self.port}: the board printed more than {_MAX_OUTPUT // 1_000_000} MB where "
                    f"{expected} was expected"
                )
            if deadline.expired:
                raise BoardTimeoutError(
                    f"{self.port}: {deadline.describe()}",
                    expected=expected,
                    received=bytes(collected),
                )


@contextlib.contextmanager
def _translated(port: str) -> Iterator[None]:
    """Turn pyserial's errors into ours."""
    try:
        yield
    except serial.SerialTimeoutException as error:
        raise BoardTimeoutError(
            f"{port}: the board takes no more input; reset it, or look for stopped flow control",
            expected="room to write",
        ) from error
    except OSError as error:
        raise LinkLostError(
            f"{port}: the port went away ({error}); check the cable and run again"
        ) from error
