"""The header of a user's program: the comment that says at which periods it means to run."""

from __future__ import annotations

import io
import re
import tokenize
from dataclasses import dataclass

from hil.model.errors import ConfigurationError
from hil.model.numbers import finite_float, shown_text

HEADER_LINES = 5
"""The header stands in one of the first lines."""
MAX_TASKS = 8
MIN_PERIOD_MS, MAX_PERIOD_MS = 1, 60_000
_HEADER = re.compile(
    r"#+\s*hil\s*:\s*period_ms\s*=\s*([0-9.]+(?:\s*,\s*[0-9.]+)*)\s*", re.IGNORECASE
)
_MEANT = re.compile(r"#+\W*hil\s*:|#+\W*hil\b.*period|period_?ms\s*[=:]", re.IGNORECASE)
_PERIODS = re.compile(r"period\w*\s*[=:]?\s*([0-9.,\s]+)", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![0-9.])[0-9]+(?:\.[0-9]+)?")
_IN_US = re.compile(r"_?(?:us|µs)\b|micro", re.IGNORECASE)
_IN_HZ = re.compile(r"hz\b|freq", re.IGNORECASE)
_IN_S = re.compile(r"period_s\b|[0-9]\s*s\b|second", re.IGNORECASE)
_EXAMPLE = "# hil: period_ms=20"


@dataclass(frozen=True, slots=True)
class _Comment:
    line: int
    text: str


def read_header(source: str) -> tuple[int, ...]:
    """The periods in us that a program's header gives, one a task; empty without a header.

    ``# hil: period_ms=20`` or ``# hil: period_ms=20,50`` in one of the first
    :data:`HEADER_LINES` lines, in any case and spacing. Raises
    :class:`~hil.model.errors.ConfigurationError`, one line with what to write, for a comment there
    that was meant to be one, for a second one, and for one further down.
    """
    header: tuple[_Comment, tuple[int, ...]] | None = None
    wrong: _Comment | None = None
    for comment in _comments(source):
        match = _HEADER.fullmatch(comment.text)
        if match is None:
            if wrong is None and comment.line <= HEADER_LINES and _MEANT.search(comment.text):
                wrong = comment
        elif header is not None:
            raise ConfigurationError(
                f"line {comment.line}: a second header `{comment.text}`; the first one is in line "
                f"{header[0].line}: keep one"
            )
        elif comment.line > HEADER_LINES:
            raise ConfigurationError(
                f"line {comment.line}: the header `{comment.text}` must stand in the first "
                f"{HEADER_LINES} lines"
            )
        else:
            header = (comment, _periods(comment, match[1]))
    if wrong is not None and (header is None or re.search(r"hil\s*:", wrong.text, re.IGNORECASE)):
        raise ConfigurationError(
            f"line {wrong.line}: `{wrong.text[:60]}` is no header; did you mean "
            f"`{_suggestion(wrong.text)}`?"
        )
    return () if header is None else header[1]


def header_for(periods_ms: str) -> str:
    """The header line with these periods, as it is to be written."""
    return f"# hil: period_ms={periods_ms}"


def _comments(source: str) -> list[_Comment]:
    """The comments of a program that can be split into tokens, in their order."""
    comments = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                comments.append(_Comment(token.start[0], token.string.strip()))
    except (tokenize.TokenError, SyntaxError, ValueError):
        pass  # whether it is a program at all is told elsewhere, with the line
    return comments


def _periods(comment: _Comment, text: str) -> tuple[int, ...]:
    try:
        periods_ms = [finite_float(part) for part in text.split(",")]
    except ValueError:
        periods_ms = []
    if not periods_ms or not all(MIN_PERIOD_MS <= ms <= MAX_PERIOD_MS for ms in periods_ms):
        raise ConfigurationError(
            f"line {comment.line}: period_ms={shown_text(text.strip())}: each must be a number "
            f"from {MIN_PERIOD_MS} to {MAX_PERIOD_MS} (milliseconds)"
        )
    if len(periods_ms) > MAX_TASKS:
        raise ConfigurationError(
            f"line {comment.line}: period_ms names {len(periods_ms)} tasks, {MAX_TASKS} at most"
        )
    return tuple(round(ms * 1000) for ms in periods_ms)


def _suggestion(text: str) -> str:
    """The header that a comment was meant to be, as far as its numbers tell."""
    match = _PERIODS.search(text)
    numbers = [float(number) for number in _NUMBER.findall(match[1] if match else text)]
    if _IN_US.search(text):
        numbers = [number / 1000 for number in numbers]
    elif _IN_HZ.search(text):
        numbers = [1000 / number for number in numbers if number]
    elif _IN_S.search(text):
        numbers = [number * 1000 for number in numbers]
    likely = [f"{ms:.6g}" for ms in numbers if MIN_PERIOD_MS <= ms <= MAX_PERIOD_MS]
    return header_for(",".join(likely[:MAX_TASKS])) if likely else _EXAMPLE
