"""What the fixture ``figures`` gives a test: the figures of one case, checked or compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.api.figure_set import FigureSet
from hil.api.metric_names import attribute
from hil.model.errors import ConfigurationError
from hil.model.known_names import unknown_name
from hil.model.limits import Quantity
from hil.model.metrics import METRICS, find_metric
from hil.model.units import describe_figure
from hil.model.verdicts import refuses, verdict_message
from hil.pytest_plugin.run_end import FAILED_FIGURES
from hil.pytest_plugin.unchecked_figures import figure_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hil.api.metric_names import MetricFamily
    from hil.experiments.evaluation import MeasuredCase
    from hil.model.captures import Capture
    from hil.model.limits import LimitOutcome
    from hil.model.results import Measurement


class Figures:
    """The figures of one technique under one load on one board.

    ``figures.lateness_p99_us`` and ``figures.lateness.p99`` are those of one metric, variants left
    out, as a :class:`~hil.api.figure_set.FigureSet`: ``assert figures.lateness.p99 < 200 * us``.
    """

    def __init__(
        self, measured: MeasuredCase, node: pytest.Item, *, undecided_fails: bool = False
    ) -> None:
        self._measured = measured
        self._node = node
        self._undecided_fails = undecided_fails

    @property
    def capture(self) -> Capture:
        """The decoded capture behind the figures."""
        return self._measured.capture

    @property
    def task_period(self) -> Quantity:
        """The shortest period of the case's tasks, as in ``0.1 * figures.task_period``."""
        return Quantity(min(task.period_us for task in self.capture.plan.tasks), "us")

    def __getattr__(self, name: str) -> FigureSet | MetricFamily[FigureSet]:
        __tracebackhide__ = True
        return attribute(name, self.__getitem__)

    def __getitem__(self, metric: str) -> FigureSet:
        """The figures of one metric that a limit is for; a test that compares none is skipped.

        Raises :class:`~hil.model.errors.ConfigurationError` for a metric that does not exist.
        """
        __tracebackhide__ = True
        reason = self._why_absent((metric,))
        figures = FigureSet(
            self.all(metric),
            missing=reason,
            undecided_fails=self._undecided_fails,
            observe=lambda outcome: self._compared(outcome, reason),
        )
        return figures.judged()

    def __repr__(self) -> str:
        board, technique, load = self.capture.case
        return f"figures of {technique}/{load} on {board}"

    def all(self, metric: str) -> list[Measurement]:
        """Every measurement of one metric, one per task or method.

        Raises :class:`~hil.model.errors.ConfigurationError` for a metric that does not exist.
        """
        __tracebackhide__ = True
        if find_metric(metric) is None:
            raise ConfigurationError(unknown_name("metric", metric, METRICS))
        return [m for m in self._measured.measurements if m.metric == metric]

    def check(self, *metrics: str) -> None:
        """Fail if any of the named metrics is out of its budget.

        Skips, with the reason, when none of them could be measured in this capture. Each figure
        becomes a property of the test in ``junit.xml``. An undecided figure fails only where
        ``--hil-undecided=fail`` was given. Raises :class:`~hil.model.errors.ConfigurationError`
        where no metric is named, or one that does not exist.
        """
        __tracebackhide__ = True
        if not metrics:
            raise ConfigurationError("figures.check() names no metric, so it checks nothing")
        measurements = [m for metric in metrics for m in self.all(metric)]
        if not measurements:
            pytest.skip(self._why_absent(metrics))
        self._keep_values(measurements)
        failed = [
            m for m in measurements if refuses(m.verdict, undecided_fails=self._undecided_fails)
        ]
        if failed:
            self._tell_failed(failed)
            pytest.fail("\n".join(map(verdict_message, failed)), pytrace=False)

    def _why_absent(self, metrics: tuple[str, ...]) -> str:
        told = {r.metric: r.reason for r in self._measured.summary.reasons if r.metric in metrics}
        reasons = dict.fromkeys(told.values())
        return "; ".join(reasons) or f"this technique has no {', '.join(metrics)}"

    def _compared(self, outcome: LimitOutcome | None, reason: str) -> None:
        """A comparison becomes properties of the test; without a figure the test is skipped."""
        __tracebackhide__ = True
        if outcome is None:
            pytest.skip(reason)
        self._keep_values(held.figure for held in outcome.held)
        self._node.user_properties += [
            ("hil.undecided", f"{describe_figure(held.figure)} {outcome.operator} {outcome.limit}")
            for held in outcome.held
            if held.verdict == "undecided"
        ]
        self._tell_failed(outcome.failed)

    def _keep_values(self, measurements: Iterable[Measurement]) -> None:
        for m in measurements:
            parts = (m.metric, m.method, None if m.task is None else f"task{m.task}")
            self._node.user_properties.append((".".join(p for p in parts if p), m.value))

    def _tell_failed(self, failed: Iterable[Measurement]) -> None:
        told = self._node.stash.setdefault(FAILED_FIGURES, [])
        told += map(figure_key, failed)
