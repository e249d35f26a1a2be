"""A port opened through mpremote's transport, and read without waiting.

pyserial's own time-outs are settings of the port: changing one reconfigures a serial port and
negotiates anew with an RFC 2217 server. ``socket://`` tells one waiting byte at most. So the port
is opened once with a short time-out, and the waiting is done here.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import serial
from mpremote.transport import TransportError as MpremoteError
from mpremote.transport_serial import SerialTransport

from hil.boards.backend import BAUDRATE
from hil.boards.diagnosis import open_error
from hil.boards.foreign_bytes import ForeignBytes
from hil.model.secrets import KNOWN_SECRETS
from hil.protocol.stream_scrubber import StreamScrubber
from hil.recording.interfaces import REAL_CLOCK, seconds

if TYPE_CHECKING:
    from hil.boards.fault_injection import LinkFaults
    from hil.boards.overall_limit import OverallLimit
    from hil.recording.interfaces import Clock

Opener = Callable[[str, int], SerialTransport]
"""Opens a port at a baud rate: mpremote's transport, its ``serial`` a :class:`BufferedPort`."""
_RESET_S, _BOOT_STRAP_S = 0.1, 0.05


def open_device(port: str, baudrate: int = BAUDRATE) -> SerialTransport:
    """The :data:`Opener` of a port of this host, in real time.

    Raises the :class:`~hil.model.errors.TransportError` kind that says what is wrong with it.
    """
    transport = try_open(port, baudrate)
    if transport is None:
        raise open_error(port, refusal_reason(port, baudrate))
    return transport


def try_open(
    port: str, baudrate: int, link: Callable[[Any], BufferedPort] | None = None
) -> SerialTransport | None:
    """Whatever pyserial opens as ``port``, read through ``link``; ``None`` if it is refused."""
    try:
        transport = SerialTransport(port, baudrate=baudrate, timeout=POLL_S)
    except (MpremoteError, OSError, ValueError):
        return None
    transport.serial = (link or BufferedPort)(transport.serial)
    transport.is_pty = True  # else mpremote sleeps 10 ms between polls; our reads wait
    return transport


def refusal_reason(port: str, baudrate: int) -> str:
    """The driver's reason, which mpremote does not tell."""
    try:
        serial.serial_for_url(port, baudrate=baudrate, timeout=POLL_S, exclusive=True).close()
    except (OSError, ValueError) as error:
        return str(error)
    return "it opened at a second attempt"


def close_port(lines: Any, socket: Any) -> None:
    """Close a port for good; never raises.

    pyserial's network ports leave their ``socket`` open when the other end was faster.
    """
    with contextlib.suppress(Exception):
        lines.close()
    if socket is not None:
        with contextlib.suppress(Exception):
            socket.close()


def pulse_reset(lines: Any) -> bool:
    """Reset a board through RTS and DTR, as the usual two-transistor circuit wants it.

    RTS without DTR holds such a board in reset, DTR without RTS at the end of a reset makes it
    start its boot loader; both together or neither do nothing. Always ends with both set, which
    native USB ports need for sending. False when the port has no such lines.
    """
    try:
        lines.dtr = False
        lines.rts = True
        time.sleep(_RESET_S)
    except OSError:
        return False
    finally:
        with contextlib.suppress(OSError):
            lines.rts = False
            time.sleep(_BOOT_STRAP_S)
            lines.dtr = True
            lines.rts = True
    return True


POLL_S = 0.05
WRITE_TIMEOUT_S = 5.0
READ_SIZE = 65536
_RECENT = 4000
_RESET_KEYS = b"\x03\x03\x02\x04"
SLICE_S = 0.001
"""The shortest wait after the first one while bytes are missing."""


