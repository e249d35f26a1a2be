"""A budgets file, read strictly: every mistake is one line with file and line number."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import hil
from hil.budgets.model import ANY, Budget, Budgets, Kind
from hil.budgets.places import find_line
from hil.errors import ConfigurationError
from hil.metrics import LOADS, METRICS, TECHNIQUES, Metric, find_metric

_MAX_BYTES = 1 << 20
_COUNTS = frozenset({"missed", "overruns", "dropped"})
_PERIOD = re.compile(r"([0-9]+(?:\.[0-9]+)?) *periods?")
_SHARE = re.compile(r"([0-9]+(?:\.[0-9]+)?) *%")


def default_budgets_path() -> Path:
    """The shipped budgets: beside the timing suite, in a checkout as in an installed package."""
    package = Path(hil.__file__).resolve().parent
    for folder in (package / "suite", package.parent / "benchmarks"):
        if (folder / "budgets.toml").is_file():
            return folder / "budgets.toml"
    raise ConfigurationError(
        "the shipped budgets.toml is missing from this installation; "
        "install hil again or give --hil-budgets=FILE"
    )


def default_budgets() -> Budgets:
    """The shipped budgets, read."""
    return load_budgets(default_budgets_path())


def load_budgets(
    path: Path | None = None,
    *,
    techniques: Collection[str] = tuple(TECHNIQUES),
    loads: Collection[str] = tuple(LOADS),
) -> Budgets:
    """Read a budgets file, the shipped one if ``path`` is ``None``.

    Raises :class:`ConfigurationError` with the file and, where it can be told, the line.
    """
    path = default_budgets_path() if path is None else path
    try:
        raw = path.read_bytes()[: _MAX_BYTES + 1]
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigurationError(f"can't read the budgets file {path}: {reason}") from error
    if len(raw) > _MAX_BYTES:
        raise ConfigurationError(f"{path}: larger than 1 MB, not a budgets file")
    try:
        text = raw.decode("utf-8")
        tables = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: not UTF-8 text (byte {error.start})") from None
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        what = str(error).splitlines()[0] or type(error).__name__
        where = re.search(r" \(at line (\d+), column \d+\)$", what)
        if where:
            raise ConfigurationError(
                f"{path}:{where[1]}: malformed TOML: {what[: where.start()]}"
            ) from None
        raise ConfigurationError(f"{path}: malformed TOML: {what}") from None
    return _Parser(path, text, techniques, loads).parse(tables)


class _Parser:
    """Turns the parsed tables into budgets, or into one line that names file and line."""

    def __init__(
        self, path: Path, text: str, techniques: Collection[str], loads: Collection[str]
    ) -> None:
        self._path = path
        self._lines = text.splitlines()
        self._techniques = techniques
        self._loads = loads

    def parse(self, tables: Mapping[str, Any]) -> Budgets:
        entries: list[Budget] = []
        for top, value in tables.items():
            if top not in ("budgets", "board"):
                raise self._error((top,), f"unknown table [{top}]; known are [budgets], [board]")
            inner = self._table((top,), value)
            groups = (
                {None: ((top,), inner)}
                if top == "budgets"
                else {
                    pattern: ((top, pattern), self._table((top, pattern), one))
                    for pattern, one in inner.items()
                }
            )
            for pattern, (keys, group) in groups.items():
                entries += self._group(keys, group, pattern)
        return Budgets(tuple(entries), self._path)

    def _group(
        self, keys: tuple[str, ...], group: Mapping[str, Any], board: str | None
    ) -> list[Budget]:
        entries = []
        for technique, by_load in group.items():
            self._known("technique", technique, self._techniques, (*keys, technique))
            for load, metrics in self._table((*keys, technique), by_load).items():
                self._known("load", load, self._loads, (*keys, technique, load))
                for name, value in self._table((*keys, technique, load), metrics).items():
                    at = (*keys, technique, load, name)
                    kind, amount = self._amount(at, name, value)
                    place = self._place(at)
                    entries.append(Budget(name, kind, amount, technique, load, board, place))
        return entries

    def _amount(self, at: tuple[str, ...], name: str, value: Any) -> tuple[Kind, float]:
        metric = find_metric(name)
        if metric is None:
            near = get_close_matches(name, METRICS, 3, 0.5)
            names = (
                f"did you mean {', '.join(near)}?" if near else f"known are {', '.join(METRICS)}"
            )
            raise self._error(at, f"unknown metric {name!r:.60}; {names}")
        if metric.sense == "none":
            raise self._error(at, f"{name} has no better direction, so it can't have a budget")
        if isinstance(value, str):
            return self._relative(at, metric, value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._error(at, f"{name}: not a number but {type(value).__name__}")
        if not 0 <= value < math.inf:
            raise self._error(at, f"{name}: {value!r:.40} is not a number from 0 up")
        return "absolute", float(value)

    def _relative(self, at: tuple[str, ...], metric: Metric, text: str) -> tuple[Kind, float]:
        if text == "none":
            return "none", 0.0
        found = _PERIOD.fullmatch(text)
        if found and metric.unit == "us":
            return "period", float(found[1])
        found = _SHARE.fullmatch(text)
        if found and metric.name in _COUNTS:
            return "share", float(found[1]) / 100
        forms = ["a number", '"none"']
        forms += ['"0.5 period"'] if metric.unit == "us" else []
        forms += ['"1 %"'] if metric.name in _COUNTS else []
        raise self._error(at, f"{metric.name}: {text!r:.40} is none of {', '.join(forms)}")

    def _known(self, what: str, name: str, known: Collection[str], keys: tuple[str, ...]) -> None:
        if name != ANY and name not in known:
            names = ", ".join((*known, ANY))
            raise self._error(keys, f"unknown {what} {name!r:.60}; known are {names}")

    def _table(self, keys: tuple[str, ...], value: Any) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            shape = "[board.PATTERN.TECHNIQUE.LOAD]" if keys[0] == "board" else None
            shape = shape or "[budgets.TECHNIQUE.LOAD]"
            name = ".".join(keys)
            raise self._error(keys, f"{name!r:.60} is not a table; metrics stand in {shape}")
        return value

    def _error(self, keys: tuple[str, ...], text: str) -> ConfigurationError:
        return ConfigurationError(f"{self._place(keys)}: {text}")

    def _place(self, keys: tuple[str, ...]) -> str:
        line = find_line(self._lines, keys)
        return str(self._path) if line is None else f"{self._path}:{line}"
