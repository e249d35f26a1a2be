"""Where messages go: ``https://…`` (a webhook) or ``mailto:NAME@HOST``; checked before a run.

The address of a webhook is a secret, for who has it can write there. It is never shown whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from hil.model.errors import CaptureError, ConfigurationError
from hil.model.run_options import NOTIFY_VARIABLE
from hil.model.secrets import KNOWN_SECRETS, Secret
from hil.recording.stored_file import read_given

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SMTP_VARIABLE = "HIL_SMTP"
SENDER_VARIABLE = "HIL_MAIL_FROM"
REPORT_URL_VARIABLE = "HIL_REPORT_URL"
_FORMS = "https://… (a webhook) or mailto:NAME@HOST"
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[A-Za-z0-9.-]{1,255}", re.ASCII)
_MOST = 20
_MOST_BYTES = 100_000
_DEFAULT_SENDER = "hil@localhost"


@dataclass(frozen=True, slots=True)
class Webhook:
    """A URL that takes a POST of JSON; ``shown`` is its host."""

    url: Secret
    shown: str


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to one address by an SMTP server; ``secure`` is TLS from the beginning."""

    to: str
    sender: str
    host: str
    port: int
    secure: bool
    user: str = ""
    password: Secret | None = None

    @property
    def shown(self) -> str:
        """Whom it goes to, and by which server."""
        return f"{self.to} by {self.host}"


Target = Webhook | Mail


def parse_targets(given: Iterable[str], environment: Mapping[str, str]) -> tuple[Target, ...]:
    """The targets of ``--hil-notify``, else those of the variable, blanks between them.

    ``@FILE`` stands for the targets in a file.
    Raises :class:`~hil.model.errors.ConfigurationError` in one line without the secret.
    """
    texts = [word for text in given for word in text.split()]
    texts = texts or environment.get(NOTIFY_VARIABLE, "").split()
    texts = [word for text in texts for word in (_in_file(text) if text[0] == "@" else [text])]
    if len(texts) > _MOST:
        raise ConfigurationError(f"--hil-notify: more than {_MOST} targets")
    return tuple(_target(text, environment) for text in dict.fromkeys(texts))


def _in_file(text: str) -> list[str]:
    """The words of ``@FILE``, which a service manager may give in the place of a secret."""
    path = Path(text[1:])
    try:
        return read_given(path, _MOST_BYTES).decode().split()
    except (OSError, ValueError, CaptureError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise ConfigurationError(f"--hil-notify=@{path}: {reason}") from None


def report_link(folder_name: str, path: str, environment: Mapping[str, str]) -> str:
    """Where a reader finds the report: below ``HIL_REPORT_URL``, else the path on this host."""
    base = environment.get(REPORT_URL_VARIABLE, "").strip()
    if base.startswith(("https://", "http://")):
        return f"{base.rstrip('/')}/{folder_name}/report.html"
    return path


def _target(text: str, environment: Mapping[str, str]) -> Target:
    scheme, _, rest = text.partition(":")
    try:
        if scheme.lower() == "mailto":
            return _mail(unquote(rest), environment)
        if scheme.lower() in ("https", "http"):
            parts = urlsplit(text)
            if parts.hostname and parts.port != 0 and text.isascii() and text.isprintable():
                KNOWN_SECRETS.add(Secret(text), Secret(parts.path.rstrip("/")[1:]))
                return Webhook(Secret(text), parts.hostname)
    except ValueError:
        pass
    raise ConfigurationError(f"--hil-notify: not an address to notify; give {_FORMS}")


def _mail(address: str, environment: Mapping[str, str]) -> Mail:
    server = environment.get(SMTP_VARIABLE, "smtp://localhost")
    sender = environment.get(SENDER_VARIABLE, _DEFAULT_SENDER)
    for word, text in (("--hil-notify=mailto:", address), (f"{SENDER_VARIABLE}=", sender)):
        if not _ADDRESS.fullmatch(text):
            raise ConfigurationError(f"{word}…: not a mail address; give NAME@HOST")
    try:
        parts = urlsplit(server)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path.strip("/"):
        raise ConfigurationError(
            f"{SMTP_VARIABLE}: not a mail server; give smtp://[USER:PASSWORD@]HOST[:PORT] or smtps://…"
        )
    secure = parts.scheme == "smtps"
    password = Secret(unquote(parts.password)) if parts.password else None
    if password is not None:
        KNOWN_SECRETS.add(password)
    return Mail(
        *(address, sender, parts.hostname, port or (465 if secure else 25), secure),
        *(unquote(parts.username or ""), password),
    )
