"""Shared by the harness's own tests."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest_plugins = ["pytester"]
os.environ["HIL_HISTORY"] = "none"  # runs in tests leave nothing in anybody's history
os.environ.pop("HIL_BOARD", None)  # and measure no board that they don't name


class UsbPorts(list[SimpleNamespace]):
    """A made-up list of the USB serial ports that are attached, in place of the system's own."""

    def plug(
        self, device: str, number: str | None = None, *, vid: int | None = 0x2E8A, pid: int = 5
    ) -> None:
        """Attach a port, with a USB serial number or none."""
        self.append(
            SimpleNamespace(
                device=device,
                serial_number=number,
                vid=vid,
                pid=pid,
                description="Board in FS mode",
            )
        )


@pytest.fixture
def attached(tmp_path, monkeypatch) -> UsbPorts:
    """The attached ports, none at first; locks are in a folder of the test."""
    monkeypatch.setenv("HIL_LOCK_DIR", str(tmp_path / "locks"))
    ports = UsbPorts()
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: list(ports))
    return ports


@pytest.fixture
def silent() -> Iterator[str]:
    """A serial port with something behind it that never answers."""
    import pty
    import tty

    master, slave = pty.openpty()
    tty.setraw(slave)
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)


class Processes:
    """What the system says of other processes (Linux)."""

    @staticmethod
    def children(pid: int) -> list[int]:
        """The processes that ``pid`` has started."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid:
                found.append(int(stat.parent.name))
        return found

    @staticmethod
    def gone(pid: int, seconds: float = 10.0) -> bool:
        """Whether a process ends within so long; one that only waits to be collected has ended."""
        end = time.monotonic() + seconds
        while True:
            try:
                if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                    return True
            except OSError:
                return True
            if time.monotonic() > end:
                return False
            time.sleep(0.02)


@pytest.fixture(scope="session")
def processes() -> type[Processes]:
    """Children of a process, and whether one is gone."""
    return Processes
