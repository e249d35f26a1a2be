"""Secrets: values that can be used and never shown, and what this process knows of them.

Whoever reads a password tells :data:`KNOWN_SECRETS`. From then on it is masked in what a board
sends, in error texts, logs and test reports.
"""

from __future__ import annotations

import hmac
import logging
import traceback
from typing import TYPE_CHECKING

from hil.model.secret_patterns import SecretPatterns

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NoReturn, Self

MASK = "***"
"""What stands in a text where a secret was."""


class Secret:
    """A text that is only given away by :meth:`reveal`.

    Printed, formatted or shown by a debugger it is three asterisks; it is not pickled.
    """

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """The secret itself; for the one place that needs it."""
        return self.__value

    def __str__(self) -> str:
        return MASK

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        return MASK

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.__value.encode("utf-8", "surrogatepass"), other._bytes())

    def __hash__(self) -> int:
        return hash((Secret, self.__value))

    def _bytes(self) -> bytes:
        return self.__value.encode("utf-8", "surrogatepass")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is not pickled")


class KnownSecrets:
    """The secrets that this process was given; false while there are none."""

    def __init__(self) -> None:
        self._secrets: set[Secret] = set()
        self._patterns = SecretPatterns(())

    def __bool__(self) -> bool:
        return bool(self._secrets)

    @property
    def patterns(self) -> SecretPatterns:
        """How they may look in a text or a stream; another object once there is one more."""
        return self._patterns

    def add(self, *secrets: Secret) -> None:
        """From now on mask these too."""
        fresh = {secret for secret in secrets if secret} - self._secrets
        if fresh:
            self._secrets |= fresh
            self._patterns = SecretPatterns(secret.reveal() for secret in self._secrets)

            for name in _LOGGERS:
                logging.getLogger(name).addFilter(_MASKING)  # one that is there stays one

    def clear(self) -> None:
        """Forget them, for the next run in this process."""
        self._secrets.clear()
        self._patterns = SecretPatterns(())

    def masked(self, text: str) -> str:
        """``text`` with three asterisks for each secret, however it is written there."""
        return self._patterns.masked(text, MASK) if self._secrets else text


KNOWN_SECRETS = KnownSecrets()
_LOGGERS = (
    *("hil", "alembic", "alembic.runtime.migration", "psycopg", "sqlalchemy.engine.Engine"),
    *("sqlalchemy.pool.impl.NullPool", "sqlalchemy.dialects"),
)


def masked_traceback(error: BaseException) -> str:
    """An exception with its traceback, as Python shows it, without the known secrets."""
    return KNOWN_SECRETS.masked("".join(traceback.format_exception(error)))


class _MaskingFilter(logging.Filter):
    """Masks the known secrets in whatever a logger is told, a traceback included."""

    def filter(self, record: logging.LogRecord) -> bool:
        if KNOWN_SECRETS:
            record.msg, record.args = KNOWN_SECRETS.masked(record.getMessage()), None
            if record.exc_info and record.exc_info[1] is not None:
                record.exc_text = masked_traceback(record.exc_info[1]).rstrip("\n")
        return True


_MASKING = _MaskingFilter()


def masked_by(secrets: Iterable[Secret], text: str) -> str:
    """``text`` without ``secrets``, however short they are."""
    values = [secret.reveal() for secret in secrets]
    text = SecretPatterns(values).masked(text, MASK)
    for value in sorted(filter(None, values), key=len, reverse=True):
        text = text.replace(value, MASK)
    return text
