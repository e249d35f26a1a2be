"""One technique under one load on one board: its figures, stamps, edges and charts."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from hil.api.html_tables import facts_html
from hil.api.metric_names import attribute
from hil.api.plots import plot_one
from hil.api.stamps import Stamps
from hil.model.captures import BOARD_SOURCE
from hil.model.errors import CaptureError, ConfigurationError
from hil.model.printable import escaped_line
from hil.model.results import case_key, worst_verdict
from hil.model.units import format_elapsed, format_list, format_period_us
from hil.model.verdicts import verdict_word
from hil.report.charts.run_charts import case_charts

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from matplotlib.figure import Figure

    from hil.api.figure_set import FigureSet
    from hil.api.metric_names import MetricFamily
    from hil.api.run import Run
    from hil.model.captures import Capture
    from hil.model.edges import EdgeRecording
    from hil.model.results import (
        CaseKey,
        EdgeComparison,
        ErrorRecord,
        Notice,
        Skip,
        Verdict,
    )
    from hil.report.charts.chart import Chart


class Case:
    """A case of a :class:`~hil.api.run.Run`; its stamps are decoded when they are asked for.

    A metric is an attribute: ``case.lateness_p99_us`` or ``case.lateness.p99`` is a
    :class:`~hil.api.figure_set.FigureSet`, one figure for each task, variants left out.
    """

    def __init__(self, run: Run, key: CaseKey) -> None:
        self.run = run
        self.board, self.technique, self.load = key

    @property
    def key(self) -> CaseKey:
        """Board, technique and load."""
        return self.board, self.technique, self.load

    def figures(self, metric: str | None = None, **wanted: Any) -> FigureSet:
        """The figures of the case, all or of one metric; see :meth:`hil.api.run.Run.figures`."""
        of_case = dict(zip(("board", "technique", "load"), self.key, strict=True))
        return self.run.figures(metric, **of_case, **wanted)

    def __getattr__(self, name: str) -> FigureSet | MetricFamily[FigureSet]:
        if name.startswith("_"):
            raise AttributeError(name)
        return attribute(name, lambda metric: self.figures(metric).judged())

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of its figures: ``fail``, ``undecided``, ``pass`` or ``none``."""
        return worst_verdict(self.figures())

    def stamps(self, task: int | str = 0, source: str = BOARD_SOURCE) -> Stamps:
        """The activations of one task, by its index or name, decoded now.

        ``source`` may be an instrument.

        Raises :class:`~hil.model.errors.ConfigurationError` for a task or source that the case has
        not, and :class:`~hil.model.errors.CaptureError` where there are no stamps.
        """
        tasks = self.all_stamps()
        for stamps in tasks:
            if task in (stamps.task, stamps.task_name or None) and stamps.source == source:
                return stamps
        have = format_list([f"{s.task} by {s.source}" for s in tasks]) or "none"
        raise ConfigurationError(f"{self}: no stamps of task {task} by {source}; there is {have}")

    def all_stamps(self) -> list[Stamps]:
        """The activations of every task; errors as for :meth:`stamps`."""
        return self.run.source.stamps(self.key)

    @cached_property
    def capture(self) -> Capture:
        """The decoded capture, its windows joined: plan, tracks, events, counters, pings.

        It stays in memory with this object. Raises :class:`~hil.model.errors.CaptureError` where
        there is none.
        """
        return self.run.source.capture(self.key)

    @property
    def recordings(self) -> tuple[EdgeRecording, ...]:
        """What instruments saw in each window, as it was recorded: the lines with their edges."""
        windows = self.capture.windows or (self.capture,)
        return tuple(edges for window in windows for edges in window.edges)

    @property
    def edges(self) -> tuple[EdgeComparison, ...]:
        """How each instrument's edges compare with the board's stamps."""
        return self._own(self.run.edges)

    @property
    def errors(self) -> tuple[ErrorRecord, ...]:
        """Why the case, or a part of it, has no trustworthy measurement."""
        return self._own(self.run.errors)

    @property
    def skipped(self) -> tuple[Skip, ...]:
        """Which metrics have no figure, and why."""
        return self._own(self.run.skipped)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What a reader must know beside the figures."""
        return self._own(self.run.notices)

    def charts(self) -> list[Chart]:
        """The charts of the page for this case; each has a ``title`` and its data."""
        return case_charts(self.capture, self.figures(), 1)

    def plot(self, title: str = "") -> Figure:
        """A chart as a ``matplotlib.figure.Figure``; the first whose title begins with ``title``.

        Raises :class:`~hil.model.errors.ConfigurationError` for a title that there is not.
        """
        return plot_one(self.charts(), title, str(self))

    def _own(self, records: Iterable[Any]) -> tuple[Any, ...]:
        return tuple(record for record in records if case_key(record) == self.key)

    def __str__(self) -> str:
        return escaped_line(f"{self.technique}/{self.load} on {self.board}")

    def __repr__(self) -> str:
        return f"case {self}: {', '.join(text for _, text in self._facts()[1:])}"

    def _repr_html_(self) -> str:
        return facts_html(self._facts()) + self.figures()._repr_html_()

    def _facts(self) -> list[tuple[str, str]]:
        facts = [("case", str(self))]
        plan = None
        if self.key in self.run.source.cases:
            try:
                plan = self.capture.plan
            except CaptureError:
                plan = None
        if plan is not None:
            periods = dict.fromkeys(format_period_us(task.period_us) for task in plan.tasks)
            facts.append(("tasks", f"{len(plan.tasks)} tasks every {format_list(list(periods))}"))
            facts.append(("measured", f"{format_elapsed(plan.duration_us / 1e6)}"))
        facts.append(("figures", f"{len(self.figures())} figures"))
        facts.append(("verdict", verdict_word(self.verdict)))
        return facts
