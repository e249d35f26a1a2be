"""The retired words, read from ``words.toml``, and what a name or a text has of them."""

import fnmatch
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WORDS_FILE = Path(__file__).with_name("words.toml")

_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_KEYS = {"use", "names", "text", "modules"}
_ALLOWED_KEYS = {"names", "text", "in", "why"}


@dataclass(frozen=True, slots=True)
class Word:
    """A retired word: ``use`` is what to write instead; see ``words.toml`` for the others."""

    word: str
    use: str
    names: str
    text: re.Pattern[str] | None
    modules: bool

    def in_name(self, name: str) -> bool:
        """Whether an identifier is refused for this word."""
        if self.names == "alone":
            return name.strip("_").lower() == self.word
        return self.names == "part" and f"_{self.word}_" in f"_{'_'.join(name_parts(name))}_"


@dataclass(frozen=True, slots=True)
class Allowed:
    """Names, or a pattern of text, that may stay in the files that match ``paths``."""

    names: frozenset[str]
    text: re.Pattern[str] | None
    paths: tuple[str, ...]
    why: str

    def at(self, path: str) -> bool:
        """Whether the permission holds in this file, a path below the root with ``/``."""
        return any(fnmatch.fnmatch(path, pattern) for pattern in self.paths)


class Wording:
    """All retired words and permissions; names are looked up once each."""

    def __init__(self, words: Sequence[Word], allowed: Sequence[Allowed]) -> None:
        self.words = tuple(words)
        self.allowed = tuple(allowed)
        self.needed: set[Allowed] = set()
        """The permissions without which something that was looked at would have been refused."""
        self._by_name: dict[str, tuple[Word, ...]] = {}
        patterns = [word.text.pattern for word in self.words if word.text]
        self._any_text = re.compile("|".join(patterns) or "(?!)", re.IGNORECASE)

    def in_name(self, name: str, path: str) -> Iterator[Word]:
        """The words for which a name that is given in this file is refused."""
        if name.startswith("test_"):
            yield from self.in_text(name.replace("_", " "), path)
            return
        if name not in self._by_name:
            self._by_name[name] = tuple(word for word in self.words if word.in_name(name))
        if not (refused := self._by_name[name]):
            return
        allowed = [entry for entry in self.allowed if name in entry.names and entry.at(path)]
        self.needed.update(allowed)
        yield from () if allowed else refused

    def in_text(self, text: str, path: str) -> Iterator[Word]:
        """The words for which a text of this file is refused, wherever its lines are broken."""
        text = " ".join(text.split())
        if not self._any_text.search(text):
            return
        for entry in self.allowed:
            if entry.text and entry.at(path) and entry.text.search(text):
                self.needed.add(entry)
                text = entry.text.sub("", text)
        yield from (word for word in self.words if word.text and word.text.search(text))

    def may_refuse(self, source: str) -> bool:
        """Whether any text of a file can be refused: seen at once, and seldom true."""
        return self._any_text.search(" ".join(source.replace("#", " ").split())) is not None

    def in_module(self, path: str) -> Iterator[Word]:
        """The words for which a file's name is refused."""
        yield from (word for word in self.words if word.modules and Path(path).stem == word.word)


def name_parts(name: str) -> list[str]:
    """The words of an identifier, in lower case: ``readURL_of2`` is read, url, of, 2."""
    return [part.lower() for part in _PARTS.findall(name)]


def read_words(text: str) -> Wording:
    """Read what ``words.toml`` says; raises ``ValueError`` for what it may not say."""
    document = tomllib.loads(text)
    if unknown := document.keys() - {"words", "allowed"}:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    words = tuple(_word(name, entry) for name, entry in document.get("words", {}).items())
    return Wording(words, tuple(_allowed(entry) for entry in document.get("allowed", [])))


def _word(name: str, entry: dict[str, Any]) -> Word:
    if unknown := entry.keys() - _KEYS:
        raise ValueError(f"{name}: unknown: {', '.join(sorted(unknown))}")
    if not entry.get("use"):
        raise ValueError(f"{name}: `use` must say what to write instead")
    if (names := entry.get("names", "")) not in ("", "alone", "part"):
        raise ValueError(f'{name}: `names` is "alone" or "part"')
    text = None
    if patterns := entry.get("text"):
        text = re.compile(rf"(?<![A-Za-z])(?:{'|'.join(patterns)})(?![A-Za-z])", re.IGNORECASE)
    return Word(name, entry["use"], names, text, entry.get("modules", False))


def _allowed(entry: dict[str, Any]) -> Allowed:
    if unknown := entry.keys() - _ALLOWED_KEYS:
        raise ValueError(f"allowed: unknown: {', '.join(sorted(unknown))}")
    if not entry.get("why"):
        raise ValueError(f"allowed: `why` must give the reason: {entry}")
    text = re.compile(entry["text"]) if "text" in entry else None
    return Allowed(
        frozenset(entry.get("names", ())), text, tuple(entry.get("in", ["*"])), entry["why"]
    )
