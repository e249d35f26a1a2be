"""The two ends at which a board in virtual time meets its user: a terminal and a step client.

What the board says goes through its supervisor to the terminal. So the supervisor knows what was
said before the board stopped, and how much it was. The step client
(:class:`hil.boards.backends.sim_clock.VirtualClock`) says on the control socket how far the board
may run: ``run NS BYTES`` up to a moment, having written so many bytes. It is answered ``ok`` once,
then ``stop``, each with the time and the counts of bytes: a terminal hands bytes on with a delay.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import termios
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable


class Terminal:
    """The master's side of a terminal, written to without waiting; ``total`` counts the bytes."""

    def __init__(self, master: int, slave: int, selector: selectors.BaseSelector) -> None:
        self._fd = os.dup(master)
        self._slave = slave
        self._selector = selector
        self._rest: deque[bytes] = deque()
        os.set_blocking(self._fd, False)
        self.total = 0

    def write(self, data: bytes) -> None:
        """Send ``data`` behind what waits."""
        self.total += len(data)
        self._rest.append(data)
        self._flush()

    def forget(self) -> None:
        """Throw away what nobody has read."""
        self._rest.clear()
        self._watch(False)
        termios.tcflush(self._slave, termios.TCIFLUSH)

    def close(self) -> None:
        """Close this side's own descriptor."""
        with contextlib.suppress(OSError):
            os.close(self._fd)

    def _flush(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._rest:
                done = os.write(self._fd, self._rest[0])
                if done < len(self._rest[0]):
                    self._rest[0] = self._rest[0][done:]
                else:
                    self._rest.popleft()
        self._watch(bool(self._rest))

    def _watch(self, wanted: bool) -> None:
        if wanted != (self._fd in self._selector.get_map()):
            if wanted:
                self._selector.register(self._fd, selectors.EVENT_WRITE, self._flush)
            else:
                self._selector.unregister(self._fd)


@dataclass(frozen=True, slots=True)
class Goal:
    """How far the board is asked to run, and how many bytes it must have been sent before."""

    until_ns: int
    written: int


class StepClient:
    """The session that keeps step with the board, one at a time.

    ``goal`` is the request that waits for its answer. ``attaching`` says that the client waits to
    be welcomed. ``changed`` is called when it asked for something, or went away.
    """

    def __init__(self, selector: selectors.BaseSelector, changed: Callable[[], None]) -> None:
        self.goal: Goal | None = None
        self.attaching = False
        self._selector = selector
        self._changed = changed
        self._socket: socket.socket | None = None
        self._rest = b""

    @property
    def present(self) -> bool:
        """Whether there is one."""
        return self._socket is not None

    def attach(self, client: socket.socket) -> None:
        """``client`` keeps step from now on; any earlier one is let go."""
        self.let_go()
        client.setblocking(False)
        self._socket = client
        self.attaching = True
        self._rest = b""
        self._selector.register(client, selectors.EVENT_READ, self.receive)

    def receive(self) -> None:
        """Take what the client asks for; only the last request counts."""
        assert self._socket is not None
        try:
            data = self._socket.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                words = line.split()
                if (
                    len(words) == 3
                    and words[0] == b"run"
                    and words[1].isdigit()
                    and words[2].isdigit()
                ):
                    self.goal = Goal(int(words[1]), int(words[2]))
        else:
            self.let_go()
        self._changed()

    def welcome(self, now_ns: int, received: int, sent: int) -> None:
        """Tell a client that the board stands still, and from where its counts begin."""
        self.attaching = False
        self.goal = None
        self._send(f"ok {now_ns} {received} {sent}")

    def answer(self, now_ns: int, sent: int) -> None:
        """Tell the client where the board stopped."""
        self.goal = None
        self._send(f"stop {now_ns} {sent}")

    def let_go(self) -> None:
        """End the connection, if there is one."""
        self.goal = None
        self.attaching = False
        if self._socket is not None:
            self._selector.unregister(self._socket)
            self._socket.close()
            self._socket = None

    def _send(self, line: str) -> None:
        assert self._socket is not None
        try:
            self._socket.sendall(line.encode("ascii") + b"\n")
        except OSError:
            self.let_go()
