"""Code put on a board and executed there only if it arrived as it was sent.

The code travels as a text beside its length and two sums of it. A function on the board compares
them and executes the text, or says how much of it came; then it is sent once more. What is lost
outside the text leaves no call of that function, and nothing is executed either.
"""

from __future__ import annotations

import logging
import re
import zlib
from typing import TYPE_CHECKING

from hil.agents import bundle
from hil.model.errors import (
    BoardResetError,
    BoardTimeoutError,
    LinkLostError,
    RemoteCodeError,
    TransportError,
)
from hil.recording.boot_messages import RESET_SOMEHOW
from hil.recording.interfaces import END_OF_OUTPUT

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.recording.interfaces import Prompt

LOG = logging.getLogger("hil")
CODE_TIMEOUT_S = 20.0
_POLL_S = 0.05
UPLOAD_FILE = "board/upload.py"
_FUNCTION = "hil_take"
_ESCAPED = re.compile(r"\\|'(?='|\Z)")
_DAMAGED = re.compile(r"hil:damaged (\d{1,7})\b")
_NOT_FOR_DAMAGE = ("MemoryError", "KeyboardInterrupt")


def load_upload(prompt: Prompt) -> None:
    """Put the function on the board that takes code; every fresh start of the board needs it."""
    for piece in bundle.pieces(UPLOAD_FILE):
        for again in (True, False):
            try:
                prompt.exec(piece, timeout_s=CODE_TIMEOUT_S)
                break
            except RemoteCodeError as error:
                if not again or any(word in str(error) for word in _NOT_FOR_DAMAGE):
                    raise


def execute_checked(prompt: Prompt, code: str, *, follows: bool = False) -> bytes:
    """Execute ``code`` if it arrives undamaged, and return what it printed.

    Code that was damaged on its way, or got stuck on it, is sent once more. Code that ``follows``
    other code needs the board not to have been reset since then. Raises
    :class:`~hil.model.errors.RemoteCodeError` for code that raised,
    :class:`~hil.model.errors.BoardResetError` for a board that forgot what it had, and
    :class:`~hil.model.errors.TransportError` for a second damage.
    """
    return _send(prompt, code, _finished, follows=follows)


def start_checked(prompt: Prompt, code: str) -> None:
    """Start ``code`` if it arrives undamaged: its first output is waited for, and stays unread.

    Errors as for :func:`execute_checked`, also of code that raised before it said anything.
    """
    _send(prompt, code, _begun, follows=True)


def _finished(prompt: Prompt) -> bytes:
    return prompt.finish(prompt.deadline(CODE_TIMEOUT_S * prompt.slowness))


def _begun(prompt: Prompt) -> bytes:
    deadline = prompt.deadline(CODE_TIMEOUT_S * prompt.slowness)
    said = b""
    while not said and not deadline.expired:
        said = prompt.read(_POLL_S)
    prompt.unread(said)
    if said.startswith(END_OF_OUTPUT):
        prompt.finish(deadline)
        prompt.unread(END_OF_OUTPUT + END_OF_OUTPUT)  # it ended at once, and without an error
    return b""


def _send(prompt: Prompt, code: str, wait: Callable[[Prompt], bytes], *, follows: bool) -> bytes:
    statement = _statement(code, next(prompt.upload_numbers))
    first = ""
    loaded = False
    while True:
        try:
            _start(prompt, statement, may_stick=not first)
            return _answered(prompt, wait, may_stick=not first)
        except RemoteCodeError as error:
            if not loaded and f"'{_FUNCTION}'" in str(error) and "NameError" in str(error):
                if first or follows:
                    raise BoardResetError(
                        f"{prompt.port}: the board was reset while code was sent to it, and did "
                        f"not say so; {RESET_SOMEHOW}",
                        cause="silent",
                    ) from error
                load_upload(prompt)
                loaded = True
                continue
            damage = _damage(error, len(code))
            if damage is None:
                raise
        except _StuckError as error:
            damage = str(error)
        if first:
            raise TransportError(
                f"{prompt.port}: upload damaged twice: {first}, then {damage}; "
                "look at the cable, and at what else talks to this port"
            )
        LOG.warning("%s: upload damaged: %s; it is sent again", prompt.port, damage)
        first = damage


class _StuckError(Exception):
    """The code did not get through, and the board is at its prompt again."""


def _start(prompt: Prompt, statement: str, *, may_stick: bool) -> None:
    try:
        prompt.start(statement)
    except BoardTimeoutError as error:
        if not may_stick:
            raise
        try:
            prompt.enter(soft_reset=False)
        except TransportError:
            raise error from None  # it is not the upload that is stuck
        raise _StuckError("not all of it got through") from error


def _answered(prompt: Prompt, wait: Callable[[Prompt], bytes], *, may_stick: bool) -> bytes:
    try:
        return wait(prompt)
    except (LinkLostError, BoardResetError):
        raise
    except TransportError:
        cause = prompt.disturbance
        if not (may_stick and cause):
            raise
        prompt.enter(soft_reset=False)
        raise _StuckError(f"its answer did not come through, {cause}") from None


def _statement(code: str, number: int) -> str:
    data = code.encode("ascii")
    crc, places = zlib.crc32(data, number), zlib.adler32(data, number << 16 | 1) >> 16
    text = _ESCAPED.sub(r"\\\g<0>", code)
    return f"{_FUNCTION}({number},{len(data)},{crc},{places},'''{text}''')"


def _damage(error: RemoteCodeError, size: int) -> str | None:
    """What became of ``size`` bytes on their way; ``None`` for an error of the code itself."""
    told = _DAMAGED.search(str(error))
    if told:
        came = int(told[1])
        if came < size:
            return f"{size - came} of {size} bytes missing"
        return f"{came} bytes came for {size}" if came > size else f"{size} bytes came as others"
    if f"in {_FUNCTION}" in error.traceback or any(word in str(error) for word in _NOT_FOR_DAMAGE):
        return None
    return f"of {size} bytes came what is no code ({str(error).rpartition('raised ')[2]})"
