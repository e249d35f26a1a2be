"""Which addresses a board may say that its web server has, before anything is sent there.

A board names an address, and this computer asks it hundreds of times. So the address must be one
that a board of this bench can have: in a network that this computer is in itself, or that the user
named, and neither this computer, its router nor a whole network. A board that runs on this computer
has a port of 127.0.0.1, and only one that it listens at itself.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING

from hil.boards.local_server import BoardProcesses, can_tell
from hil.experiments.wifi import wifi_network
from hil.model.errors import CaptureError

if TYPE_CHECKING:
    from hil.boards.backend import BoardTraits

PORTS = range(20_000, 32_000)
"""What the agent chooses from, below those that systems give to clients."""
_PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_WIDEST = 16
"""Bits of the shortest prefix that is a bench's own network; a tunnel's route is wider."""
_ROUTES = Path("/proc/net/route")
_GATEWAY_FLAG = 2

AddressCheck = Callable[[str, int], bool]
"""Whether somebody listens at an address and port already, as far as that can be told.

Raises :class:`~hil.model.errors.CaptureError` for an address that is not the board's.
"""


def address_check(traits: BoardTraits, serial_port: str) -> AddressCheck:
    """The check for a board of these traits at ``serial_port``."""
    processes = BoardProcesses(serial_port) if traits.network == "host" else None

    def here(host: str, port: int) -> bool:
        _check_port(host, port)
        if host != "127.0.0.1":
            raise _refused(host, port, "a board on this computer listens at 127.0.0.1")
        if not can_tell():
            return True
        listens = None if processes is None else processes.listen_at(port)
        if listens is False:
            raise _refused(host, port, "it is not the board that listens there")
        return bool(listens)

    def in_network(host: str, port: int) -> bool:
        _check_port(host, port)
        check_address(host, port, wifi_network())
        return True

    return in_network if processes is None else here


def check_address(host: str, port: int, given: IPv4Network | None) -> None:
    """Raise ``CaptureError`` unless a board of this bench can have the address.

    ``given`` is the network that the user named, ``None`` for those that this computer is in.
    """
    try:
        address = IPv4Address(host)
    except AddressValueError:
        raise _refused(host, port, "it is no IPv4 address in numbers") from None
    if address.is_loopback or address.is_link_local or address.is_multicast:
        raise _refused(host, port, "no board of a network has such an address")
    if address.is_unspecified or address.is_reserved:
        raise _refused(host, port, "no board has such an address")
    networks, routers = attached_networks()
    if given is not None:
        networks = (given,)
    own = [network for network in networks if address in network]
    if not own:
        known = ", ".join(map(str, networks)) or "none that could be told"
        raise _refused(
            *(host, port),
            f"it is in no network of this bench ({known}); name the board's with network = "
            '"192.168.4.0/24" in wifi.toml if it is another',
        )
    ends = {end for net in own for end in (net.network_address, net.broadcast_address)}
    if address in ends:
        raise _refused(host, port, "it is a whole network's")
    if address in routers:
        raise _refused(host, port, "it is the router's")
    if _own_address(address):
        raise _refused(host, port, "it is this computer's own")


def attached_networks() -> tuple[tuple[IPv4Network, ...], frozenset[IPv4Address]]:
    """The private networks that this computer is in itself, and its routers; Linux tells them."""
    networks, routers = [], set()
    with contextlib.suppress(OSError, ValueError):
        for line in _ROUTES.read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            target, gateway, mask = (_address(fields[index]) for index in (1, 2, 7))
            if int(fields[3], 16) & _GATEWAY_FLAG:
                routers.add(gateway)
                continue
            network = IPv4Network(f"{target}/{mask}", strict=False)
            if network.prefixlen >= _WIDEST and any(map(network.subnet_of, _PRIVATE)):
                networks.append(network)
    return tuple(networks), frozenset(routers)


def _check_port(host: str, port: int) -> None:
    if port not in PORTS:
        text = f"a board's server listens at a port from {PORTS.start} to {PORTS.stop - 1}"
        raise _refused(host, port, text)


def _own_address(address: IPv4Address) -> bool:
    """Whether packets to it would stay here; nothing is sent."""
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        try:
            probe.connect((str(address), 9))
        except OSError:
            return False
        return bool(probe.getsockname()[0] == str(address))


def _address(text: str) -> IPv4Address:
    """As the kernel writes it: hexadecimal, the last byte first."""
    return IPv4Address(int.from_bytes(bytes.fromhex(text), "little"))


def _refused(host: str, port: int, why: str) -> CaptureError:
    return CaptureError(
        f"the board named {host[:40]!r}, port {port}, as its web server, which is not asked: {why}"
    )
