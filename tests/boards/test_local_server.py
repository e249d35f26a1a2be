"""Only what a board's own processes listen at is the board's."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator

import pytest

from hil.boards.local_server import BoardProcesses

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it is told in /proc")


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def child(port) -> Iterator[str]:
    """A pseudo-terminal whose other end a child of this process has, and nothing else."""
    master, slave = os.openpty()
    name = os.ttyname(slave)
    read_end, write_end = os.pipe()
    pid = os.fork()
    if not pid:  # holds the master until it is told to end
        os.close(write_end)
        os.closerange(max(master, slave, read_end, write_end) + 1, 256)
        os.read(read_end, 1)
        os._exit(0)
    os.close(master)
    os.close(read_end)
    yield name
    os.close(write_end)
    os.close(slave)
    os.waitpid(pid, 0)


def test_the_process_behind_the_terminal_is_the_board(port):
    master, slave = os.openpty()
    processes = BoardProcesses(os.ttyname(slave))
    assert processes.listen_at(port)
    os.close(master)
    os.close(slave)


def test_a_link_to_the_terminal_is_the_same_board(port, tmp_path):
    master, slave = os.openpty()
    (tmp_path / "port").symlink_to(os.ttyname(slave))
    assert BoardProcesses(str(tmp_path / "port")).listen_at(port)
    os.close(master)
    os.close(slave)


def test_a_port_of_another_process_is_not_the_board_s():
    master, slave = os.openpty()
    processes = BoardProcesses(os.ttyname(slave))
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # nobody listens there
        assert processes.listen_at(bound.getsockname()[1]) is None
    os.close(master)
    os.close(slave)


@pytest.mark.parametrize(
    "name", ["/dev/ttyUSB0", "/dev/null", "socket://127.0.0.1:1", "/dev/pts/x"]
)
def test_a_port_that_is_no_terminal_of_this_computer_has_none(port, name):
    assert BoardProcesses(name).listen_at(port) is False


def test_a_board_s_parent_is_not_the_board(child, port):
    """The child holds the terminal; this process, which started it, is who listens."""
    late = socket.create_server(("127.0.0.1", 0))
    with late:
        assert BoardProcesses(child).listen_at(late.getsockname()[1]) is False
