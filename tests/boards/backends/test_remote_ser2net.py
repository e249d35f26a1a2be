"""Boards behind a real ser2net on loopback: RFC 2217 and plain TCP."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil.boards.attach import AttachLimits
from hil.boards.backends.registry import parse_board
from hil.boards.backends.remote import open_address
from hil.boards.backends.sim import VirtualBoard
from hil.boards.connection import Connection
from hil.boards.raw_repl import RawRepl
from hil.model.errors import BoardBrokenError, BoardNotFoundError

SER2NET = shutil.which("ser2net", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
ACCEPTERS = {"rfc2217": "telnet(rfc2217,mode=server),tcp,{}", "socket": "tcp,{}"}

pytestmark = [
    pytest.mark.skipif(
        not os.environ.get("HIL_TEST_SER2NET"), reason="takes a minute: python3 -m tox -e ser2net"
    ),
    pytest.mark.skipif(
        SER2NET is None, reason="ser2net is not installed: sudo apt-get install -y ser2net"
    ),
]


class Served:
    """A board and the ser2net in front of it."""

    def __init__(self, scheme: str, folder: Path) -> None:
        self.board = VirtualBoard()
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.tcp = probe.getsockname()[1]
        self.url = f"{scheme}://127.0.0.1:{self.tcp}"
        self._log = (folder / "ser2net.log").open("w")
        accepter = ACCEPTERS[scheme].format(f"127.0.0.1,{self.tcp}")
        lines = [
            "connection: &board",
            f"  accepter: {accepter}",
            f"  connector: serialdev(nouucplock=true),{self.board.port},115200n81,local",
        ]
        command = [str(SER2NET), "-d", "-n"]
        for line in lines:
            command += ["-Y", line]
        self.process = subprocess.Popen(command, stdout=self._log, stderr=subprocess.STDOUT)
        end = time.monotonic() + 60
        listening = f":{self.tcp:04X} "
        while listening not in Path("/proc/net/tcp").read_text():
            assert self.process.poll() is None, (folder / "ser2net.log").read_text()
            assert time.monotonic() < end
            time.sleep(0.02)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self._log.close()
        self.board.stop()


@pytest.fixture(params=sorted(ACCEPTERS))
def served(request, tmp_path, monkeypatch) -> Iterator[Served]:
    monkeypatch.setenv("HIL_LOCK_DIR", str(tmp_path / "locks"))
    served = Served(request.param, tmp_path)
    yield served
    served.stop()


def test_a_board_answers_through_the_server_and_again(served):
    for n in range(2):
        with RawRepl(served.url, opener=open_address) as repl:
            repl.enter()
            assert repl.exec(f"print({n} + 1)").split() == [b"%d" % (n + 1)]


def test_all_bytes_pass(served):
    """Among them 255, which telnet escapes, and the ones that terminals like to change."""
    with RawRepl(served.url, opener=open_address) as repl:
        repl.enter()
        code = "import sys\nfor k in range(200): sys.stdout.buffer.write(bytes(range(5,256)))"
        assert repl.exec(code) == bytes(range(5, 256)) * 200


def processor_s(repl: RawRepl, program: str, size: int) -> float:
    """What reading the program's output takes this process, however long the bytes are away."""
    begin = time.process_time()
    assert len(repl.exec(program)) == size
    return time.process_time() - begin


def test_reading_keeps_up_with_a_fast_board(served):
    """A hundred times as much costs a hundred times as much, or less; copying what came, 10,000."""
    with RawRepl(served.url, opener=open_address) as repl:
        repl.enter()
        program = "import sys\nfor k in range(%d): sys.stdout.write('x' * 1000)"
        little = min(processor_s(repl, program % 5, 5_000) for _ in range(5))
        much = min(processor_s(repl, program % 500, 500_000) for _ in range(3))
        assert much < 300 * little


def test_a_dead_server_ends_in_an_error_and_the_board_is_given_up(served):
    limits = AttachLimits(first_answer_s=0.5, reboot_s=0.2)
    connection = Connection(parse_board(served.url), limits=limits)
    try:
        connection.open()
        served.process.kill()
        served.process.wait()
        with pytest.raises(BoardBrokenError):
            connection.recover()
    finally:
        connection.close()
    with pytest.raises(BoardNotFoundError):
        RawRepl(served.url, opener=open_address)


def test_a_whole_run(served, pytester):
    pytester.makepyfile(
        """
        def test_lateness(figures):
            assert figures.all("lateness_p50_us")
        """
    )
    result = pytester.runpytest_subprocess(
        f"--board={served.url}",
        "--hil-technique=timer_soft,round_robin",
        "--hil-load=idle",
        "--hil-duration-s=1",
    )
    result.assert_outcomes(passed=2)
