"""The secrets that this process was given before it asks a board: its variables, the Wi-Fi."""

from __future__ import annotations

import os

from hil.experiments.wifi import wifi_config
from hil.model.errors import ConfigurationError
from hil.model.redaction import environment_secrets
from hil.model.secrets import KNOWN_SECRETS


def learn_secrets() -> None:
    """Have them masked from now on: a board or a test may show them, wherever it has them from."""
    KNOWN_SECRETS.add(*environment_secrets(os.environ))
    try:
        wifi_config()
    except ConfigurationError:  # told where it is needed
        return
