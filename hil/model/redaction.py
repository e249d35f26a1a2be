"""Command lines, addresses, messages and environments without the secrets that stand in them.

A command line is shown to others: in the note of a board's lock, in the message that names who has
a port. What may be secret in it is told by its form, whether or not this process knows the secret.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from hil.model.secrets import KNOWN_SECRETS, MASK, Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_SECRET_NAME = re.compile(
    r"pass(?!ed|ing|es\b|$)|pass$|pwd|secret|token|credential|psk|api[_-]?key|private[_-]?key|"
    r"access[_-]?key|auth(?!or)|key(file)?$|wifi|cookie|notify$",
    re.IGNORECASE,
)
_ADDRESS_OPTION = re.compile(r"--?(hil-)?(hist\w*|board)\Z|hil_history\Z|HIL_HISTORY\Z")
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)(.*)@", re.DOTALL)
_URL_IN_TEXT = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^\n]*)@")
_PAIR = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)(\s*[=:]\s*)('[^']*'|\"[^\"]*\"|[^\s&;'\"]+)")
_QUERY_PAIR = re.compile(r"(?<=[?&;])([A-Za-z][A-Za-z0-9_-]*)(=)([^&;\n]*)")
_LOGIN = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*://)?[^:/@\s]*:(?P<password>.+)@", re.DOTALL)
_SECRET_QUERY = re.compile(r"[?&;]\w*(?:password|token|secret)\w*=(?P<value>[^&;]+)", re.IGNORECASE)
_SECRET_VARIABLE = re.compile(r"PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN", re.IGNORECASE)
_LEAST_VALUE = 8
_USER_AT_HOST = re.compile(r"[^@]*:.*@", re.DOTALL)


def is_secret_name(name: str) -> bool:
    """Whether an option, key or variable of this name holds a secret."""
    return _SECRET_NAME.search(name) is not None


def redacted_words(words: Sequence[str]) -> list[str]:
    """A command line, word by word: passwords in addresses and in options are masked."""
    return [KNOWN_SECRETS.masked(word) for word in _redacted(words)]


def redacted_command(words: Sequence[str]) -> str:
    """A command line as one text; see :func:`redacted_words`."""
    return " ".join(redacted_words(words))


def redacted_text(text: str) -> str:
    """A message or a command line in one piece, without what looks like a secret in it."""
    text = _masked_address(_URL_IN_TEXT, text)
    return KNOWN_SECRETS.masked(_PAIR.sub(_masked_pair, text))


def redacted_url(url: str) -> str:
    """An address without user and password, and without the secrets in its query.

    A password may hold any character, so that everything up to the last ``@`` goes.
    """
    return KNOWN_SECRETS.masked(_masked_address(_URL, url))


def without_credentials(url: str) -> str:
    """An address without user and password, for what would not send them anyway."""
    return _URL.sub(r"\1", url)


def harmless_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What a process may be given that needs no secrets."""
    return {
        name: value
        for name, value in environment.items()
        if not (is_secret_name(name) or name.startswith("HIL_HISTORY") or _URL.search(value))
    }


def environment_secrets(environment: Mapping[str, str]) -> Iterator[Secret]:
    """What is secret in the variables of a process: passwords, tokens, logins in addresses."""
    for name, value in environment.items():
        texts = [match["value"] for match in _SECRET_QUERY.finditer(value)]
        login = _LOGIN.match(value)
        if login:
            texts.append(login["password"])
        if _SECRET_VARIABLE.search(name) and len(value) >= _LEAST_VALUE and value[0] != "/":
            texts.append(value)
        for text in texts:
            yield from (Secret(text), Secret(unquote(text)))


def _redacted(words: Iterable[str]) -> Iterator[str]:
    behind = ""
    for word in words:
        if behind:
            yield _value(behind, word)
            behind = ""
            continue
        name, equals, value = word.partition("=")
        if equals and _is_name(name):
            yield f"{name}={_value(name, value)}"
        else:
            yield _value("", word)
            if word.startswith("-") and (is_secret_name(word) or _ADDRESS_OPTION.match(word)):
                behind = word


def _is_name(text: str) -> bool:
    return re.fullmatch(r"-{0,2}[A-Za-z][A-Za-z0-9_-]*", text) is not None


def _value(name: str, value: str) -> str:
    """The value of an option or a variable; ``name`` is empty for a word of its own."""
    if name and is_secret_name(name):
        return MASK
    if "://" in value:
        return redacted_url(value)
    if _ADDRESS_OPTION.match(name):
        value = _USER_AT_HOST.sub(f"{MASK}@", value)
    return _PAIR.sub(_masked_pair, _QUERY_PAIR.sub(_masked_pair, value))


def _masked_address(address: re.Pattern[str], text: str) -> str:
    """``text`` without users and secret values of a query; either may reach into the other."""
    spans = [match.span(2) for match in address.finditer(text)]
    spans += [match.span(3) for match in _QUERY_PAIR.finditer(text) if is_secret_name(match[1])]
    out, done = [], 0
    for start, end in sorted(spans):
        if start >= done:
            out += [text[done:start], MASK]
        done = max(done, end)
    return "".join([*out, text[done:]])


def _masked_pair(match: re.Match[str]) -> str:
    name, mark, value = match.groups()
    return f"{name}{mark}{MASK if is_secret_name(name) else value}"
