"""A port of another computer: ``rfc2217://HOST:PORT`` and ``socket://HOST:PORT``."""

from __future__ import annotations

import contextlib
import socket
import warnings
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hil.boards.backend import Backend, BoardSpec, Finding
from hil.boards.backends.serial import PORT_PREFIX, split_port_options
from hil.boards.diagnosis import check_lock
from hil.boards.locks import BoardLock, address_lock_names, lock_holder
from hil.boards.port_board import PortBoard
from hil.boards.serial_port import refusal_reason, try_open
from hil.model.errors import BoardNotFoundError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mpremote.transport_serial import SerialTransport

_RFC2217, _IGNORE_CONTROL = "rfc2217://", "ign_set_control"
_SCHEMES = (_RFC2217, "socket://")
_CONNECT_TIMEOUT_S = 3


class RemoteBackend(Backend):
    """Ports behind an address; behind ``port:`` any URL that pyserial opens."""

    name = "remote"
    forms = "rfc2217://HOST:PORT, socket://HOST:PORT"
    takes_slow = True

    def parse(self, text: str) -> BoardSpec | None:
        """An address, maybe with ``?baud=N&slow=N``."""
        if text.startswith(_SCHEMES):
            url, baudrate, slow = split_port_options(text)
            _check_url(text, url)
            return BoardSpec(text, self, url, baudrate, slow)
        if text.startswith(PORT_PREFIX) and "://" in text:
            url, baudrate, slow = split_port_options(text.removeprefix(PORT_PREFIX))
            return BoardSpec(text, self, url, baudrate, slow)
        return None

    def open(self, spec: BoardSpec) -> PortBoard:
        """Lock the address."""
        with contextlib.ExitStack() as held:
            held.enter_context(BoardLock(spec.text, self.lock_names(spec)))
            return PortBoard(spec, spec.target, held, opener=open_address)

    def lock_names(self, spec: BoardSpec) -> tuple[str, ...]:
        """The address, the same for every spelling of this host."""
        return address_lock_names(spec.target)

    def holder(self, spec: BoardSpec) -> str:
        """Another run of this host."""
        return str(lock_holder(self.lock_names(spec)) or "")

    def checks(self, spec: BoardSpec) -> Iterator[Finding]:
        """Whether somebody answers at the address, and whether another run has it."""
        yield _check_answer(spec.target)
        yield Finding("permission", "ok", "not a matter of this host")
        yield check_lock(self.holder(spec))


def open_address(url: str, baudrate: int) -> SerialTransport:
    """The :data:`~hil.boards.serial_port.Opener` of an address.

    An RFC 2217 server that does not confirm control lines (because the port behind it has none)
    is asked again with the answers ignored. Raises
    :class:`~hil.model.errors.BoardNotFoundError`.
    """
    urls = [url]
    if url.startswith(_RFC2217) and _IGNORE_CONTROL not in url:
        urls.append(f"{url}{'&' if '?' in url else '?'}{_IGNORE_CONTROL}")
    with _old_thread_names(url):
        for candidate in urls:
            transport = try_open(candidate, baudrate)
            if transport is not None:
                return transport
        reason = refusal_reason(urls[-1], baudrate)
    raise BoardNotFoundError(f"{url}: no answer from that address ({reason})")


@contextlib.contextmanager
def _old_thread_names(url: str) -> Iterator[None]:
    """pyserial's RFC 2217 client starts its thread with deprecated names."""
    if not url.startswith(_RFC2217):
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def _check_url(text: str, url: str) -> None:
    scheme = url.partition(":")[0]
    try:
        parts = urlsplit(url)
        complete = bool(parts.hostname) and parts.port is not None and 0 < parts.port < 65536
        complete = complete and not parts.path
    except ValueError:  # also for a bracket without its other one
        complete = False
    if not complete:
        raise ConfigurationError(
            f"--board={text}: a remote port is {scheme}://HOST:PORT, "
            "for example socket://192.168.1.5:4000"
        )


def _check_answer(url: str) -> Finding:
    parts = urlsplit(url)
    address = (parts.hostname or "", parts.port or 0)
    try:
        socket.create_connection(address, timeout=_CONNECT_TIMEOUT_S).close()
    except OSError as error:
        return Finding(
            "port",
            "wrong",
            f"{url}: nobody answers there ({error})",
            "start the server (ser2net) on that host; look at address, port and firewall",
        )
    return Finding("port", "ok", f"{url} answers")
