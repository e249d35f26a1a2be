"""``sigrok-cli``: how it is called for one analyser, and what it answers."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.model.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROGRAM = "sigrok-cli"
ANSWER_S = 30.0
"""How long the program may take to find the analyser, and to deliver its first samples."""


@dataclass(frozen=True, slots=True)
class Analyser:
    """How to sample: the program's arguments, the line of each bit of a sample, and the rate."""

    name: str
    command: Sequence[str]
    lines: Mapping[int, str]
    unit_bytes: int
    rate_hz: int


def ask(what: str, command: Sequence[str]) -> bytes:
    """What the program prints until it ends by itself.

    Raises :class:`~hil.model.errors.ConfigurationError`, which begins with ``what``, when it fails
    or takes too long.
    """
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ANSWER_S,
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ConfigurationError(
            f"{what}: {PROGRAM} did not answer within {ANSWER_S:g} s; plug the analyser in again"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{what}: can't run {PROGRAM} ({error.strerror})") from None
    if done.returncode:
        raise ConfigurationError(f"{what}: {last_line(done.stderr)}")
    return done.stdout


def last_line(said: bytes) -> str:
    """What the program said last, as one line that can be printed."""
    lines = said.decode("utf-8", "replace").strip().splitlines()
    text = lines[-1].strip()[:200] if lines else f"{PROGRAM} failed without a message"
    return "".join(letter if letter.isprintable() else "?" for letter in text)
