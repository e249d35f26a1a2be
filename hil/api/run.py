"""A stored run as Python objects: what :func:`hil.load` returns."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from hil.api.case import Case
from hil.api.figure_set import FigureSet
from hil.api.html_tables import facts_html, table_html
from hil.api.plots import plot_one
from hil.api.stamps import stamps_frame
from hil.model.captures import BOARD_SOURCE
from hil.model.errors import ConfigurationError
from hil.model.known_names import unknown_name
from hil.model.metrics import METRICS, find_metric
from hil.model.printable import escaped_line
from hil.model.results import case_key, case_order, missing_metric
from hil.model.units import format_elapsed, format_list
from hil.model.verdicts import run_verdict, verdict_word
from hil.report.charts.run_charts import group_charts
from hil.report.result_tables import group_rows, technique_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from matplotlib.figure import Figure

    from hil.api.frames import Frame
    from hil.api.run_sources import RunSource
    from hil.model.board import BoardIdentity
    from hil.model.program_records import ProgramRecord
    from hil.model.results import (
        Attempt,
        CaseKey,
        Cause,
        Comparison,
        EdgeComparison,
        ErrorRecord,
        Notice,
        Results,
        RunInfo,
        Skip,
    )
    from hil.model.verdicts import RunVerdict

_MOST_SHOWN = 30


class Run:
    """A run, read-only; everything is read when it is first asked for.

    ``run["timer_soft", "gc"]`` is a case, ``run.figures("lateness_p99_us", load="gc")`` some
    figures, ``run["timer_soft", "gc"].stamps(task=0)`` the activations of a task.
    """

    def __init__(self, source: RunSource) -> None:
        self.source = source

    @property
    def results(self) -> Results:
        """The records of ``results.json``."""
        return self.source.results

    @property
    def info(self) -> RunInfo:
        """The run's own facts: ``id``, ``started_utc``, ``duration_s``, ``profile``, …."""
        return self.results.run

    @property
    def id(self) -> str:
        """The run's name."""
        return self.info.id

    @property
    def started(self) -> datetime | None:
        """When it began, with its time zone (UTC); ``None`` where that is not known."""
        try:
            return datetime.fromisoformat(self.info.started_utc)
        except ValueError:
            return None

    @property
    def verdict(self) -> RunVerdict:
        """``fail``, ``error``, ``undecided``, ``pass`` or ``none``, as on the page."""
        return run_verdict(self.results)

    @property
    def boards(self) -> tuple[BoardIdentity, ...]:
        """The boards: name, machine, firmware, capabilities, cost of a stamp."""
        return self.results.boards

    @property
    def errors(self) -> tuple[ErrorRecord, ...]:
        """What could not be measured, and why."""
        return self.results.errors

    @property
    def skipped(self) -> tuple[Skip, ...]:
        """What a board can't run and which metrics have no figure, with the reasons."""
        return self.results.skipped

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What a reader must know beside the figures."""
        return self.results.notices

    @property
    def causes(self) -> tuple[Cause, ...]:
        """What made activations late, with the shares."""
        return self.results.causes

    @property
    def edges(self) -> tuple[EdgeComparison, ...]:
        """How instruments' edges compare with the boards' stamps."""
        return self.results.edges

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Cases that were measured several times."""
        return self.results.attempts

    @property
    def programs(self) -> tuple[ProgramRecord, ...]:
        """The files of own programs that were measured: path, bytes, SHA-256, package."""
        return self.results.programs

    @property
    def changes(self) -> Comparison | None:
        """How it compares with earlier runs; ``None`` where it was not compared."""
        return self.source.comparison

    @property
    def left_out(self) -> tuple[str, ...]:
        """Captures that were read so far and are not whole, and why."""
        return self.source.left_out

    def cases(
        self, *, technique: str | None = None, load: str | None = None, board: str | None = None
    ) -> list[Case]:
        """The cases with figures, stamps or errors, in the order of the page; all, or some.

        Raises :class:`~hil.model.errors.ConfigurationError` for a name that no case has.
        """
        keys = self._case_keys()
        for position, (what, wanted) in enumerate(
            (("board", board), ("technique", technique), ("load", load))
        ):
            if wanted is None:
                continue
            names = list(dict.fromkeys(key[position] for key in keys))
            if wanted not in names:
                raise ConfigurationError(f"run {self.id}: {unknown_name(what, wanted, names)}")
            keys = [key for key in keys if key[position] == wanted]
        return [Case(self, key) for key in keys]

    def __getitem__(self, names: str | tuple[str, ...]) -> Case:
        """The case of a technique, a load and a board; the last ones may be left out.

        Raises :class:`~hil.model.errors.ConfigurationError` unless it is exactly one.
        """
        given = (names,) if isinstance(names, str) else names
        if not 1 <= len(given) <= 3 or not all(isinstance(name, str) for name in given):
            raise ConfigurationError("give run[TECHNIQUE, LOAD], or run[TECHNIQUE, LOAD, BOARD]")
        cases = self.cases(**dict(zip(("technique", "load", "board"), given, strict=False)))
        if len(cases) == 1:
            return cases[0]
        if not cases:
            raise ConfigurationError(f"run {self.id}: no case {', '.join(given)}")
        loads = {case.load for case in cases}
        asked = "the load" if len(loads) > 1 else "the board"
        raise ConfigurationError(
            f"{', '.join(given)}: {len(cases)} cases, name {asked} too: "
            f"{format_list([str(case) for case in cases[:_MOST_SHOWN]])}"
        )

    def __iter__(self) -> Iterator[Case]:
        return iter(self.cases())

    def __len__(self) -> int:
        return len(self._case_keys())

    def figures(self, metric: str | None = None, **wanted: Any) -> FigureSet:
        """The figures of one metric, or all; ``wanted`` as for :meth:`FigureSet.where`.

        ``run.figures("lateness_p99_us", technique="timer_soft", task=0)``. Raises
        :class:`~hil.model.errors.ConfigurationError` for a metric, technique, load or board that
        there is not; of a metric without figures the set is empty and says why.
        """
        if metric is not None and find_metric(metric) is None:
            known = dict.fromkeys((*METRICS, *(m.metric for m in self.results.measurements)))
            if metric not in {m.metric for m in self.results.measurements}:
                raise ConfigurationError(unknown_name("metric", metric, list(known)))
        of_case = {name: wanted[name] for name in ("technique", "load", "board") if name in wanted}
        keys = {case.key for case in self.cases(**of_case)}
        figures = FigureSet(
            (
                m
                for m in self.results.measurements
                if (metric is None or m.metric == metric) and case_key(m) in keys
            ),
            missing=self._why_missing(metric, keys),
        )
        return figures.where(**wanted)

    def to_pandas(self) -> Any:
        """All figures as a ``pandas.DataFrame``; see :meth:`FigureSet.to_pandas`."""
        return self.figures().to_pandas()

    def to_polars(self) -> Any:
        """All figures as a ``polars.DataFrame``; see :meth:`FigureSet.to_polars`."""
        return self.figures().to_polars()

    def to_arrow(self) -> Any:
        """All figures as a ``pyarrow.Table``; see :meth:`FigureSet.to_arrow`."""
        return self.figures().to_arrow()

    def stamps_frame(self, source: str = BOARD_SOURCE, **of_case: Any) -> Frame:
        """The stamps of all cases, or of some as for :meth:`cases`, with ``to_pandas()`` and so on.

        ``source`` may be an instrument: then they are what it saw, in whole us. The columns are
        those of ``hil export --to parquet``. Memory: all these stamps.
        """
        cases = (case for case in self.cases(**of_case) if case.key in self.source.cases)
        every = (stamps for case in cases for stamps in case.all_stamps())
        return stamps_frame(stamps for stamps in every if stamps.source == source)

    def plot(self, title: str = "", *, load: str | None = None, board: str | None = None) -> Figure:
        """A chart of all techniques under one load as a ``matplotlib.figure.Figure``.

        ``load`` and ``board`` default to the run's first ones. Raises
        :class:`~hil.model.errors.ConfigurationError` for a title that there is not.
        """
        first = next(iter(self.cases(load=load, board=board)), None)
        if first is None:
            raise ConfigurationError(f"run {self.id}: no case to plot")
        of_load = self.cases(load=first.load, board=first.board)
        captures = [self.source.capture(c.key) for c in of_load if c.key in self.source.cases]
        figures = self.figures(load=first.load, board=first.board)
        rows = technique_rows(figures, [first.board])
        charts = [chart for group in group_rows(rows) for chart in group_charts(group, captures)]
        return plot_one(charts, title, f"run {self.id}, load {first.load}")

    def _case_keys(self) -> list[CaseKey]:
        results = self.results
        keys = dict.fromkeys(map(case_key, results.measurements))
        keys |= dict.fromkeys(self.source.cases)
        keys |= dict.fromkeys(key for key in map(case_key, results.errors) if "-" not in key)
        boards = [board.name for board in results.boards]
        return sorted(keys, key=lambda key: case_order(key, boards))

    def _why_missing(self, metric: str | None, keys: Iterable[CaseKey]) -> str:
        if metric is None:
            return f"run {self.id} has no such figures"
        wanted = set(keys)
        reasons = dict.fromkeys(
            skip.reason
            for skip in self.skipped
            if case_key(skip) in wanted and missing_metric(skip) == metric
        )
        return "; ".join(reasons) or f"run {self.id} has no figure of {metric} there"

    def _facts(self) -> list[tuple[str, str]]:
        info, results = self.info, self.results
        boards = [f"{b.name} (MicroPython {b.micropython})" for b in results.boards]
        return [
            ("run", info.id),
            ("boards", format_list(boards) or "none"),
            ("profile", info.profile),
            ("took", format_elapsed(info.duration_s)),
            ("cases", str(len(self))),
            ("figures", f"{len(results.measurements):,}"),
            ("skipped", str(len(results.skipped))),
            ("errors", str(len(results.errors))),
            ("verdict", verdict_word(self.verdict)),
        ]

    def __repr__(self) -> str:
        (_, name), *others = self._facts()
        told = "; ".join(f"{what} {text}" for what, text in others)
        return escaped_line(f"run {name}: {told}")

    def _repr_html_(self) -> str:
        cases = self.cases()
        rows = [
            [case.technique, case.load, case.board, verdict_word(case.verdict)]
            for case in cases[:_MOST_SHOWN]
        ]
        headings = ("technique", "load", "board", "verdict")
        table = table_html("cases", headings, rows, len(cases) - len(rows))
        return facts_html(self._facts()) + table
