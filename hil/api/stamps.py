"""The activations of one task as arrays, and several tasks' as one frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.activations import activations_of
from hil.api.frames import Frame
from hil.api.html_tables import facts_html
from hil.model.captures import BOARD_SOURCE, task_label
from hil.model.printable import escaped_line, unicode_text
from hil.model.units import format_period_us, format_time_us
from hil.report.exports.stamp_table import COLUMNS, release_times_us, stamp_rows

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from numpy.typing import NDArray

    from hil.analysis.comparison_scale import TaskStamps
    from hil.api.frames import Kind
    from hil.model.captures import Capture, FloatArray, IntArray, StampArray, Track
    from hil.model.results import CaseKey

STAMP_COLUMNS: dict[str, Kind] = {column.name: column.kind for column in COLUMNS}  # type: ignore[misc]
"""The columns of a frame of stamps: those of ``hil export --to parquet``."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Stamps:
    """What one task did, in the order of time; all times in us on the board's clock, unwrapped.

    Every array has the shape (n,): ``stamp_us`` int64 when the task ran, float64 where ``source``
    is an instrument; ``k`` int64 the release that it answers, -1 for an extra activation;
    ``intended_us`` float64 when that release was due and ``lateness_us`` float64 the difference,
    both nan for an extra one; ``lost_before`` int64 stamps that the wire lost right before;
    ``window_number`` int32 from 1 on. ``asked_us`` int64 are all releases that the task was asked
    for, answered or not, and ``missed_us`` int64 those that lie in a window with their whole period
    and have no stamp, one that the wire lost included. A reading of the clock costs
    ``read_cost_us``, which the figures have taken off. ``task_name`` is what a program of the
    user's own calls the task. From a history, stamps are thinned out,
    times count from the first release, and these two are empty.
    """

    board: str
    technique: str
    load: str
    task: int
    period_us: float
    source: str
    stamp_us: StampArray
    k: IntArray
    intended_us: FloatArray
    lateness_us: FloatArray
    lost_before: IntArray
    window_number: NDArray[np.int32]
    asked_us: IntArray
    missed_us: IntArray
    read_cost_us: float | None = None
    task_name: str = ""

    def __len__(self) -> int:
        return len(self.k)

    def to_pandas(self) -> Any:
        """A ``pandas.DataFrame``, a row each; the columns of ``hil export --to parquet``."""
        return stamps_frame([self]).to_pandas()

    def to_polars(self) -> Any:
        """A ``polars.DataFrame``, a row each; the columns of ``hil export --to parquet``."""
        return stamps_frame([self]).to_polars()

    def to_arrow(self) -> Any:
        """A ``pyarrow.Table``, a row each; the columns of ``hil export --to parquet``."""
        return stamps_frame([self]).to_arrow()

    def _facts(self) -> list[tuple[str, str]]:
        late = self.lateness_us[self.k >= 0]
        task = task_label(self.task, self.task_name)
        lateness = "none"
        if late.size:
            ends = (format_time_us(float(end)) for end in (late.min(), late.max()))
            lateness = " to ".join(ends)
        return [
            ("case", f"{self.technique}/{self.load} on {self.board}, {task}"),
            ("period", format_period_us(self.period_us)),
            ("stamps", f"{len(self):,} in {int(self.window_number.max(initial=0))} windows"),
            ("lateness", lateness),
            *([] if self.source == BOARD_SOURCE else [("seen by", self.source)]),
        ]

    def __repr__(self) -> str:
        (_, case), *others = self._facts()
        told = ", ".join(f"{name} {text}" for name, text in others)
        return escaped_line(f"stamps of {case}: {told}")

    def _repr_html_(self) -> str:
        return facts_html(self._facts())


def stamps_of_track(capture: Capture, track: Track, read_cost_us: float | None = None) -> Stamps:
    """The activations of a track, each with the release that it answers."""
    activations = activations_of(capture, track)
    due = [np.arange(w.first, w.first + w.judged) for w in activations.windows]
    missed = np.setdiff1d(np.concatenate([np.empty(0, np.int64), *due]), activations.index)
    rows = list(stamp_rows(track, activations, max(1, len(track.stamps_us))))
    return Stamps(
        *capture.case,
        task=track.index,
        period_us=activations.period_us,
        source=track.source,
        stamp_us=rows[0].stamp_us if rows else np.empty(0, np.int64),
        k=rows[0].k if rows else np.empty(0, np.int64),
        intended_us=rows[0].intended_us if rows else np.empty(0),
        lateness_us=rows[0].lateness_us if rows else np.empty(0),
        lost_before=rows[0].lost_before if rows else np.empty(0, np.int64),
        window_number=rows[0].window if rows else np.empty(0, np.int32),
        asked_us=release_times_us(track),
        missed_us=np.rint(missed * activations.period_us).astype(np.int64) + track.origin_us,
        read_cost_us=read_cost_us,
        task_name=track.name,
    )


def stamps_of_history(case: CaseKey, task: int, stored: TaskStamps) -> Stamps:
    """The stamps that a history keeps of a task."""
    n = stored.stamps_us.size
    intended: FloatArray = stored.index.astype(np.float64) * stored.period_us
    positions = np.arange(n)
    window = np.searchsorted(list(stored.later_windows), positions, side="right") + 1
    return Stamps(
        *case,
        task=task,
        period_us=stored.period_us,
        source=BOARD_SOURCE,
        stamp_us=np.rint(stored.stamps_us).astype(np.int64),
        k=stored.index.astype(np.int64),
        intended_us=intended,
        lateness_us=stored.stamps_us - intended,
        lost_before=np.zeros(n, np.int64),
        window_number=window.astype(np.int32),
        asked_us=np.empty(0, np.int64),
        missed_us=np.empty(0, np.int64),
        read_cost_us=stored.cost_us,
    )


def stamps_frame(tasks: Iterable[Stamps]) -> Frame:
    """The rows of all tasks, one after the other. Memory: all of them."""
    tasks = list(tasks)
    columns: dict[str, Any] = {}
    for name, kind in STAMP_COLUMNS.items():
        if kind == "text":
            columns[name] = [
                text for t in tasks for text in [unicode_text(getattr(t, name))] * len(t)
            ]
        elif name == "task":
            columns[name] = _joined([np.full(len(t), t.task, np.int32) for t in tasks])
        elif name == "stamp_us":
            columns[name] = _joined([np.rint(t.stamp_us).astype(np.int64) for t in tasks])
        else:
            columns[name] = _joined([getattr(t, name) for t in tasks])
    return Frame(columns, STAMP_COLUMNS)


def _joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0)
