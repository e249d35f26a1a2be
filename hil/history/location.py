"""Location of the history: a URL or a file, checked, and shown without its password."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote

from hil.model.errors import ConfigurationError
from hil.model.redaction import is_secret_name, redacted_text
from hil.model.secrets import KNOWN_SECRETS, Secret, masked_by

DEFAULT_NAME = "history.db"
VARIABLE = "HIL_HISTORY"
"""Environment variable with the place, for what must not be on a command line."""
PASSWORD_VARIABLE = "PGPASSWORD"
"""The variable from which PostgreSQL's own library takes a password."""
_FORMS = "postgresql://USER@HOST/DATABASE, a file's name, or none"
# a password may hold any character: it ends at the first "@" behind which the rest is an address
_SERVER = re.compile(
    r"(?:(?P<user>[^:/?#]*?)(?::(?P<password>.*?))?@)?"
    r"(?P<host>[^@/?#\s]*)(?P<path>/[^@?#]*)?(?:\?(?P<query>[^#]*))?",
    re.DOTALL,
)
_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.%]*\]|[^:\[\]]*)(?::(?P<port>\d{1,5}))?")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,40}")


@dataclass(frozen=True, slots=True)
class HistoryLocation:
    """A database. ``url`` may hold a password and is never shown; ``shown`` has none."""

    url: Secret
    shown: str
    file: Path | None = None
    secrets: tuple[Secret, ...] = ()

    def clean(self, text: str) -> str:
        """``text`` on one line without the password, whatever a driver put into it."""
        return " ".join(redacted_text(masked_by(self.secrets, text)).split())


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
        if _is_address(text):
            raise ConfigurationError(f"--hil-history: an address begins otherwise; give {_FORMS}")
        if not text.strip() or Path(text).is_dir():
            raise ConfigurationError(f"--hil-history={text}: not a database; give {_FORMS}")
        return _file(Path(text))
    if scheme == "sqlite":
        if not rest.startswith("/") or len(rest) < 2:
            raise ConfigurationError(f"--hil-history=sqlite://: give {_FORMS}")
        return _file(Path(unquote(rest[1:].partition("?")[0])))
    if scheme in ("postgresql", "postgres", "postgresql+psycopg"):
        return _server(rest)
    kind = f"{scheme}://…" if _SCHEME.fullmatch(scheme) else "…://…"
    raise ConfigurationError(f"--hil-history={kind}: unknown kind; give {_FORMS}")


def _is_address(text: str) -> bool:
    """Whether a text that could be a file's name is an address with a password, badly written."""
    if os.path.lexists(text):
        return False
    return redacted_text(text) != text or re.match(r"(?![A-Za-z]:[\\/])[^@]*:.*@", text) is not None


def _file(path: Path) -> HistoryLocation:
    return HistoryLocation(Secret(f"sqlite:///{path}"), str(path), path)


def _server(rest: str) -> HistoryLocation:
    try:
        rest.encode()
    except UnicodeEncodeError:
        raise ConfigurationError("--hil-history: the address is not UTF-8 text") from None
    parts = _SERVER.fullmatch(rest)
    host = _HOST.fullmatch(parts["host"]) if parts else None
    if parts is None or host is None or int(host["port"] or 0) > 65535:
        raise ConfigurationError(f"--hil-history: no such address; give {_FORMS}")
    path, query = parts["path"] or "", parse_qsl(parts["query"] or "", keep_blank_values=True)
    if not path.strip("/") and "dbname" not in dict(query):
        raise ConfigurationError(f"--hil-history: no database in the address; give {_FORMS}")
    user, password = unquote(parts["user"] or ""), parts["password"]
    hidden = [password, *(value for key, value in query if is_secret_name(key))]
    secrets = tuple(Secret(text) for value in hidden if value for text in {value, unquote(value)})
    variable = os.environ.get(PASSWORD_VARIABLE)
    KNOWN_SECRETS.add(*secrets, *([Secret(variable)] if variable else []))
    login = quote(user, safe="") + ("" if password is None else f":{_quoted(password)}")
    who = "" if parts["user"] is None else f"{login}@"
    options = "&".join(f"{quote(key)}={quote(value)}" for key, value in query)
    shown = [(key, value) for key, value in query if not is_secret_name(key)]
    return HistoryLocation(
        Secret(f"postgresql+psycopg://{who}{parts['host']}{path}{options and '?' + options}"),
        f"postgresql://{user and user + '@'}{parts['host']}{path}{_shown_query(shown)}",
        secrets=secrets,
    )


def _quoted(password: str) -> str:
    """As an address may hold it, however it was written."""
    return quote(unquote(password), safe="")


def _shown_query(query: list[tuple[str, str]]) -> str:
    pairs = [f"{key}={quote(redacted_text(value), safe='/*')}" for key, value in query]
    return "?" + "&".join(pairs) if pairs else ""
