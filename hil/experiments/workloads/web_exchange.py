"""One HTTP request to an address in numbers, and no more of its answer than a board's server gives.

Nothing is resolved, no proxy is used and no redirection followed: the bytes go to that address or
nowhere. Size and time of the whole exchange are bounded, however the answer comes.
"""

from __future__ import annotations

import contextlib
import re
import socket
import time

MAX_HEAD, MAX_ANSWER = 8192, 65_536
_PIECE = 4096
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])(?: |\r\n)")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*(?=\r\n)", re.IGNORECASE)
_END = b"\r\n\r\n"


def exchange(host: str, port: int, method: str, target: str, timeout_s: float) -> int | None:
    """One whole request on a connection of its own: its status, or ``None`` when it failed.

    ``host`` is an IPv4 address in numbers. It fails where the answer is not whole within
    ``timeout_s``, has more than 8 kB of head or 64 kB in all, or is no HTTP.
    """
    until = time.monotonic() + timeout_s
    length = "Content-Length: 0\r\n" if method == "POST" else ""
    request = f"{method} {target} HTTP/1.1\r\nHost: {host}:{port}\r\n{length}\r\n"
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with contextlib.closing(connection):
        try:
            connection.settimeout(timeout_s)
            connection.connect((host, port))
            connection.sendall(request.encode("ascii"))
            return _answer(connection, until)
        except OSError:
            return None


def _answer(connection: socket.socket, until: float) -> int | None:
    data = b""
    most = MAX_HEAD
    head = -1
    while head < 0 or len(data) < most:
        left = until - time.monotonic()
        if left <= 0 or len(data) >= most:
            return None
        connection.settimeout(left)
        piece = connection.recv(_PIECE)
        if not piece:
            break
        data += piece
        if head < 0 and (head := data.find(_END, max(0, len(data) - len(piece) - 3))) >= 0:
            length = _LENGTH.search(data, 0, head + 2)
            # without a length the answer ends with the connection
            most = head + len(_END) + int(length[1]) if length else MAX_ANSWER
            if most > MAX_ANSWER:
                return None
            ends_itself = length is not None
    status = _STATUS.match(data)
    if status is None or head < 0:
        return None
    # one without a length that never ended, and one that ended before its length, are none
    whole = len(data) >= most if ends_itself else len(data) < most
    return int(status[1]) if whole else None
