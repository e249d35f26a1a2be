"""Metrics by attribute: ``lateness_p99_us`` in full, or ``lateness.p99`` in its two parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import methodcaller
from typing import Generic, TypeVar

from hil.model.known_names import unknown_name
from hil.model.metrics import METRICS, find_metric

T = TypeVar("T")
_UNITS = ("us", "ppm", "s", "hz")
__tracebackhide__ = methodcaller("errisinstance", AttributeError)
"""For pytest: a misspelt name is shown in the test that has it."""


def attribute(name: str, get: Callable[[str], T]) -> T | MetricFamily[T]:
    """What ``get`` has of the metric ``name``, or the family of metrics that begin so.

    Raises ``AttributeError`` with the nearest names for neither.
    """
    metric = _named(name)
    if metric is not None:
        return get(metric)
    if not name.startswith("_") and any(metric.startswith(f"{name}_") for metric in METRICS):
        return MetricFamily(name, get)
    raise AttributeError(unknown_name("metric", name, METRICS))


def _named(name: str) -> str | None:
    """The metric of this name, which may lack its unit."""
    names = (name, *(f"{name}_{unit}" for unit in _UNITS))
    return next((metric for metric in names if find_metric(metric) is not None), None)


class MetricFamily(Generic[T]):
    """Metrics whose names begin alike: ``lateness`` has ``p50``, ``p99``, ``p999`` and ``max``."""

    def __init__(self, name: str, get: Callable[[str], T]) -> None:
        self._name = name
        self._get = get

    def __getattr__(self, name: str) -> T | MetricFamily[T]:
        full = f"{self._name}_{name}"
        metric = _named(full)
        if metric is not None:
            return self._get(metric)
        if not name.startswith("_") and any(metric.startswith(f"{full}_") for metric in METRICS):
            return MetricFamily(full, self._get)
        raise AttributeError(f"{self._name}: {unknown_name('figure', name, list(self._members()))}")

    def __dir__(self) -> list[str]:
        return sorted(self._members())

    def __repr__(self) -> str:
        return f"{self._name}: {', '.join(self._members())}"

    def _members(self) -> Iterator[str]:
        for metric in METRICS:
            rest = metric.removeprefix(f"{self._name}_")
            if rest != metric:
                stem, _, unit = rest.rpartition("_")
                yield stem if unit in _UNITS and stem else rest
