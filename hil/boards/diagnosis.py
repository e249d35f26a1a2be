"""Why a port is refused, in one line that says what to do.

And what `hil doctor` can say of a port before it is opened.
"""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from hil.boards.backend import Finding
from hil.boards.foreign_bytes import MODEM_MANAGER_FIX
from hil.boards.lock_files import flock_owners
from hil.model.errors import BoardBusyError, BoardNotFoundError, TransportError
from hil.model.redaction import redacted_command

_MOST_TOLD = 3
_HELD = ("exclusively lock", "resource busy")


@dataclass(frozen=True, slots=True)
class PortHolder:
    """A process that has a port; ``command`` is empty where it can't be told."""

    pid: int
    command: str

    def __str__(self) -> str:
        return f"pid {self.pid}" + (f" (`{self.command}`)" if self.command else "")


def open_error(port: str, reason: str) -> TransportError:
    """The error for a port that could not be opened; ``reason`` is what the driver said."""
    path = Path(port)
    if not path.exists() and os.name == "posix":
        return BoardNotFoundError(
            f"{port}: there is no such port; `hil boards` lists what is attached"
        )
    if path.exists() and not path.is_char_device():
        return BoardNotFoundError(f"{port}: that is a file or folder, not a serial port")
    if os.name == "posix" and not os.access(port, os.R_OK | os.W_OK):
        return TransportError(f"{port}: permission denied; {permission_fix(port)}")
    if is_locked(port) or any(word in reason.lower() for word in _HELD):
        held_by = ", ".join(str(holder) for holder in port_holders(port)) or "another program"
        return BoardBusyError(f"{port}: {held_by} holds the port; close it and try again")
    return TransportError(f"{port}: can't open the port ({reason})")


def is_locked(port: str) -> bool:
    """Whether a process holds the exclusive lock that pyserial and mpremote take.

    Only looks: opening a port can reset its board. False where ``/proc`` does not tell.
    """
    return bool(flock_owners(port))


def port_holders(port: str) -> tuple[PortHolder, ...]:
    """Who has the port: those with a lock on it, else those that have it open; by ``/proc``.

    Empty where the system does not tell (no ``/proc``, or the process is another user's).
    """
    own = os.getpid()
    pids = [pid for pid in flock_owners(port) or () if pid not in (0, own)]
    if not pids:
        pids = [pid for pid in _openers(os.path.realpath(port)) if pid != own]
    return tuple(PortHolder(pid, command_of(pid)) for pid in sorted(set(pids)))


def second_readers(port: str) -> str:
    """Other processes that have ``port`` open beside this one and what to do, else empty.

    Each takes bytes away that were meant for this one; a lock keeps only those out that ask for it.
    What stands behind a pseudo-terminal has both of its ends, and is none.
    """
    device = os.path.realpath(port)
    own = os.getpid()
    pids = [pid for pid in _openers(device) if pid != own and not _offers(pid, device)]
    if not pids:
        return ""
    holders = [str(PortHolder(pid, command_of(pid))) for pid in sorted(pids)[:_MOST_TOLD]]
    more = f" and {len(pids) - _MOST_TOLD} more" if len(pids) > _MOST_TOLD else ""
    have, them = ("has", "it") if len(pids) == 1 else ("have", "them")
    return (
        f"{', '.join(holders)}{more} {have} the port open too, and what is read there is missing "
        f"here: end {them}"
    )


def _offers(pid: int, device: str) -> bool:
    """Whether a process has the other end of the pseudo-terminal ``device``."""
    folder = Path(device).parent
    if folder.name != "pts":
        return False
    with contextlib.suppress(OSError):
        for handle in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError, ValueError):
                if handle.readlink().name == "ptmx":
                    text = Path(f"/proc/{pid}/fdinfo/{handle.name}").read_text()
                    _, mark, number = text.partition("tty-index:")
                    if mark and number.split()[0] == Path(device).name:
                        return True
    return False


