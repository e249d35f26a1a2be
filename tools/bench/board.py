"""Programs on the embedded board, over its pseudo-terminal or over a paced one in front of it."""

from __future__ import annotations

import contextlib
import os
import selectors
import threading
import time
import tty
from collections.abc import Iterator

from hil.agents import bundle
from hil.boards.raw_repl import RawRepl

BYTES_S = 11_520


class PacedPort:
    """A pseudo-terminal in front of another one that lets through so many bytes a second.

    What can't go on yet stays in the board's terminal, whose buffer fills, so that the board waits
    as it would for its UART.
    """

    def __init__(self, board_port: str, bytes_s: int = BYTES_S) -> None:
        self._board = os.open(board_port, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self._board)
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self._bytes_s = bytes_s
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=t) for t in (self._to_host, self._to_board)]
        for thread in self._threads:
            thread.start()

    def _to_host(self) -> None:
        """A budget that grows with time; an idle link saves up no more than 5 ms of it."""
        credit, last = 0.0, time.monotonic()
        with selectors.DefaultSelector() as readable:
            readable.register(self._board, selectors.EVENT_READ)
            while not self._ended.is_set():
                waiting = bool(readable.select(0.1))
                now = time.monotonic()
                credit += (now - last) * self._bytes_s
                last = now
                if not waiting:
                    credit = 0.0
                    continue
                if credit >= 16:
                    data = os.read(self._board, min(int(credit), 4096))
                    credit -= len(data)
                    os.write(self._master, data)
                else:
                    time.sleep(0.002)

    def _to_board(self) -> None:
        with selectors.DefaultSelector() as readable:
            readable.register(self._master, selectors.EVENT_READ)
            while not self._ended.is_set():
                if readable.select(0.1):
                    os.write(self._board, os.read(self._master, 4096))

    def close(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()
        for fd in (self._board, self._master, self._slave):
            os.close(fd)


@contextlib.contextmanager
def paced_port(board_port: str) -> Iterator[str]:
    """The name of a :class:`PacedPort` in front of ``board_port``."""
    paced = PacedPort(board_port)
    try:
        yield paced.port
    finally:
        paced.close()


@contextlib.contextmanager
def prompt(port: str, *files: str) -> Iterator[RawRepl]:
    """The raw REPL at ``port`` with device files executed."""
    repl = RawRepl(port)
    try:
        repl.enter()
        for _, pieces in bundle.library(*files):
            for piece in pieces:
                repl.exec(piece)
        yield repl
    finally:
        repl.close()
