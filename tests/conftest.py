"""Shared by the harness's own tests."""

from __future__ import annotations

import functools
import importlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hil.boards.attach import AttachLimits
from hil.boards.raw_repl import RawRepl
from hil.experiments.preload import PRELOADED_MODULES
from hil.model.secrets import KNOWN_SECRETS

pytest_plugins = ["pytester"]
sys.path.append(str(Path(__file__).parents[1]))  # `tools`, behind what is installed
sys.path.append(str(Path(__file__).parent))  # `webhook_server`
os.environ.pop("HIL_NOTIFY", None)  # nobody is told of a test
os.environ["HIL_HISTORY"] = "none"  # runs in tests leave nothing in anybody's history
os.environ.pop("HIL_BOARD", None)  # and measure no board that they don't name


@pytest.fixture(autouse=True)
def _no_known_secrets() -> Iterator[None]:
    """What one test is to keep secret is nothing to the next."""
    yield
    KNOWN_SECRETS.clear()


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
def silent(monkeypatch) -> Iterator[str]:
    """A serial port with something behind it that never answers; nobody waits for it for long.

    Every other port keeps the usual patience: a busy machine may need it.
    """
    import pty
    import tty

    master, slave = pty.openpty()
    tty.setraw(slave)
    port = os.ttyname(slave)
    open_usually = RawRepl.__init__
    short = AttachLimits(first_answer_s=0.3, prompt_s=0.2, reboot_s=0.2, boot_s=0.2)

    def open_shortly(self: RawRepl, name: str, **more: Any) -> None:
        open_usually(self, name, **(more | {"limits": short} if name == port else more))

    monkeypatch.setattr(RawRepl, "__init__", open_shortly)
    yield port
    os.close(master)
    os.close(slave)


@pytest.fixture(scope="session")
def _imported() -> None:
    """What every run imports late; pytester forgets what a run in this process has imported."""
    for name in (
        *PRELOADED_MODULES,
        "hil.history.run_writer",
        "hil.report.page.page",
        "hil.report.charts.run_charts",
    ):
        importlib.import_module(name)


@pytest.fixture
def run_here(pytester, _imported) -> Callable[..., pytest.RunResult]:
    """Run pytest as from its command line, without the second that a process of its own takes."""
    return functools.partial(pytester.runpytest_inprocess, "-p", "no:hypothesispytest")


class Processes:
    """What the system says of other processes (Linux)."""

    @staticmethod
    def children(pid: int) -> list[int]:
        """The processes that ``pid`` has started."""
        child_pids = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid:
                child_pids.append(int(stat.parent.name))
        return child_pids

    @staticmethod
    def gone(pid: int, seconds: float = 60.0) -> bool:
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
