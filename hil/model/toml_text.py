"""TOML of users' files: read with bounds, every mistake one line with the file and the line."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

from hil.model.errors import ConfigurationError
from hil.model.numbers import finite_float
from hil.model.printable import escaped_line

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

MAX_BYTES = 1 << 20
_MOST_DOTS = 50
"""In one line that is no comment: ``tomllib`` takes time and memory in their square."""
_DIGITS = 1000
_LONG_NUMBER = re.compile(rf"[0-9][0-9_]{{{_DIGITS},}}")
_LONGEST_REASON = 200


def parse_toml(path: Path, raw: bytes, kind: str) -> tuple[str, dict[str, Any]]:
    """The text and the tables in ``raw``, which is ``path``'s; ``kind``: "a budgets file".

    A byte order mark at the beginning is left out. Floats are those of
    :func:`~hil.model.numbers.finite_float`. Raises
    :class:`~hil.model.errors.ConfigurationError` in one line.
    """
    if len(raw) > MAX_BYTES:
        raise ConfigurationError(f"{path}: larger than 1 MB, not {kind}")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8"
        ) from None
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") > _MOST_DOTS and not line.lstrip().startswith("#"):
            raise ConfigurationError(f"{path}:{number}: nested too deeply, not {kind}")
    try:
        return text, tomllib.loads(text, parse_float=finite_float)
    except RecursionError:
        raise ConfigurationError(f"{path}: nested too deeply, not {kind}") from None
    except tomllib.TOMLDecodeError as error:
        what = escaped_line(str(error).splitlines()[0])
        position = re.search(r" \(at line (\d+), column \d+\)$", what)
        line, reason = (f":{position[1]}", what[: position.start()]) if position else ("", what)
        raise ConfigurationError(
            f"{path}{line}: malformed TOML: {reason:.{_LONGEST_REASON}}"
        ) from None
    except ValueError:  # Python reads no integer of that length
        lines = enumerate(text.splitlines(), 1)
        at = next((f":{number}" for number, line in lines if _LONG_NUMBER.search(line)), "")
        raise ConfigurationError(f"{path}{at}: a number of more than {_DIGITS} digits") from None
