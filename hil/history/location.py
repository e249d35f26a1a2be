"""Location of the history: a URL or a file, checked, and shown without its password."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from hil.model.errors import ConfigurationError

DEFAULT_NAME = "history.db"
VARIABLE = "HIL_HISTORY"
"""Environment variable with the place, for what must not be on a command line."""
_SECRETS = ("password", "sslpassword", "passfile")
_FORMS = "postgresql://USER@HOST/DATABASE, a file's name, or none"


@dataclass(frozen=True, slots=True)
class HistoryLocation:
    """A database. ``url`` may hold a password and is never shown; ``shown`` has none."""

    url: str = field(repr=False)
    shown: str
    file: Path | None = None

    def clean(self, text: str) -> str:
        """``text`` on one line without the password, whatever a driver put into it."""
        for secret in _passwords(self.url):
            for form in {secret, unquote(secret), quote(secret), quote(secret, safe="")}:
                text = text.replace(form, "***")
        return " ".join(text.split())


def find_location(text: str | None, out: Path) -> HistoryLocation | None:
    """The database that ``text`` means; without it the variable's, else the file in ``out``.

    ``None`` for ``none``. Raises :class:`~hil.model.errors.ConfigurationError` for what is no
    location.
    """
    text = text if text is not None else os.environ.get(VARIABLE) or None
    if text is None:
        return _file(out / DEFAULT_NAME)
    if text == "none":
        return None
    scheme, mark, rest = text.partition("://")
    if not mark:
        if not text.strip() or Path(text).is_dir():
            raise ConfigurationError(f"--hil-history={text}: not a database; give {_FORMS}")
        return _file(Path(text))
    if scheme == "sqlite":
        if not rest.startswith("/") or len(rest) < 2:
            raise ConfigurationError(f"--hil-history=sqlite://: give {_FORMS}")
        return _file(Path(unquote(rest[1:].partition("?")[0])))
    if scheme in ("postgresql", "postgres", "postgresql+psycopg"):
        return _server(rest)
    raise ConfigurationError(f"--hil-history={scheme[:40]}://…: unknown kind; give {_FORMS}")


def _file(path: Path) -> HistoryLocation:
    return HistoryLocation(f"sqlite:///{path}", str(path), path)


def _server(rest: str) -> HistoryLocation:
    try:
        parts = urlsplit(f"postgresql://{rest}")
        named = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise ConfigurationError(f"--hil-history: no such address; give {_FORMS}") from None
    if not parts.path.strip("/") and "dbname=" not in parts.query:
        raise ConfigurationError(f"--hil-history: no database in the address; give {_FORMS}")
    user = f"{parts.username}@" if parts.username else ""
    query = [
        f"{key}={quote(value, safe='/')}"
        for key, value in parse_qsl(parts.query)
        if key not in _SECRETS
    ]
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    options = "?" + "&".join(query) if query else ""
    shown = f"postgresql://{user}{host}{named}{parts.path}{options}"
    return HistoryLocation(f"postgresql+psycopg://{rest}", shown)


def _passwords(url: str) -> list[str]:
    secrets = [value for key, value in parse_qsl(urlsplit(url).query) if key in _SECRETS]
    inside = re.match(r"[^/]*//[^/?#]*?:([^/?#]*)@", url)
    if inside:
        secrets.append(inside[1])
    return [secret for secret in secrets if secret]
