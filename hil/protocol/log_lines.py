"""Lines of a chip's own log (ESP-IDF), which another task writes into the middle of what comes.

One stands between any two bytes, whole: a colour, a level, a time in brackets, a tag, a text and
the end of a line. Where it parts a frame, the frame goes on in the next line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

COLOUR, LEVEL, TIME = rb"\x1b\[[0-9;]{0,8}m", rb"[EWIDV]", rb"[\d:.]{1,16}"
BODY = rb"[^\x00-\x08\x0a-\x1a\x1c-\x1f]"
MOST_BODY = 400
LOG_LINE = rb"(?:%b)?%b \(%b\) %b{1,%d}?" % (COLOUR, LEVEL, TIME, BODY, MOST_BODY)
LOG_SIGN = rb"%b \(%b\) [\w.-]{1,40}:" % (LEVEL, TIME)
"""By this a log line is known, also where its end is missing."""
_SIGN_TEXT = re.compile(LOG_SIGN.decode("ascii"), re.ASCII)
_AT_END = re.compile(LOG_LINE + rb"\r?\Z")


def has_log_line(text: str) -> bool:
    """Whether a line of a board's text has a log line in it, or what is left of one."""
    return _SIGN_TEXT.search(text) is not None


def split_log_line(line: bytes) -> tuple[bytes, bytes]:
    """A line without its newline: what stands before the log line at its end, and the log line.

    The latter is empty where the line does not end in one.
    """
    match = _AT_END.search(line) if b" (" in line else None
    if match is None:
        return line, b""
    return line[: match.start()], line[match.start() :]


class LineReader:
    """Whole lines of a stream, without the log lines in it; one that a log line parted is joined.

    Of a line without an end the last ``most`` bytes are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._rest = self._head = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The lines that end in ``data``, each without its end."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()[-self._most :]
        for line in lines:
            part, log = split_log_line(line)
            whole, self._head = (self._head + part)[-self._most :], b""
            if log:
                self._head = whole
            else:
                yield whole.removesuffix(b"\r")

    @property
    def rest(self) -> bytes:
        """What came of the line that has no end yet."""
        return (self._head + self._rest)[-self._most :]
