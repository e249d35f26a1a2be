"""Code sent to a board at its raw prompt: by raw paste where it has it, else as it is.

With raw paste the board says how much more it takes, so that nothing is lost however slow it is.
It begins only on an empty line. A byte that came too late for the program before, such as a
clock exchange's, stands on that line; so an answer that looks like a board without raw paste is
asked for a second time, on the line that the first attempt has emptied.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from hil.boards.attach import GREETING
from hil.model.errors import BoardTimeoutError
from hil.recording.interfaces import seconds

if TYPE_CHECKING:
    from hil.boards.serial_port import BufferedPort
    from hil.recording.interfaces import Deadline

_BEGIN_PASTE, _PASTES, _KNOWS_PASTE = b"\x05A\x01", b"R\x01", b"R\x00"
_MORE, _END = b"\x01", b"\x04"
_OK, _PROMPT = b"OK", b">"
_PLAIN_BYTES, _PLAIN_PAUSE_S = 256, 0.01
_EXPLAINED_S, _MOST_EXPLAINED = 0.5, 4000
"""How long it is listened to a board that says something else: it may say why."""


class CodeSender:
    """Sends code through ``port``, at whose other end a board called ``name`` is at its prompt.

    Raises :class:`~hil.model.errors.BoardTimeoutError` when the board does not take the code.
    """

    def __init__(self, port: BufferedPort, name: str) -> None:
        self._port = port
        self._name = name
        self._pastes: bool | None = None
        self._deadline: Deadline

    def send(self, code: bytes, deadline: Deadline, slowness: float) -> None:
        """Send ``code``, whose first output may come at once; ``deadline`` limits the whole.

        The prompt has been read. Without raw paste a board that is ``slowness`` times slower than
        usual gets its pauses longer.
        """
        self._deadline = deadline
        if self._pastes is not False and self._begin_paste():
            self._paste(code)
        else:
            self._type(code, _PLAIN_PAUSE_S * slowness)

    def _begin_paste(self) -> bool:
        for _ in range(2):
            self._port.write(_BEGIN_PASTE)
            answer = self._read(len(_PASTES))
            if answer == _PASTES:
                self._pastes = True
                return True
            if answer == _KNOWS_PASTE:
                break
            if answer.startswith(_BEGIN_PASTE[:1]):
                raise self._refused("raw paste to begin, and not what was sent", answer)
            self._read_until(GREETING + _PROMPT, answer)
        if self._pastes:
            raise self._refused("raw paste to begin, as before", answer)
        self._pastes = False
        return False

    def _paste(self, code: bytes) -> None:
        window = self._window()
        room, sent = window, 0
        while sent < len(code):
            while room == 0 or self._port.inWaiting():
                said = self._read(1)
                if said == _END:  # the board wants no more of it; why, comes as its errors
                    self._port.write(_END)
                    return
                if said != _MORE:
                    raise self._refused("room for more of it", said)
                room += window
            part = code[sent : sent + room]
            self._port.write(part)
            room -= len(part)
            sent += len(part)
        self._port.write(_END)
        self._read_until(_END, b"")

    def _window(self) -> int:
        told = self._read(2)
        (window,) = struct.unpack("<H", told)
        if not window:
            raise self._refused("a window to paste into", told)
        return int(window)

    def _type(self, code: bytes, pause_s: float) -> None:
        for at in range(0, len(code), _PLAIN_BYTES):
            self._check()
            self._port.write(code[at : at + _PLAIN_BYTES])
            self._port.clock.sleep(pause_s)
        self._port.write(_END)
        answer = self._read(len(_OK))
        if answer != _OK:
            raise self._refused("'OK'", answer)

    def _read(self, size: int) -> bytes:
        """Exactly ``size`` bytes, or an error."""
        self._check()
        data = self._port.read(size)
        if len(data) < size:
            raise self._refused(f"{size} more bytes", data)
        return data

    def _read_until(self, mark: bytes, said: bytes) -> None:
        while not said.endswith(mark):
            said = (said + self._read(1))[-200:]

    def _check(self) -> None:
        """A board that says something without end is not listened to without end."""
        if self._deadline.expired:
            raise self._refused("the REPL to take it", b"", self._deadline.describe())

    def _refused(self, expected: str, said: bytes, why: str = "") -> BoardTimeoutError:
        if not (said or why):
            why = f"nothing came for {self._port.timeout_s:.3g} s"
        clock, more = self._port.clock, b""
        end = seconds(clock) + _EXPLAINED_S
        while said and (left := end - seconds(clock)) > 0 and len(more) < _MOST_EXPLAINED:
            more += self._port.read_some(left)
        said += more
        text = f"{self._name}: the board stopped answering while code was sent"
        return BoardTimeoutError(
            f"{text}: {why}" if why else text, expected=expected, received=said
        )
