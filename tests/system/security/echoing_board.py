"""A board that gives away what it is told: the embedded VM behind a port that talks too much."""

from __future__ import annotations

import base64
import html
import json
import os
import pty
import re
import select
import threading
import tty
import urllib.parse
from collections.abc import Iterator

import serial

from hil.boards.backends.sim import VirtualBoard

_WIFI = re.compile(rb"'wifi':\('([0-9a-f]+)','([0-9a-f]+)',\)")
_SIM_UID, _OTHER_UID = b"hil-sim".hex().encode(), b"a-board".hex().encode()


def spellings(text: str) -> Iterator[str]:
    """The ways in which a board may write a text."""
    data = text.encode()
    yield from (text, text.swapcase(), text[::-1], repr(text), ascii(text), repr(data))
    yield from (json.dumps(text), json.dumps(json.dumps(text)), html.escape(text))
    yield from (data.hex(), data.hex(":").upper(), str(list(data)), data.hex(" "))
    yield from (urllib.parse.quote(text), urllib.parse.quote_plus(text, safe=""))
    for before in (b"", b"x", b"xy"):
        yield base64.b64encode(before + data).decode()
        yield base64.urlsafe_b64encode(before + data).decode()


class EchoingBoard:
    """Offers ``port`` until it is closed; what it was told of a Wi-Fi it prints, as log lines.

    ``told`` are the texts that it was given. It does not say that it is an embedded board, so that
    it is told of the Wi-Fi like any other.
    """

    def __init__(self) -> None:
        self.told: set[str] = set()
        self.echoed = 0
        self._vm = VirtualBoard()
        self._lines = serial.Serial(self._vm.port, timeout=0)
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self._stop = threading.Event()
        self._sent = self._line = b""
        self._to_tell: list[bytes] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self) -> EchoingBoard:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()
        self._lines.close()
        self._vm.stop()
        os.close(self._master)
        os.close(self._slave)

    def _run(self) -> None:
        ends = (self._lines.fileno(), self._master)
        while not self._stop.is_set():
            ready, _, _ = select.select(ends, [], [], 0.05)
            if self._master in ready:
                self._hear(os.read(self._master, 4096))
            if self._lines.fileno() in ready:
                self._say(os.read(self._lines.fileno(), 4096))

    def _hear(self, data: bytes) -> None:
        os.write(self._lines.fileno(), data)
        self._sent = (self._sent + data)[-65536:]
        for match in _WIFI.finditer(self._sent):
            self.told |= {bytes.fromhex(part.decode()).decode() for part in match.groups()}
            self._to_tell = [
                f"I know {spelling}!\r\n".encode()
                for secret in self.told
                for spelling in spellings(secret)
            ]
            self._sent = b""

    def _say(self, data: bytes) -> None:
        """Behind each frame some of what it knows, of which a read gets a part."""
        *lines, self._line = (self._line + data).split(b"\n")
        out = b""
        for line in lines:
            out += line + b"\n"
            if b"~" in line and self._to_tell:
                self.echoed += 1
                out += self._to_tell.pop()
        if self._line and not self._line.startswith(b"~"):  # a prompt: nobody waits for its end
            out, self._line = out + self._line, b""
        out = out.replace(_SIM_UID, _OTHER_UID)
        for at in range(0, len(out), 61):
            os.write(self._master, out[at : at + 61])
