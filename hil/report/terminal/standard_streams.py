"""Standard streams as they come: closed, with a reader that has gone, full, or without Unicode.

A run has to come to its end and tell its verdict whatever becomes of its output. Nothing but the
standard library is imported here: every pytest run where the package is installed loads this.
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import os
import sys
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TextIO

ASCII_ERRORS = "hil.ascii"
"""Name of the codec error handler that writes :func:`ascii_text` for what an encoding lacks."""
_ASCII = {
    **dict(zip(" ▁▂▃▄▅▆▇█", " .:-=+*#@", strict=True)),
    **dict.fromkeys("─━═╌╴╶╸╺\u2010\u2011\u2013\u2014\u2212", "-"),
    **dict.fromkeys("│┃║╵╷", "|"),
    **{"µ": "u", "\u03bc": "u", "±": "+-", "…": "...", "≤": "<=", "≥": ">=", "\u00d7": "x"},
    **{"→": "->", "←": "<-", "°": " deg", "·": "*", "•": "*", "\u03c3": "sd"},
    **{"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u00a0": " ", "\u202f": " "},
}
_CORNERS = range(0x250C, 0x2570)
_STREAMS = ("stdin", "stdout", "stderr")


def ascii_text(text: str) -> str:
    """``text`` in ASCII: ``us`` for ``µs``, ``+-``, ``...``; what has no such form is an escape."""
    return "".join(char if char.isascii() else _ascii_form(char) for char in text)


def _ascii_form(char: str) -> str:
    if char in _ASCII:
        return _ASCII[char]
    if ord(char) in _CORNERS:
        return "+"
    return char.encode("ascii", "backslashreplace").decode("ascii")


def _ascii_for(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return ascii_text(error.object[error.start : error.end]), error.end


codecs.register_error(ASCII_ERRORS, _ascii_for)


def fitting_text(text: str, encoding: str | None) -> str:
    """``text`` with :func:`ascii_text` for each character that ``encoding`` does not have."""
    try:
        return text.encode(encoding or "ascii", ASCII_ERRORS).decode(encoding or "ascii")
    except (LookupError, UnicodeError):
        return ascii_text(text)


def output_width(stream: TextIO) -> int | None:
    """Columns of ``COLUMNS``, else of the terminal that ``stream`` is, else ``None``: no limit."""
    given = os.environ.get("COLUMNS", "")
    if given.isascii() and given.isdecimal() and int(given[:9]) > 0:
        return int(given[:9])
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (AttributeError, OSError, ValueError):
        return None


class LastingStream:
    """A text stream that never fails: what can't be written any more is lost, and that is noted.

    ``failure`` is why, once something was lost. Everything else is that of ``stream``.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.failure: Exception | None = None

    def write(self, text: str) -> int:
        """Write what the encoding has of ``text``, else its ASCII form."""
        if self.failure is None:
            try:
                self.stream.write(fitting_text(text, getattr(self.stream, "encoding", "utf-8")))
            except (OSError, ValueError) as error:  # ValueError: somebody closed it
                self.failure = error
        return len(text)

    def flush(self) -> None:
        """Hand over what is buffered."""
        if self.failure is None:
            try:
                self.stream.flush()
            except (OSError, ValueError) as error:
                self.failure = error

    def writelines(self, lines: Any) -> None:
        """Write each line."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def reopen_closed_streams() -> None:
    """Put the null device where a standard stream is closed (``>&-``).

    Otherwise the next file that is opened becomes the standard output of every child.
    """
    for number, name in enumerate(_STREAMS):
        try:
            os.fstat(number)
        except OSError:
            _to_null(number)
        if getattr(sys, name) is None:
            mode = "w" if number else "r"
            stream = open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)


@contextlib.contextmanager
def lasting_streams() -> Iterator[LastingStream]:
    """Standard output and error that never fail, in this process for so long; gives the output.

    What Python flushes at its end can't fail then either.
    """
    before = sys.stdout, sys.stderr
    output, errors = map(LastingStream, before)
    sys.stdout, sys.stderr = cast("tuple[TextIO, TextIO]", (output, errors))
    try:
        yield output
    finally:
        sys.stdout, sys.stderr = before
        settle_streams()


def settle_streams() -> Exception | None:
    """Flush standard output and error; one that fails leads to the null device from here on.

    So neither Python nor pytest fails at the very end. Returns what standard output said.
    """
    failures = {}
    for name in _STREAMS[1:]:
        stream = getattr(sys, name)
        stream = stream.stream if isinstance(stream, LastingStream) else stream
        failures[name] = _flush(stream)
        number = _number(stream)
        if failures[name] is not None and number is not None:
            _to_null(number)
            _flush(stream)
    return failures["stdout"]


def reader_has_gone(failure: Exception | None) -> bool:
    """Whether nobody reads any more (``| head``), which is no fault."""
    return isinstance(failure, BrokenPipeError) or (
        isinstance(failure, OSError) and failure.errno in (errno.EPIPE, errno.EINVAL)
    )


def _flush(stream: Any) -> Exception | None:
    try:
        stream.flush()
    except (OSError, ValueError, AttributeError) as error:
        return error
    return None


def _number(stream: Any) -> int | None:
    try:
        return int(stream.fileno())
    except (OSError, ValueError, AttributeError):
        return None


def _to_null(number: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    if null == number:
        os.set_inheritable(number, True)
        return
    os.dup2(null, number)
    os.close(null)
