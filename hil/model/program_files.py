"""The files of a user's own program: names that are safe everywhere, and bounded sizes."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property

MAX_FILES = 100
MAX_PROGRAM_BYTES = 256_000
"""Of all files of a program together."""
MAX_PATH = 100
MAIN_FILE = "main.py"
"""What is run of a folder."""
MOUNT_POINT = "/hil_program"
"""Where the other files are on the board, in its RAM."""
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")


@dataclass(frozen=True)
class ProgramFile:
    """One file of a program. ``path`` is relative, with slashes, and passed :func:`is_safe_path`.

    ``package`` is ``NAME@VERSION`` for a file of an installed package, empty for the user's own.
    """

    path: str
    content: bytes
    package: str = ""

    @cached_property
    def sha256(self) -> str:
        """The digest of the content, hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()

    def line(self, number: int) -> str:
        """Line ``number``, from 1 on, of a source file, without its indentation; empty if none."""
        if not self.path.endswith(".py"):
            return ""
        lines = self.content.decode("utf-8", "replace").splitlines()
        return lines[number - 1].strip() if 0 < number <= len(lines) else ""


def is_safe_path(path: str) -> bool:
    """Whether ``path`` may name a file of a program: relative, below its folder, plain letters."""
    parts = path.split("/")
    return len(path) <= MAX_PATH and all(_PART.fullmatch(part) for part in parts)
