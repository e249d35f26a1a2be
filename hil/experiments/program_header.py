"""The header of a user's program: comments that say its periods, its tasks' names, its packages."""

from __future__ import annotations

import io
import re
import tokenize
from dataclasses import dataclass

from hil.model.captures import TASK_NAME
from hil.model.errors import ConfigurationError
from hil.model.numbers import finite_float, shown_text

HEADER_LINES = 5
"""The header stands in one of the first lines."""
MAX_TASKS = 8
MIN_PERIOD_MS, MAX_PERIOD_MS = 1, 60_000
_NAME = TASK_NAME.pattern
_PERIOD = rf"(?:{_NAME}\s*:\s*)?[0-9.]+"
_HEADER = re.compile(
    rf"#+\s*hil\s*:\s*period_ms\s*=\s*({_PERIOD}(?:\s*,\s*{_PERIOD})*)\s*", re.IGNORECASE
)
_PACKAGES = re.compile(r"#+\s*hil\s*:\s*(require|mip_index)\s*=\s*(\S.*?)\s*", re.IGNORECASE)
_MEANT = re.compile(r"#+\W*hil\s*:|#+\W*hil\b.*period|period_?ms\s*[=:]", re.IGNORECASE)
_PERIODS = re.compile(r"period\w*\s*[=:]?\s*([0-9.,\s]+)", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![0-9.])[0-9]+(?:\.[0-9]+)?")
_IN_US = re.compile(r"_?(?:us|µs)\b|micro", re.IGNORECASE)
_IN_HZ = re.compile(r"hz\b|freq", re.IGNORECASE)
_IN_S = re.compile(r"period_s\b|[0-9]\s*s\b|second", re.IGNORECASE)
_EXAMPLE = "# hil: period_ms=20"
_MOST_COMMENT = 400
"""Of a longer comment no more is looked at: a line of thousands of signs takes minutes."""


@dataclass(frozen=True, slots=True)
class ProgramHeader:
    """What a header says: ``periods_us`` one a task, ``names`` as many or none, ``requires`` the
    packages as written, ``mip_index`` where they are to be had; empty what it does not say."""

    periods_us: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    mip_index: str = ""


@dataclass(frozen=True, slots=True)
class _Comment:
    line: int
    text: str


def read_header(source: str) -> ProgramHeader:
    """The header of a program, empty without one.

    ``# hil: period_ms=20``, ``20,50`` or ``sensor:20,motor:50``, and
    ``# hil: require=NAME@VERSION`` in the first :data:`HEADER_LINES` lines, in any case and
    spacing. Raises
    :class:`~hil.model.errors.ConfigurationError`, one line with what to write, for a comment there
    that was meant to be one, for a second one, and for one further down.
    """
    header: tuple[_Comment, tuple[int, ...], tuple[str, ...]] | None = None
    packages: dict[str, str] = {}
    wrong: _Comment | None = None
    for comment in _comments(source):
        match = _HEADER.fullmatch(comment.text)
        other = _PACKAGES.fullmatch(comment.text)
        if match is None and other is None:
            if wrong is None and comment.line <= HEADER_LINES and _MEANT.search(comment.text):
                wrong = comment
        elif comment.line > HEADER_LINES and not (match and header):
            raise ConfigurationError(
                f"line {comment.line}: the header `{comment.text}` must stand in the first "
                f"{HEADER_LINES} lines"
            )
        elif other is not None:
            key = other[1].lower()
            if key in packages:
                raise ConfigurationError(
                    f"line {comment.line}: a second `# hil: {key}=`; write one line, with commas"
                )
            packages[key] = other[2]
        elif header is not None:
            raise ConfigurationError(
                f"line {comment.line}: a second header `{comment.text}`; the first one is in line "
                f"{header[0].line}: keep one"
            )
        elif match is not None:
            header = (comment, *_tasks(comment, match[1]))
    if wrong is not None and (header is None or re.search(r"hil\s*:", wrong.text, re.IGNORECASE)):
        raise ConfigurationError(
            f"line {wrong.line}: `{wrong.text[:60]}` is no header; did you mean "
            f"`{_suggestion(wrong.text)}`?"
        )
    requires = (part.strip() for part in packages.get("require", "").split(","))
    periods_us, names = ((), ()) if header is None else header[1:]
    return ProgramHeader(
        periods_us, names, tuple(filter(None, requires)), packages.get("mip_index", "")
    )


def header_for(periods_ms: str) -> str:
    """The header line with these periods, as it is to be written."""
    return f"# hil: period_ms={periods_ms}"


def _comments(source: str) -> list[_Comment]:
    """The comments of a program that can be split into tokens, in their order."""
    comments = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                text = token.string.strip()[:_MOST_COMMENT]
                comments.append(_Comment(token.start[0], text))
    except (tokenize.TokenError, SyntaxError, ValueError):
        pass  # whether it is a program at all is told elsewhere, with the line
    return comments


def _tasks(comment: _Comment, text: str) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Periods and names of the tasks."""
    parts = [part.rpartition(":") for part in text.split(",")]
    names = tuple(name.strip() for name, _, _ in parts if name)
    if names and len(names) < len(parts):
        raise ConfigurationError(
            f"line {comment.line}: give each task a name, or none: `# hil: period_ms="
            + ",".join(
                f"{name.strip() or f'task{index}'}:{ms.strip()}"
                for index, (name, _, ms) in enumerate(parts)
            )
            + "`"
        )
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ConfigurationError(f"line {comment.line}: two tasks are called {twice}")
    return _periods(comment, ",".join(ms for _, _, ms in parts)), names


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
