"""The grammar of a budgets file (TOML), parsed strictly from its text.

Every mistake is one line with the file's name and line number. Reading the file is not done here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hil.model.budgets import ANY, OWN, Budget, Budgets
from hil.model.errors import ConfigurationError
from hil.model.known_names import unknown_name
from hil.model.metrics import METRICS, find_metric
from hil.model.numbers import finite_float, shown_text, shown_value, within
from hil.model.printable import escaped_line

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from hil.model.budgets import BudgetKind
    from hil.model.metric import Metric

_KEY = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'|[A-Za-z0-9_-]+")
_Keys = tuple[str, ...]
_DEEPEST = 8
"""Keys of a budgets file are five deep at most."""
MOST = 1e15
"""The largest limit in a metric's unit: 31 years in us."""
MOST_PERIODS, MOST_PER_CENT = 1e6, 1e6
_LONGEST_LINE = 400
_ASSIGN = re.compile(rf"\s*((?:{_KEY.pattern})(?:\s*\.\s*(?:{_KEY.pattern}))*)\s*=")


class TomlLines:
    """On which line of a text each key stands; lines are counted from 1.

    ``tomllib`` gives no line numbers; this reads headers and assignments well enough for a
    message. The text is read once: a file may hold thousands of limits.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        self._at_or_below: dict[_Keys, int] = {}
        self._assigned: dict[_Keys, int] = {}
        header: _Keys = ()
        for number, line in enumerate(lines, 1):
            is_header = line.lstrip().startswith("[")
            if is_header:
                here = header = _split(line.partition("]")[0])
            else:
                assigned = _ASSIGN.match(line)
                if not assigned:
                    continue
                here = header + _split(assigned[1])
                if len(here) <= _DEEPEST:
                    self._assigned.setdefault(here, number)
            for depth in range(1, min(len(here), _DEEPEST) + 1):
                self._at_or_below.setdefault(here[:depth], number)

    def find(self, keys: _Keys) -> int | None:
        """Where this dotted key, a table below it, or an inline table with it is first written.

        ``None`` where that can't be told.
        """
        above = (self._assigned.get(keys[:depth]) for depth in range(1, len(keys)))
        numbers = [n for n in (self._at_or_below.get(keys), *above) if n is not None]
        return min(numbers, default=None)


def _split(dotted: str) -> _Keys:
    return tuple(part.strip("\"'") for part in _KEY.findall(dotted))


_PERIOD = re.compile(r"([0-9]+(?:\.[0-9]+)?) *periods?")
_SHARE = re.compile(r"([0-9]+(?:\.[0-9]+)?) *%")


class BudgetParser:
    """Turns the parsed tables into budgets, or into one line that names file and line."""

    def __init__(
        self, path: Path, text: str, techniques: Collection[str], loads: Collection[str]
    ) -> None:
        self._path = path
        self._lines = TomlLines(text.splitlines())
        self._techniques = techniques
        self._loads = loads

    def parse(self, tables: Mapping[str, Any]) -> Budgets:
        """All budgets of the file; :class:`~hil.model.errors.ConfigurationError` for a mistake."""
        entries: list[Budget] = []
        for top, value in tables.items():
            if top not in ("budgets", "board"):
                raise self._error(
                    (top,), f"unknown table [{shown_text(top)}]; known are [budgets], [board]"
                )
            inner = self._table((top,), value)
            groups = (
                {None: ((top,), inner)}
                if top == "budgets"
                else {
                    pattern: ((top, pattern), self._table((top, pattern), table))
                    for pattern, table in inner.items()
                }
            )
            for pattern, (keys, group) in groups.items():
                entries += self._group(keys, group, pattern)
        return Budgets(tuple(entries), self._path)

    def _group(self, keys: _Keys, group: Mapping[str, Any], board: str | None) -> list[Budget]:
        entries = []
        for technique, by_load in group.items():
            techniques = (*self._techniques, ANY, OWN)
            self._known("technique", technique, techniques, (*keys, technique))
            for load, metrics in self._table((*keys, technique), by_load).items():
                self._known("load", load, (*self._loads, ANY), (*keys, technique, load))
                for name, value in self._table((*keys, technique, load), metrics).items():
                    at = (*keys, technique, load, name)
                    kind, amount = self._amount(at, name, value)
                    where = self._location(at)
                    entries.append(Budget(name, kind, amount, technique, load, board, where))
        return entries

    def _amount(self, at: _Keys, name: str, value: Any) -> tuple[BudgetKind, float]:
        metric = find_metric(name)
        if metric is None:
            raise self._error(at, unknown_name("metric", name, METRICS))
        if not metric.budget:
            raise self._error(at, f"{name} has no better direction, so it can't have a budget")
        if isinstance(value, str):
            return self._relative(at, metric, value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._error(at, f"{name}: not a number but {type(value).__name__}")
        if not within(value, 0.0, MOST):
            raise self._error(
                at, f"{name}: {shown_value(value)} is not a number from 0 to {MOST:g}"
            )
        return "absolute", float(value)

    def _relative(self, at: _Keys, metric: Metric, text: str) -> tuple[BudgetKind, float]:
        if text == "none":
            return "none", 0.0
        periods, per_cent = _PERIOD.fullmatch(text), _SHARE.fullmatch(text)
        if periods and "period" in metric.budget:
            return "period", self._bounded(at, text, periods[1], MOST_PERIODS, "periods")
        if per_cent and "share" in metric.budget:
            return "share", self._bounded(at, text, per_cent[1], MOST_PER_CENT, "%") / 100
        examples = {"period": '"0.5 period"', "share": '"1 %"'}
        forms = ["a number", '"none"']
        forms += [example for form, example in examples.items() if form in metric.budget]
        raise self._error(at, f"{metric.name}: {shown_value(text)} is none of {', '.join(forms)}")

    def _bounded(self, at: _Keys, text: str, number: str, most: float, unit: str) -> float:
        amount = finite_float(number)
        if within(amount, 0.0, most):
            return amount
        allowed = f"give a number from 0 to {most:g} {unit}"
        raise self._error(at, f"{at[-1]}: {shown_value(text)} can't be a limit; {allowed}")

    def _known(self, what: str, name: str, known: Collection[str], keys: _Keys) -> None:
        if name not in known:
            raise self._error(keys, unknown_name(what, name, known))

    def _table(self, keys: _Keys, value: Any) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            shape = "[board.PATTERN.TECHNIQUE.LOAD]" if keys[0] == "board" else None
            shape = shape or "[budgets.TECHNIQUE.LOAD]"
            name = ".".join(keys)
            raise self._error(keys, f"{name!r:.60} is not a table; metrics stand in {shape}")
        return value

    def _error(self, keys: _Keys, text: str) -> ConfigurationError:
        line = escaped_line(f"{self._location(keys)}: {text}")
        return ConfigurationError(line[:_LONGEST_LINE] + "…" * (len(line) > _LONGEST_LINE))

    def _location(self, keys: _Keys) -> str:
        line = self._lines.find(keys)
        return str(self._path) if line is None else f"{self._path}:{line}"
