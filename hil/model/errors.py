"""The errors a caller can act on; everything the harness raises on purpose is one of these.

In a test run an ``AssertionError`` means *measured, and out of its limit*; a :class:`HilError`
means that there is no trustworthy measurement and becomes a test error; a missing capability is a
skip.
"""

from __future__ import annotations

from hil.model.printable import escaped_line
from hil.model.secrets import KNOWN_SECRETS


class HilError(Exception):
    """Root of every error the harness raises; its text is one line that says what to do next.

    Secrets that this process was given are masked in it, whoever put them there.
    """

    def __str__(self) -> str:
        return KNOWN_SECRETS.masked(super().__str__())

    def __repr__(self) -> str:
        return KNOWN_SECRETS.masked(super().__repr__())


class ConfigurationError(HilError):
    """What the user asked for can't be done: a bad option, board string, budget or file."""


class TransportError(HilError):
    """The link to the board failed."""


class BoardNotFoundError(TransportError):
    """There is no such port, board or place."""


class BoardBusyError(TransportError):
    """Somebody else holds the port or the board."""


class OtherFirmwareError(TransportError):
    """What answers is no MicroPython, or one that is too old to be measured."""


class BoardTimeoutError(TransportError):
    """The board did not answer in time.

    ``expected`` says what was waited for, ``received`` is the tail of what came instead.
    """

    def __init__(self, message: str, *, expected: str = "", received: bytes = b"") -> None:
        text = message
        if expected:
            text += f"; expected {expected}"
            text += f", received {received[-80:]!r}" if received else ", received nothing"
        super().__init__(text)
        self.expected = expected
        self.received = received


class BoardBrokenError(TransportError):
    """Nothing brought the board back, so nothing more is asked of it."""


class BoardResetError(TransportError):
    """The board was reset while it was used; ``cause`` is the same for resets of the same kind."""

    def __init__(self, message: str, *, cause: str = "") -> None:
        super().__init__(message)
        self.cause = cause


class LinkLostError(TransportError):
    """The port went away in the middle of a conversation."""


class RemoteCodeError(HilError):
    """Code on the board raised; ``traceback`` is the board's own text."""

    def __init__(self, message: str, *, traceback: str = "") -> None:
        super().__init__(message)
        self.traceback = traceback


class CaptureError(HilError):
    """The capture ended without a trustworthy measurement, or a stored one can't be read."""


class HostSleptError(CaptureError):
    """The host stood still during the capture; nothing is wrong with the board."""


class NewerSchemaError(CaptureError):
    """A file was written by a newer version of the harness, which must read it."""


class CapabilityMissing(HilError):  # noqa: N818 - a reason to skip, not a failure
    """The board can't do this; the text is the reason shown with the skip."""


_LONGEST_BRIEF = 300


def brief(error: BaseException) -> str:
    """The kind of any exception and its text without secrets, on one line of bounded length."""
    text = escaped_line(" ".join(KNOWN_SECRETS.masked(str(error)).split()))
    name = type(error).__name__
    return (f"{name}: {text}" if text else name)[:_LONGEST_BRIEF]
