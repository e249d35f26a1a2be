"""A farm of one place on loopback: real coordinator, real exporter, the embedded board behind."""

from __future__ import annotations

import contextlib
import http.server
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hil.boards.backends.sim import VirtualBoard
from tools.processes import running

PLACE = "pico-1"
_START_S = 15.0


@dataclass
class Farm:
    """What runs; ``switched`` are the requests that the power switch got."""

    board: VirtualBoard
    coordinator: str
    switched: list[str] = field(default_factory=list)

    def client(self, *words: str) -> str:
        """labgrid's own command, as another user of the farm would call it."""
        done = subprocess.run(
            [*_program("labgrid-client"), "-x", self.coordinator, *words],
            capture_output=True,
            text=True,
            timeout=30,
            env={**os.environ, "LG_USERNAME": "somebody", "LG_HOSTNAME": "elsewhere"},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def _program(name: str) -> list[str]:
    return [str(Path(sys.executable).parent / name)]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _power_switch(farm: Farm) -> Iterator[int]:
    """A switch that takes GET /1/0 (off) and GET /1/1 (on); on is a start of the board."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            farm.switched.append(self.path)
            if self.path.endswith("/1"):
                farm.board.reset()
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="session")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    """A coordinator with the place ``pico-1``: a serial port and a switched socket."""
    if importlib.util.find_spec("labgrid") is None:
        pytest.skip("labgrid is not installed: python3 -m tox -e labgrid")
    if shutil.which("ser2net") is None and not Path("/usr/sbin/ser2net").exists():
        pytest.skip("ser2net is not installed: sudo apt-get install -y ser2net")
    folder = tmp_path_factory.mktemp("farm")
    coordinator = f"127.0.0.1:{_free_port()}"
    with contextlib.ExitStack() as stack:
        board = stack.enter_context(VirtualBoard())
        farm = Farm(board, coordinator)
        switch = stack.enter_context(_power_switch(farm))
        (folder / "exporter.yaml").write_text(
            "bench:\n"
            "  RawSerialPort:\n"
            f"    port: {board.port}\n"
            "  NetworkPowerPort:\n"
            "    model: simplerest\n"
            f"    host: 'http://127.0.0.1:{switch}/{{index}}/{{value}}'\n"
            "    index: '1'\n"
        )
        stack.enter_context(
            running(*_program("labgrid-coordinator"), "-l", coordinator, folder=folder)
        )
        _wait(lambda: farm.client("places") is not None, folder)
        stack.enter_context(
            running(
                *_program("labgrid-exporter"),
                *("-c", coordinator, "-n", "bench-pc", "--hostname", "127.0.0.1"),
                "exporter.yaml",
                folder=folder,
            )
        )
        _wait(lambda: "NetworkSerialPort" in farm.client("resources"), folder)
        farm.client("-p", PLACE, "create")
        farm.client("-p", PLACE, "add-match", "bench-pc/bench/*")
        yield farm


def _wait(condition, folder: Path) -> None:
    end = time.monotonic() + _START_S
    while True:
        with contextlib.suppress(AssertionError):
            if condition():
                return
        if time.monotonic() > end:
            logs = "\n".join(p.read_text()[-2000:] for p in folder.glob("*.log"))
            pytest.fail(f"the farm did not start:\n{logs}")
        time.sleep(0.2)


@pytest.fixture(autouse=True)
def surroundings(request, tmp_path, monkeypatch):
    monkeypatch.setenv("HIL_LOCK_DIR", str(tmp_path / "locks"))
    if "farm" in request.fixturenames:
        monkeypatch.setenv("LG_COORDINATOR", request.getfixturevalue("farm").coordinator)
