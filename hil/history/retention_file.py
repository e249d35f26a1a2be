"""``retention.toml``: the policy of a bench, beside its runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.history.retention_policy import RetentionPolicy, parse_steps
from hil.model.errors import CaptureError, ConfigurationError
from hil.model.known_names import unknown_name
from hil.model.toml_text import MAX_BYTES, parse_toml
from hil.recording.stored_file import read_given

if TYPE_CHECKING:
    from pathlib import Path

RETENTION_NAME = "retention.toml"
KEEP = "keep"


def read_retention(path: Path) -> RetentionPolicy:
    """The policy in a file: ``keep = "all 30d, weekly 1y, monthly"``.

    Raises :class:`~hil.model.errors.ConfigurationError` in one line that names the file.
    """
    try:
        raw = read_given(path, MAX_BYTES)
    except OSError as error:
        raise ConfigurationError(f"can't read {path}: {error.strerror}") from None
    except CaptureError as error:
        raise ConfigurationError(str(error)) from None
    _, table = parse_toml(path, raw, "a retention policy")
    for key in table:
        if key != KEEP:
            raise ConfigurationError(f"{path}: {unknown_name('key', key, [KEEP])}")
    keep = table.get(KEEP)
    if not isinstance(keep, str):
        raise ConfigurationError(f'{path}: say what stays: keep = "all 30d, weekly 1y, monthly"')
    try:
        return RetentionPolicy(parse_steps(keep))
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None