class BufferedPort:
    """A pyserial port that reads all there is and takes back what was read too far.

    It has the names that mpremote calls; ``timeout_s`` is how long its :meth:`read` waits for
    bytes (in slices, of which the first is ``first_slice_s`` if given), ``faults`` what is done to
    them on purpose, ``limit`` holds over all that is read and written. ``recent`` is the end of
    what came since :meth:`mark`, ``foreign`` notices what is not the board's. Secrets that this
    process was given are masked in what it gives out. Raises :class:`OSError` when the port is
    gone. What it does not have is the port's own. A backend with another way to wait overrides
    :meth:`receive`.
    """

    def __init__(self, port: Any, clock: Clock = REAL_CLOCK) -> None:
        self._port = port
        self.clock = clock
        self._buffer = bytearray()
        self._closed = False
        self._fd = _descriptor(port)
        self._path = str(getattr(port, "name", "") or "")
        self._device = _device_at(self._path)
        self.timeout_s = 0.5
        self.first_slice_s: float | None = None
        self.faults: LinkFaults | None = None
        self.limit: OverallLimit | None = None
        self.recent = bytearray()
        self._scrubber: StreamScrubber | None = None
        self.foreign = ForeignBytes()
        self._write_timeout_s: float | None = None
        with contextlib.suppress(OSError, NotImplementedError, ValueError):
            # an RFC 2217 port refuses; its socket has a time-out of its own
            if self._fd is not None and port.write_timeout is None:
                port.write_timeout = WRITE_TIMEOUT_S
                self._write_timeout_s = WRITE_TIMEOUT_S

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)

    def be_patient(self, timeout_s: float, slowness: float) -> None:
        """Wait so long for what is read, and ``slowness`` times the usual for room to write."""
        self.timeout_s = timeout_s
        limit_s = WRITE_TIMEOUT_S * slowness
        if self._write_timeout_s is not None and limit_s != self._write_timeout_s:
            with contextlib.suppress(OSError, ValueError):
                self._port.write_timeout = self._write_timeout_s = limit_s

    @property
    def lines(self) -> Any:
        """The port itself, for its control lines."""
        return self._port

    def forget(self) -> None:
        """The port was closed: its descriptor may soon be another file's."""
        self._closed = True
        self._buffer.clear()

    def write(self, data: bytes) -> int:
        """Send everything."""
        self._check_usable()
        if self.faults is not None:
            self.faults.push(self._port.write, data)
            return len(data)
        return int(self._port.write(data) or 0)

    def inWaiting(self) -> int:  # noqa: N802 - the name that mpremote calls
        """How many bytes :meth:`read` would return at once."""
        if not self._answered():
            self._buffer += self._fill(0.0)
        return self._answered()

    def read(self, size: int = 1) -> bytes:
        """``size`` bytes of an answer, or fewer when ``timeout_s`` has passed."""
        end = seconds(self.clock) + self.timeout_s
        slice_s = self.timeout_s if self.first_slice_s is None else self.first_slice_s
        while (ready := self._answered()) < size:
            data = self._fill(max(0.0, min(slice_s, end - seconds(self.clock))))
            if not data and seconds(self.clock) >= end:
                break
            self._buffer += data
            slice_s = max(SLICE_S, 2 * slice_s)
        taken = bytes(self._buffer[: min(size, ready)])
        del self._buffer[: len(taken)]
        return taken

    def read_answer(self, timeout_s: float) -> bytes:
        """What has arrived of an answer, without foreign lines; waits so long for the first byte.

        The beginning of such a line is waited for, too, and else stays unread.
        """
        end = seconds(self.clock) + timeout_s
        while not (ready := self._answered()):
            data = self._fill(max(0.0, end - seconds(self.clock)))
            self._buffer += data
            if not data or (seconds(self.clock) >= end and not self._answered()):
                return b""
        taken = bytes(self._buffer[:ready])
        del self._buffer[:ready]
        return taken

    def _answered(self) -> int:
        """How many bytes of an answer are read already; foreign lines are taken out."""
        if not self._buffer:
            return 0
        answer, rest = self.foreign.strip(bytes(self._buffer))
        self._buffer[:] = answer + rest
        return len(answer)

    def read_some(self, timeout_s: float) -> bytes:
        """Everything that has arrived, as it came; waits up to ``timeout_s`` for the first byte."""
        if self._buffer:
            taken = bytes(self._buffer)
            self._buffer.clear()
            return taken
        return self._fill(max(0.0, timeout_s))

    def push_back(self, data: bytes) -> None:
        """Give back what was read too far; the next read returns it first."""
        self._buffer[:0] = data

    def mark(self) -> None:
        """The board is where it should be: what came before tells nothing of what follows."""
        self.recent = self._buffer[-_RECENT:]

    def _check_usable(self) -> None:
        if self._closed:
            raise OSError(errno.EBADF, "the port is closed")
        if self.limit is not None:
            self.limit.check(self.clock)

    def _fill(self, timeout_s: float) -> bytes:
        self._check_usable()
        data = self._masked(timeout_s) if KNOWN_SECRETS else self._unmasked(timeout_s)
        if data:
            self.recent += data
            del self.recent[:-_RECENT]
            self.foreign.watch(data)
        return data

    def _masked(self, timeout_s: float) -> bytes:
        scrubber, held = self._scrubber, b""
        if scrubber is None or scrubber.patterns is not KNOWN_SECRETS.patterns:
            held = b"" if scrubber is None else scrubber.flush()
            scrubber = self._scrubber = StreamScrubber(KNOWN_SECRETS.patterns)
        try:
            return held + scrubber.feed(self._unmasked(timeout_s))
        except OSError:
            if rest := held + scrubber.flush():
                return rest  # the port is gone at the next read, too
            raise

    def _unmasked(self, timeout_s: float) -> bytes:
        if self.faults is None:
            return self.receive(timeout_s)
        data = self.faults.pull(self.receive, timeout_s)
        if self.faults.wants_reset():
            self._port.write(_RESET_KEYS)
        return data

    def receive(self, timeout_s: float) -> bytes:
        """What the port itself gives, past the buffer and without faults."""
        if self._fd is None:
            return self._fill_by_polling(timeout_s)
        if not readable(self._fd, timeout_s):
            self._check_still_there()
            return b""
        try:
            data = os.read(self._fd, READ_SIZE)
        except BlockingIOError:
            return b""
        if not data:
            raise OSError(errno.EIO, "the other end closed")
        return data

    def _check_still_there(self) -> None:
        """A port that was taken away may stay silent instead of failing, for as long as it is open;
        its name is gone then, or is another device's."""
        if self._device is not None and _device_at(self._path) != self._device:
            raise OSError(errno.ENODEV, "the device went away")

    def _fill_by_polling(self, timeout_s: float) -> bytes:
        """For ports without a descriptor (RFC 2217, Windows), whose own time-out is short."""
        end = seconds(self.clock) + timeout_s
        while not self._port.in_waiting:
            if seconds(self.clock) >= end:
                return b""
            first = bytes(self._port.read(1))  # waits for the port's own short time-out
            if first:
                return first + self._waiting()
        return self._waiting()

    def _waiting(self) -> bytes:
        """All that waits: an RFC 2217 port with a time-out keeps reading until it has them all."""
        waiting = min(int(self._port.in_waiting), READ_SIZE)
        return bytes(self._port.read(waiting)) if waiting else b""


def _descriptor(port: Any) -> int | None:
    if os.name != "posix":
        return None
    try:
        return int(port.fileno())
    except (AttributeError, OSError, ValueError):  # pyserial raises UnsupportedOperation
        return None


def _device_at(path: str) -> int | None:
    """What tells the device file at ``path`` from others; ``None`` where there is none."""
    try:
        status = Path(path).stat()
    except (OSError, ValueError):
        return None
    return status.st_rdev if stat.S_ISCHR(status.st_mode) else None


def readable(fd: int, timeout_s: float) -> bool:
    """Whether something can be read from ``fd`` within so long."""
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    return bool(poller.poll(timeout_s * 1000))
