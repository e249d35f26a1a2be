"""The Wi-Fi that a board joins for the load ``web``: from a file that nothing else ever shows.

``wifi.toml`` in the current folder, or the file that ``HIL_WIFI`` names, holds ``ssid`` and
``password``. They go to the board only, never into a capture, a log, a report or an error's text.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from hil.errors import ConfigurationError

FILE = "wifi.toml"


def wifi_config() -> dict[str, tuple[str, ...]]:
    """What the agent's configuration gets: ``wifi``, in hex; nothing where there is no file.

    Raises :class:`~hil.errors.ConfigurationError` for a file that can't be used, without a word of
    what is in it.
    """
    named = os.environ.get("HIL_WIFI")
    path = Path(named or FILE)
    if not named and not path.exists():
        return {}
    try:
        fields = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        problem = "can't be read as TOML"
    else:
        texts = [fields.get("ssid"), fields.get("password")]
        if all(isinstance(text, str) and 0 < len(text) <= 64 for text in texts):
            return {"wifi": tuple(str(text).encode().hex() for text in texts)}
        problem = "must hold the texts ssid and password"
    # raised outside of the handler: the parser's own error may quote the file
    raise ConfigurationError(f"{path}: {problem}")
