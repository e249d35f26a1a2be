"""A board of a labgrid farm: its place acquired, its serial port as an address, its power switch.

labgrid is an extra and imported only here, when a place is asked
for. It is used through its own client session, so whatever its coordinator and exporters support
for serial ports and power works.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.util
import io
import os
import time
import warnings
from typing import TYPE_CHECKING

from hil.boards.backend import Backend, BoardSpec
from hil.boards.backends.remote import open_address
from hil.boards.locks import BoardLock, address_lock_names
from hil.boards.port_board import PortBoard
from hil.model.errors import BoardBusyError, BoardNotFoundError, ConfigurationError, TransportError
from hil.model.install_hints import install_line
from hil.model.secrets import KNOWN_SECRETS, Secret

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_COORDINATOR = "LG_COORDINATOR"
_DEFAULT_COORDINATOR = "127.0.0.1:20408"
_SERIAL = "NetworkSerialPort"
_POWER = (
    "NetworkPowerPort",
    "NetworkUSBPowerPort",
    "NetworkSiSPMPowerPort",
    "PDUDaemonPort",
    "TasmotaPowerPort",
    "NetworkYKUSHPowerPort",
)
_SCHEMES = {"rfc2217": "rfc2217", "raw": "socket"}
_SERIAL_WAIT_S = 15.0
_OFF_S = 2.0


class LabgridPlace:
    """A place of the farm, acquired from construction to :meth:`release`; a context manager.

    ``port`` is a URL that pyserial opens, ``has_power`` says whether the place can be power-cycled.
    Raises :class:`~hil.model.errors.ConfigurationError` without labgrid,
    :class:`~hil.model.errors.BoardNotFoundError` without coordinator, place or serial port, and
    :class:`~hil.model.errors.BoardBusyError` when somebody else has the place.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._acquired = False
        self._client = _client()
        address = os.environ.get(_COORDINATOR, _DEFAULT_COORDINATOR)
        login = address.rpartition("@")[0]
        KNOWN_SECRETS.add(Secret(login), Secret(login.partition(":")[2]))
        arguments = argparse.Namespace(
            place=name, allow_unmatched=False, kick=False, name=None, action="cycle", delay=_OFF_S
        )
        with _speaking(f"labgrid coordinator {address}"):
            self._session = self._client.start_session(address, extra={"args": arguments})
        try:
            self._acquire()
            self.port = self._find_port()
        except BaseException:
            self.release()
            raise

    def __enter__(self) -> LabgridPlace:
        return self

    def __exit__(self, *exc: object) -> None:
        self.release()

    @property
    def has_power(self) -> bool:
        """Whether labgrid has a power driver for a resource of the place."""
        return any(cls in _POWER for cls in self._resources())

    def power_cycle(self) -> None:
        """Off, a moment, on; raises :class:`~hil.model.errors.TransportError` if the switch
        refuses."""
        with _speaking(f"labgrid:{self.name}: power cycle"):
            self._session.power()

    def release(self) -> None:
        """Give the place back and end the session; never raises, may be called again."""
        session, self._session = self._session, None
        if session is None:
            return
        with contextlib.suppress(Exception), _quiet():
            if self._acquired:
                session.loop.run_until_complete(session.release())
        with contextlib.suppress(Exception), _quiet():
            session.loop.run_until_complete(session.stop())
            session.loop.run_until_complete(session.close())

    def _acquire(self) -> None:
        try:
            place = self._session.get_place(self.name)
        except self._client.UserError:
            known = ", ".join(sorted(self._session.places)) or "none"
            raise BoardNotFoundError(
                f"labgrid:{self.name}: the coordinator has no such place; it has {known}"
            ) from None
        self._session.args.place = place.name
        if place.acquired:
            raise BoardBusyError(
                f"labgrid:{self.name}: the place is acquired by {place.acquired}; "
                f"wait, or `labgrid-client -p {place.name} release` if it was left behind"
            )
        with _speaking(f"labgrid:{self.name}: acquire"):
            self._session.loop.run_until_complete(self._session.acquire())
        self._acquired = True

    def _find_port(self) -> str:
        """The serial port's address; its server starts when the place is acquired."""
        end = time.monotonic() + _SERIAL_WAIT_S
        while True:
            entry = self._resources().get(_SERIAL)
            if entry is None:
                raise BoardNotFoundError(f"labgrid:{self.name}: the place has no {_SERIAL}")
            if entry.get("host") and entry.get("port"):
                return self._url(entry)
            if time.monotonic() > end:
                raise BoardNotFoundError(
                    f"labgrid:{self.name}: the exporter offers no address for the serial port; "
                    "is ser2net installed where the exporter runs?"
                )
            with _speaking(f"labgrid:{self.name}"):
                self._session.loop.run_until_complete(self._session.sync_with_coordinator())
            time.sleep(0.1)

    def _url(self, entry: dict[str, Any]) -> str:
        protocol = str(entry.get("protocol", "rfc2217"))
        if protocol not in _SCHEMES:
            raise BoardNotFoundError(
                f"labgrid:{self.name}: its serial port speaks {protocol!r}, not rfc2217 or raw"
            )
        from labgrid.util.proxy import proxymanager

        address = f"{_SCHEMES[protocol]}://{entry['host']}:{entry['port']}"
        with _speaking(f"labgrid:{self.name}: proxy"):
            return str(proxymanager.get_url(address))

    def _resources(self) -> dict[str, dict[str, Any]]:
        """Parameters of the place's resources by class."""
        with _speaking(f"labgrid:{self.name}"):
            place = self._session.get_acquired_place(self.name)
            resources = self._session.get_target_resources(place)
        return {cls: dict(entry.params) for (_, cls), entry in resources.items()}


