"""Whether a board that runs on this computer is who listens at a port of it.

A board behind a pseudo-terminal is a process here. Only what that process, or one that it started,
listens at is the board's; any other port of this computer is somebody else's.
"""

from __future__ import annotations

import contextlib
import re
import sys
from pathlib import Path

_PROC = Path("/proc")
_PTY = re.compile(r"/dev/pts/([0-9]{1,6})")
_LISTENING = "0A"
_LOOPBACK = "0100007F"


def can_tell() -> bool:
    """Whether this system says which process listens where."""
    return sys.platform == "linux"


class BoardProcesses:
    """The processes behind a board at ``serial_port``; none where that is no pseudo-terminal.

    Only Linux tells them.

    Looking for them takes some 50 ms, asking them where they listen some 5.
    """

    def __init__(self, serial_port: str) -> None:
        self._port = serial_port
        self._pids = self._find()

    def listen_at(self, tcp_port: int) -> bool | None:
        """Whether one of them listens at a port of 127.0.0.1; ``None`` where nobody does.

        They may be others by now.
        """
        sockets = _listening(tcp_port)
        if not sockets:
            return None
        if any(sockets & _sockets(pid) for pid in self._pids):
            return True
        self._pids = self._find()
        return any(sockets & _sockets(pid) for pid in self._pids)

    def _find(self) -> set[int]:
        match = _PTY.fullmatch(str(Path(self._port).resolve()))
        if match is None or not can_tell():
            return set()
        return _with_children({pid for pid in _pids() if _holds_master(pid, match[1])})


def _pids() -> list[int]:
    return [int(path.name) for path in _PROC.iterdir() if path.name.isdecimal()]


def _handles(pid: int) -> list[tuple[str, str]]:
    """What a process has open: number and target of each; nothing of somebody else's process."""
    handles = []
    with contextlib.suppress(OSError):
        for path in (_PROC / str(pid) / "fd").iterdir():
            with contextlib.suppress(OSError):
                handles.append((path.name, str(path.readlink())))
    return handles


def _holds_master(pid: int, number: str) -> bool:
    for handle, target in _handles(pid):
        if target.endswith("/ptmx"):
            with contextlib.suppress(OSError):
                info = (_PROC / str(pid) / "fdinfo" / handle).read_text()
                if f"tty-index:\t{number}\n" in info:
                    return True
    return False


def _with_children(pids: set[int]) -> set[int]:
    parents: dict[int, int] = {}
    for pid in _pids():
        with contextlib.suppress(OSError, IndexError, ValueError):
            stat = (_PROC / str(pid) / "stat").read_text()
            parents[pid] = int(stat.rpartition(")")[2].split()[1])
    family = set(pids)
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return family


def _sockets(pid: int) -> set[str]:
    return {target for _, target in _handles(pid) if target.startswith("socket:[")}


def _listening(port: int) -> set[str]:
    """The sockets that listen there, as they are among a process's handles."""
    wanted = (f"{_LOOPBACK}:{port:04X}", f"00000000:{port:04X}")
    sockets = set()
    with contextlib.suppress(OSError):
        for line in (_PROC / "net" / "tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if len(fields) > 9 and fields[1] in wanted and fields[3] == _LISTENING:
                sockets.add(f"socket:[{fields[9]}]")
    return sockets
