"""The figures of one capture in a timing test, and their check."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.model.budgets import failure_message

if TYPE_CHECKING:
    from hil.experiments.run import MeasuredCase
    from hil.model.captures import Capture
    from hil.model.results import Measurement


class Figures:
    """The figures of one technique under one load on one board."""

    def __init__(self, measured: MeasuredCase, properties: list[tuple[str, object]]) -> None:
        self._measured = measured
        self._properties = properties

    @property
    def capture(self) -> Capture:
        """The decoded capture behind the figures."""
        return self._measured.capture

    def all(self, metric: str) -> list[Measurement]:
        """Every measurement of one metric, one per task or method."""
        return [m for m in self._measured.measurements if m.metric == metric]

    def check(self, *metrics: str) -> None:
        """Fail if any of the named metrics is out of its budget.

        Skips, with the reason, when none of them could be measured in this capture. Each figure
        becomes a property of the test in ``junit.xml``.
        """
        __tracebackhide__ = True
        found = [m for metric in metrics for m in self.all(metric)]
        if not found:
            pytest.skip(self._why_absent(metrics))
        for m in found:
            parts = (m.metric, m.method, None if m.task is None else f"task{m.task}")
            self._properties.append((".".join(p for p in parts if p), m.value))
        failures = [failure_message(m) for m in found if m.verdict == "fail"]
        if failures:
            pytest.fail("\n".join(failures), pytrace=False)

    def _why_absent(self, metrics: tuple[str, ...]) -> str:
        told = {r.metric: r.reason for r in self._measured.summary.reasons if r.metric in metrics}
        reasons = dict.fromkeys(told.values())
        return "; ".join(reasons) or f"this technique has no {', '.join(metrics)}"
