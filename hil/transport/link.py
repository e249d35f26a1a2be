"""The byte link to a board, as the layers above see it."""

from __future__ import annotations

from typing import Protocol


class Link(Protocol):
    """Bytes to and from a board; reading waits at most the given time."""

    def write(self, data: bytes) -> None:
        """Send everything or raise :class:`~hil.errors.TransportError`."""

    def read(self, timeout_s: float) -> bytes:
        """What has arrived, waiting up to ``timeout_s`` for the first byte; empty on time-out."""
