"""The names under which a board is locked: the same for every way to write its port or address."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import stat
import sys
from urllib.parse import urlsplit

_THIS_HOST = "127.0.0.1"
_DISCARD = 9
_PTY_MAJORS = range(136, 144)


def device_lock_names(port: str, usb_identity: str = "") -> tuple[str, ...]:
    """The names of the board at a port of this host.

    A device is known by its number too, so that another node of it is the same board.
    """
    names = [f"port:{_path_of(port)}", *([f"usb:{usb_identity}"] if usb_identity else [])]
    if os.name == "posix":
        with contextlib.suppress(OSError, ValueError):
            status = os.stat(port)  # noqa: PTH116  (a Path raises for some)
            if stat.S_ISCHR(status.st_mode):
                names.append(f"device:{_device_number(status)}")
    return tuple(sorted(names))


def address_lock_names(url: str) -> tuple[str, ...]:
    """The names of the board behind an address, by whatever protocol it is reached.

    A name of a host and each of its addresses; all those of this host are one.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").lower().rstrip(".")
    hosts = {_THIS_HOST if own else address for address, own in _addresses(host)}
    if not hosts or _THIS_HOST not in hosts:
        hosts.add(_THIS_HOST if host == "localhost" else host)
    return tuple(sorted(f"tcp:{name}:{parts.port}" for name in hosts))


def _path_of(port: str) -> str:
    if os.name != "posix":
        return port.upper().removeprefix("\\\\.\\").removeprefix("//./")
    path = "/" + os.path.realpath(port).lstrip("/")  # two slashes at the beginning would stay
    if sys.platform == "darwin":  # a port has two nodes there
        path = path.replace("/dev/tty.", "/dev/cu.")
    return path


def _device_number(status: os.stat_result) -> str:
    major, minor = os.major(status.st_rdev), os.minor(status.st_rdev)
    # each container has pseudo-terminals of its own, with the same numbers
    of = f"@{status.st_dev}" if major in _PTY_MAJORS else ""
    return f"{major}:{minor}{of}"


def _addresses(host: str) -> set[tuple[str, bool]]:
    """What a host's name stands for, and of each whether it is this host; empty if unknown."""
    try:
        found_addresses = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, ValueError):
        return set()
    addresses = set()
    for family, _, _, _, where in found_addresses:
        address = ipaddress.ip_address(str(where[0]).partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            own = _is_own(socket.AF_INET, (str(address.ipv4_mapped), 0), address.ipv4_mapped)
            address = address.ipv4_mapped
        else:
            own = _is_own(family, where, address)
        addresses.add((str(address), own))
    return addresses


def _is_own(
    family: int, where: tuple[object, ...], address: ipaddress.IPv4Address | ipaddress.IPv6Address
) -> bool:
    """Whether an address is this host's own: what is sent there comes from there; nothing is."""
    if address.is_loopback or address.is_unspecified:
        return True
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((where[0], _DISCARD, *where[2:]))
            return bool(probe.getsockname()[0] == where[0])
    except OSError:
        return False
