"""The Wi-Fi that a board joins for the load ``web``: where its name and password come from.

``wifi.toml`` in the current folder, or the file that ``HIL_WIFI`` names, holds ``ssid`` and
``password``; so do the variables ``HIL_WIFI_SSID`` and ``HIL_WIFI_PASSWORD``, which come first.
They are on no command line. They go to the board only, and are masked in whatever comes back.

``network`` in the file, or ``HIL_WIFI_NETWORK``, is the network in which boards have their
addresses, where that is none of those that this computer is in.
"""

from __future__ import annotations

import os
import tomllib
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING

from hil.model.errors import ConfigurationError
from hil.model.secrets import KNOWN_SECRETS, Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

WIFI_FILE = "wifi.toml"
FILE_VARIABLE = "HIL_WIFI"
VARIABLES: Mapping[str, str] = {"ssid": "HIL_WIFI_SSID", "password": "HIL_WIFI_PASSWORD"}
NETWORK_VARIABLE = "HIL_WIFI_NETWORK"
_MOST_CHARACTERS = 64
_MOST_BYTES = 100_000
_WIDEST_NETWORK = 16


def wifi_config() -> dict[str, tuple[Secret, ...]]:
    """What the agent's configuration gets: ``wifi``, in hex; nothing where none is described.

    Raises :class:`~hil.model.errors.ConfigurationError` for a file or variables that can't be used,
    without a word of what is in them.
    """
    given = [os.environ.get(variable) for variable in VARIABLES.values()]
    named = os.environ.get(FILE_VARIABLE)
    path = Path(named or WIFI_FILE)
    where = f"{' and '.join(VARIABLES.values())}" if any(given) else str(path)
    problem = "must be set both" if any(given) else ""
    if not any(given):
        if not named and not path.exists():
            return {}
        try:
            with path.open("rb") as file:
                fields = tomllib.loads(file.read(_MOST_BYTES).decode("utf-8-sig"))
        except (OSError, ValueError):
            problem = "can't be read as TOML"
        else:
            given = [fields.get(name) for name in VARIABLES]
            problem = "must hold the texts ssid and password"
    texts = [text for text in given if isinstance(text, str) and 0 < len(text) <= _MOST_CHARACTERS]
    if len(texts) == len(VARIABLES):
        KNOWN_SECRETS.add(*map(Secret, texts))
        return {"wifi": tuple(Secret(text.encode().hex()) for text in texts)}
    # raised outside of the handler: the parser's own error may quote the file
    raise ConfigurationError(f"{where}: {problem}")


def wifi_network() -> IPv4Network | None:
    """The network in which boards have their addresses, ``None`` where nobody said it.

    Raises :class:`~hil.model.errors.ConfigurationError` for what is none, or too wide.
    """
    text = os.environ.get(NETWORK_VARIABLE)
    where = NETWORK_VARIABLE
    path = Path(os.environ.get(FILE_VARIABLE) or WIFI_FILE)
    if not text:
        where = f"{path}: network"
        try:
            with path.open("rb") as file:
                text = tomllib.loads(file.read(_MOST_BYTES).decode("utf-8-sig")).get("network")
        except (OSError, ValueError):  # told where its password is needed
            return None
        if text is None:
            return None
    try:
        network = IPv4Network(text if isinstance(text, str) else "")
    except ValueError:
        network = None
    if network is None or network.prefixlen < _WIDEST_NETWORK:
        raise ConfigurationError(
            f'{where}: must be the network of the bench, such as "192.168.4.0/24", '
            f"/{_WIDEST_NETWORK} at the widest"
        )
    return network
