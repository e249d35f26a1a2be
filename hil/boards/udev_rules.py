"""Rules for udev: a name that stays, the right to open it, and no ModemManager that talks to it.

What USB says of a board is data: a serial number that is more than letters, digits and a few marks
is not put into a rule. A board without a number of its own is known by the socket that it is in.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from hil.model.printable import escaped_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hil.boards.backends.serial import AttachedPort

BY_PATH = Path("/dev/serial/by-path")
HEAD = """\
# Names that stay for the boards of this bench, for members of dialout and whoever sits at it.
# /etc/udev/rules.d/60-hil.rules, then: udevadm control --reload && udevadm trigger
# The names behind SYMLINK are yours to change.
"""
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:-]{0,126}", re.ASCII)
_INTERFACE = re.compile(r":\d+\.(\d{1,3})$", re.ASCII)
_RIGHTS = 'GROUP="dialout", MODE="0660", TAG+="uaccess", ENV{ID_MM_PORT_IGNORE}="1"'
_MOST_BOARDS = 1000


def udev_rules(ports: Sequence[AttachedPort], machines: Mapping[str, str] | None = None) -> str:
    """The rules of the attached ``ports``; ``machines`` is what their boards say they are.

    Ports of one board with several serial interfaces get a name each.
    """
    identities = Counter((port.usb_id, port.serial_number) for port in ports)
    devices: dict[tuple[str, str], set[str]] = {}
    for port in ports:
        devices.setdefault((port.usb_id, port.serial_number), set()).add(_device(port))
    counts: Counter[str] = Counter()
    parts = [HEAD]
    for port in ports[:_MOST_BOARDS]:
        machine = (machines or {}).get(port.port, "")
        stem = _stem(machine or port.description)
        counts[stem] += 1
        name = f"hil-{stem}-{counts[stem]}"
        key = (port.usb_id, port.serial_number)
        alike = len(devices[key]) > 1
        about = f"# {escaped_line(port.port)}: {escaped_line(machine or port.description)}\n"
        rule = _rule(port, name, alike=alike, several=identities[key] > 1 and not alike)
        parts.append(about + rule)
    return "\n".join(parts)


def _rule(port: AttachedPort, name: str, *, alike: bool, several: bool) -> str:
    vendor, _, product = port.usb_id.partition(":")
    number = port.serial_number
    if number and _PLAIN.fullmatch(number) and not alike:
        usb = (
            f'ATTR{{idVendor}}=="{vendor}", ATTR{{idProduct}}=="{product}", '
            f'ATTR{{serial}}=="{number}"'
        )
        match = usb.replace("ATTR{", "ATTRS{")
        interface = _INTERFACE.search(port.location)
        if several and interface:
            match += f', ENV{{ID_USB_INTERFACE_NUM}}=="{int(interface[1]):02x}"'
        return (
            f'SUBSYSTEM=="tty", {match}, SYMLINK+="{name}", {_RIGHTS}\n'
            f'SUBSYSTEM=="usb", ENV{{DEVTYPE}}=="usb_device", {usb}, '
            'ENV{ID_MM_DEVICE_IGNORE}="1"\n'
        )
    path = _path_of(port.port)
    reason = "another board has the same number" if alike else "it has no usable serial number"
    if not path:
        return f"# no rule: {reason}, and {BY_PATH} does not say which socket it is in\n"
    return (
        f"# {reason}: the board in this USB socket\n"
        f'SUBSYSTEM=="tty", ENV{{ID_PATH}}=="{path}", SYMLINK+="{name}", {_RIGHTS}\n'
    )


def _device(port: AttachedPort) -> str:
    """Where the USB device is, without the interface."""
    return port.location.partition(":")[0] or port.port


def _stem(text: str) -> str:
    """A few letters of what it is: ``raspberry-pi-pico``."""
    words = text.partition(" with ")[0]
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:30].strip("-") or "board"


def _path_of(port: str) -> str:
    try:
        for link in sorted(BY_PATH.iterdir()):
            if link.resolve() == Path(port).resolve() and _PLAIN.fullmatch(link.name):
                return link.name
    except OSError:
        return ""
    return ""
