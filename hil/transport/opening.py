"""Opening a port or a URL, through mpremote's transport."""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Iterator
from typing import Any

import serial
from mpremote.transport import TransportError as MpremoteError
from mpremote.transport_serial import SerialTransport

from hil.transport.buffered_port import POLL_S, BufferedPort
from hil.transport.clock import REAL_CLOCK, Clock
from hil.transport.ports import open_error

BAUDRATE = 115200
_RFC2217, _IGNORE_CONTROL = "rfc2217://", "ign_set_control"
_RESET_S, _BOOT_STRAP_S = 0.1, 0.05


def open_transport(
    port: str, baudrate: int = BAUDRATE, clock: Clock = REAL_CLOCK
) -> SerialTransport:
    """mpremote's transport on ``port``, reading through a :class:`BufferedPort`.

    An RFC 2217 server that does not confirm control lines (because the port behind it has none)
    is asked again with the answers ignored. Raises :class:`~hil.errors.TransportError` kinds.
    """
    wanted = [port]
    if port.startswith(_RFC2217) and _IGNORE_CONTROL not in port:
        wanted.append(f"{port}{'&' if '?' in port else '?'}{_IGNORE_CONTROL}")
    for url in wanted:
        try:
            with _old_thread_names(url):
                transport = SerialTransport(url, baudrate=baudrate, timeout=POLL_S)
        except (MpremoteError, OSError, ValueError):
            continue
        transport.serial = BufferedPort(transport.serial, clock)
        transport.is_pty = True  # else mpremote sleeps 10 ms between polls; our reads wait
        return transport
    raise open_error(port, _why(wanted[-1], baudrate))


def _why(port: str, baudrate: int) -> str:
    """The driver's reason, which mpremote does not tell."""
    try:
        with _old_thread_names(port):
            serial.serial_for_url(port, baudrate=baudrate, timeout=POLL_S, exclusive=True).close()
    except (OSError, ValueError) as error:
        return str(error)
    return "it opened at a second attempt"


@contextlib.contextmanager
def _old_thread_names(port: str) -> Iterator[None]:
    """pyserial's RFC 2217 client starts its thread with deprecated names."""
    if not port.startswith(_RFC2217):
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


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