class LabgridBackend(Backend):
    """``labgrid:PLACE``, with the power switch of the place if labgrid has a driver for it."""

    name = "labgrid"
    forms = "labgrid:PLACE"

    def parse(self, text: str) -> BoardSpec | None:
        """``labgrid:PLACE``; labgrid itself is not needed for that."""
        prefix, mark, place = text.partition(":")
        if not mark or prefix != self.name:
            return None
        if not place:
            raise ConfigurationError(f"--board={text}: labgrid: needs a place's name behind it")
        return BoardSpec(text, self, place)

    def open(self, spec: BoardSpec) -> PortBoard:
        """Acquire the place."""
        with contextlib.ExitStack() as held:
            lock = held.enter_context(BoardLock(spec.text, self.lock_names(spec)))
            place = held.enter_context(LabgridPlace(spec.target))
            lock.extend(address_lock_names(place.port))
            switch = place.power_cycle if place.has_power else None
            return PortBoard(spec, place.port, held, opener=open_address, power_switch=switch)

    def lock_names(self, spec: BoardSpec) -> tuple[str, ...]:
        """The place's name."""
        return (f"labgrid:{spec.target}",)


def _client() -> Any:
    """labgrid's client module, or one clear line."""
    if importlib.util.find_spec("labgrid") is None:
        raise ConfigurationError(
            f"--board=labgrid:PLACE needs labgrid: `{install_line('labgrid')}` "
            "in a virtual environment of its own (see docs/how-to/farm.md)"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import labgrid.remote.client as client
    return client


@contextlib.contextmanager
def _speaking(what: str) -> Iterator[None]:
    """labgrid and gRPC raise many kinds of their own; here they become one."""
    try:
        with _quiet():
            yield
    except (SystemExit, Exception) as error:
        details = getattr(error, "details", None)
        text = str(details() if callable(details) else error) or type(error).__name__
        raise TransportError(f"{what}: {' '.join(text.split())}") from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """labgrid's client prints what it does; it also warns of its dependencies."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield
