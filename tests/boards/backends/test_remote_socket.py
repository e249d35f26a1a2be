"""``socket://``: a board behind a small bridge on loopback, and what its line may do."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
import tty

import pytest

from hil.boards.backends.registry import parse_board
from hil.boards.backends.remote import open_address
from hil.boards.backends.sim import VirtualBoard
from hil.boards.raw_repl import RawRepl
from hil.boards.serial_port import BufferedPort
from hil.experiments.plan import Case, calibration_plan, capture_job
from hil.experiments.session import Session
from hil.model.errors import BoardNotFoundError, LinkLostError
from hil.recording.capture_reader import read_capture


class Bridge:
    """One TCP client at a time and a serial port, byte for byte, as ``socat`` does it."""

    def __init__(self, port: str) -> None:
        self._fd = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self._fd)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"socket://127.0.0.1:{self._server.getsockname()[1]}"
        self.reads = 0
        self._client: socket.socket | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def hang_up(self) -> None:
        """The server closes the connection."""
        if self._client is not None:
            self._client.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        self._server.close()
        os.close(self._fd)

    def _run(self) -> None:
        self._server.settimeout(0.1)
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                self._client, _ = self._server.accept()
                with self._client:
                    self._serve(self._client)
                self._client = None

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while not self._stopping.is_set():
                ready, _, _ = select.select([client, self._fd], [], [], 0.1)
                if client in ready:
                    data = client.recv(4096)
                    if not data:
                        return
                    os.write(self._fd, data)
                if self._fd in ready:
                    client.sendall(os.read(self._fd, 65536))


@pytest.fixture
def bridge(tmp_path, monkeypatch):
    monkeypatch.setenv("HIL_LOCK_DIR", str(tmp_path / "locks"))
    with VirtualBoard() as board:
        bridge = Bridge(board.port)
        yield bridge
        bridge.stop()


def test_a_board_answers_through_a_socket_and_again(bridge):
    for n in range(2):
        with RawRepl(bridge.url, opener=open_address) as repl:
            repl.enter()
            assert repl.exec(f"print({n} + 1)").split() == [b"%d" % (n + 1)]
            assert repl.slowness == 1


def test_a_flood_is_read_in_large_pieces(bridge):
    """pyserial tells one waiting byte at most on a socket; reading must not go byte by byte."""
    with RawRepl(bridge.url, opener=open_address) as repl:
        repl.enter()
        repl.start("import sys\nfor i in range(2000): sys.stdout.write('x' * 1000)")
        reads = received = 0
        while received < 2_000_000:
            data = repl.read(5.0)
            assert data
            reads += 1
            received += len(data)
        assert received / reads > 500


def test_waiting_in_vain_takes_the_time_that_was_given(bridge):
    with RawRepl(bridge.url, opener=open_address) as repl:
        repl.enter()
        repl.start("import time; time.sleep(30)")
        begin = time.monotonic()
        assert repl.read(0.4) == b""
        assert time.monotonic() - begin > 0.35
        repl.interrupt()


def test_a_capture_through_a_socket_is_complete(bridge, tmp_path):
    with Session(parse_board(bridge.url)) as session:
        assert session.identity.source == "sim"
        session.capture(capture_job(Case(calibration_plan()), session.board), tmp_path / "1.hilcap")
    assert not read_capture(tmp_path / "1.hilcap").faults


def test_a_connection_that_ends_is_a_lost_link(bridge):
    with RawRepl(bridge.url, opener=open_address) as repl:
        repl.enter()
        repl.start("import time; time.sleep(30)")
        bridge.hang_up()
        with pytest.raises(LinkLostError):
            repl.read(5.0)


def test_nobody_listens_there():
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(BoardNotFoundError) as caught:
        RawRepl(url, opener=open_address)
    assert "refused" in str(caught.value)


class Counting:
    """A port without a descriptor, as RFC 2217 has it; settings may not change once open."""

    def __init__(self) -> None:
        self.arrived = bytearray()
        self.reads = 0

    @property
    def in_waiting(self) -> int:
        return len(self.arrived)

    def read(self, size: int) -> bytes:
        self.reads += 1
        if not self.arrived:
            time.sleep(0.02)
        taken = bytes(self.arrived[:size])
        del self.arrived[:size]
        return taken

    @property
    def timeout(self) -> float:
        return 0.05

    @timeout.setter
    def timeout(self, value: float) -> None:
        raise AssertionError("an RFC 2217 port negotiates anew when its time-out changes")


def test_a_port_without_a_descriptor_is_read_in_large_pieces_and_never_set_anew():
    port = Counting()
    port.arrived += b"x" * 100_000
    buffered = BufferedPort(port)
    assert len(buffered.read_some(1.0)) >= 65536
    assert len(buffered.read_some(1.0)) == 100_000 - 65536
    assert port.reads <= 4
    begin = time.monotonic()
    assert buffered.read_some(0.2) == b""
    assert time.monotonic() - begin >= 0.2
    threading.Timer(0.1, lambda: port.arrived.extend(b"late")).start()
    assert buffered.read_some(2.0) == b"late"


def test_what_was_read_too_far_comes_first():
    port = Counting()
    port.arrived += b"world"
    buffered = BufferedPort(port)
    buffered.push_back(b"hello ")
    assert buffered.read(8) == b"hello wo"
    assert buffered.inWaiting() == 3
    assert buffered.read_some(0.0) == b"rld"