def command_of(pid: int) -> str:
    """The command line of a process, printable, bounded and without secrets; empty if unknown."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    text = redacted_command([word.decode("utf-8", "replace") for word in words]).strip()
    return "".join(c for c in text if c.isprintable())[:200]


def port_group(port: str) -> str:
    """The group that may use the port; the usual one if it can't be told."""
    try:
        group = Path(port).group()
    except (OSError, KeyError, NotImplementedError):
        return "dialout"
    return "dialout" if group == "root" else group


def permission_fix(port: str) -> str:
    """What opens a port to this user: its group, a new login, or a udev rule."""
    group = port_group(port)
    join = f"`sudo usermod -aG {group} $USER`, then log out and in again"
    try:
        status = Path(port).stat()
        rights = status.st_mode & (stat.S_IRGRP | stat.S_IWGRP)
        of_group = rights == stat.S_IRGRP | stat.S_IWGRP and Path(port).group() != "root"
    except (OSError, KeyError, NotImplementedError):
        of_group = True
    if not of_group:
        return (
            f"its mode {stat.filemode(status.st_mode)} lets no group use it: write "
            f'`SUBSYSTEM=="tty", GROUP="{group}", MODE="0660"` into '
            "/etc/udev/rules.d/50-serial.rules, run `sudo udevadm control --reload; "
            f"sudo udevadm trigger`, and {join}"
        )
    if _listed_in(group):
        return f"you are in its group {group}, but only from the next login on: log out and in"
    return f"add yourself to the port's group: {join}"


def _listed_in(group: str) -> bool:
    """Whether the user is a member of ``group`` by the system's files."""
    try:
        import grp
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name in grp.getgrnam(group).gr_mem
    except (ImportError, KeyError):
        return False


def _openers(device: str) -> list[int]:
    pids = []
    for folder in Path("/proc").glob("[0-9]*/fd"):  # of other users' processes it is not told
        with contextlib.suppress(OSError):
            if any(str(handle.readlink()) == device for handle in folder.iterdir()):
                pids.append(int(folder.parent.name))
    return pids


def not_a_board(text: str) -> Finding:
    """The finding for a ``--board`` text that does not name a single board."""
    return Finding("port", "wrong", f"{text} is not one board", "name one, see `hil boards`")


def check_device(port: str) -> Finding:
    """Whether the port is there, is one, and is left alone."""
    path = Path(port)
    if os.name != "posix":
        return Finding("port", "ok", port)
    if not path.exists():
        return Finding(
            "port",
            "wrong",
            f"{port}: there is no such port",
            "`hil boards` lists what is attached; a charge-only cable shows nothing",
        )
    if not path.is_char_device():
        return Finding("port", "wrong", f"{port}: not a serial port", "see `hil boards`")
    if "ttyACM" in port and _modem_manager():
        return Finding(
            "port",
            "warning",
            f"{port} is there, and ModemManager is running",
            f"it talks to new ports for a while: {MODEM_MANAGER_FIX}",
        )
    return Finding("port", "ok", f"{port} is there")


def check_permission(port: str) -> Finding:
    """Whether this user may open the port."""
    if os.name != "posix":
        return Finding("permission", "ok", "not a matter of this host")
    if os.access(port, os.R_OK | os.W_OK):
        return Finding("permission", "ok", "may be read and written")
    return Finding(
        "permission",
        "wrong",
        f"{port}: permission denied",
        permission_fix(port),
    )


def check_lock(holder: str) -> Finding:
    """Whether the board is free; ``holder`` is empty then."""
    if holder:
        return Finding("lock", "wrong", f"held by {holder}", "end that program, or wait for it")
    return Finding("lock", "ok", "nobody holds the board")


def modem_manager_suspected(port: str) -> str:
    """That ModemManager runs here, where it may be what sends to ``port``; else empty."""
    kind = Path(os.path.realpath(port)).name[:6]
    if kind in ("ttyACM", "ttyUSB") and _modem_manager():
        return f"ModemManager is running, and talks to new ports for a while: {MODEM_MANAGER_FIX}"
    return ""


def _modem_manager() -> bool:
    for name in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            if name.read_text().strip() == "ModemManager":
                return True
    return False
