"""A measurement that goes on, in the terminal: a screen of it, or a line now and then."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from hil.model.captures import task_label
from hil.model.printable import escaped_line
from hil.model.units import format_digits, format_elapsed
from hil.report.live_state import PHASES
from hil.report.terminal.sparklines import ASCII, UNICODE, axis_line
from hil.report.terminal.standard_streams import fitting_text
from hil.report.terminal.tables import folded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hil.model.captures import IntArray
    from hil.report.live_figures import TaskSoFar
    from hil.report.live_state import LiveState

_MOST_BARS, _LEAST_ROWS, _MOST_ROWS = 60, 2, 8
_COLUMNS = (
    ("p50 us", "lateness_p50_us"),
    ("p99 us", "lateness_p99_us"),
    ("max us", "lateness_max_us"),
    ("missed", "missed"),
    ("extra", "extra"),
    ("dropped", "dropped"),
)
_COUNTS = ("missed", "extra", "dropped")
_MOST_TASKS = 4


def screen_lines(
    state: LiveState, width: int, height: int, encoding: str | None = "utf-8"
) -> list[str]:
    """The state in at most ``height`` lines of at most ``width`` cells each.

    Where there is little room the distribution and the last activations give way first.
    """
    head = [*_head(state), "", *_table(state.figures.tasks, width)]
    foot = [line for text in state.warnings for line in folded(f"! {escaped_line(text)}", width)]
    last = list(_last(state.figures.tasks))
    rest = height - len(head) - len(foot)
    lines = head
    rows = min(_MOST_ROWS, rest - len(last) - 4)
    if state.figures.lateness is not None and rows >= _LEAST_ROWS:
        lines += ["", *_distribution(state, width, rows, encoding)]
        rest -= rows + 3
    if last and rest > len(last):
        lines += ["", *last]
    lines += foot
    return [fitting_text(line, encoding)[:width].rstrip() for line in lines[:height]]


def plain_line(state: LiveState) -> str:
    """The state in one line, for a log."""
    parts = [f"{format_elapsed(state.elapsed_s)}", f"{state.stamps} stamps"]
    for task in state.figures.tasks[:_MOST_TASKS]:
        said = ", ".join(
            f"{name.removesuffix(' us')} {_value(task, metric)}{' us' * name.endswith(' us')}"
            for name, metric in _COLUMNS
        )
        parts.append(f"{task_label(task.index, task.name)}: n {task.n}, {said}")
    parts += [f"warning: {escaped_line(text)}" for text in state.warnings]
    return f"{state.phase}: {'; '.join(parts)}"


def _head(state: LiveState) -> Iterator[str]:
    name = escaped_line(f"{state.board}, {state.technique} under {state.load}")
    yield f"{name}, period {state.period_us / 1000:g} ms"
    of = f" of {format_elapsed(state.limit_s)}"
    yield f"{format_elapsed(state.elapsed_s)}{of}, {state.stamps} stamps; Ctrl-C ends it"
    yield PHASES[state.phase]


def _value(task: TaskSoFar, metric: str) -> str:
    figure = task.figures.get(metric)
    return (
        "-"
        if figure is None or figure.value is None
        else format_digits(figure.value, whole=metric in _COUNTS)
    )


def _table(tasks: Sequence[TaskSoFar], width: int) -> list[str]:
    """The figures by task; columns that have no room are left out whole, the last ones first."""
    if not tasks:
        return ["no stamps yet"]
    rows = [["task", "n", *(name for name, _ in _COLUMNS)]]
    for task in tasks[:_MOST_TASKS]:
        cells = [_value(task, metric) for _, metric in _COLUMNS]
        rows.append([task.name or str(task.index), str(task.n), *cells])
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    shown = len(widths)
    while shown > 1 and sum(widths[:shown]) + 2 * (shown - 1) > width:
        shown -= 1
    lines = [
        "  ".join(cell.rjust(cells) for cell, cells in zip(row[:shown], widths, strict=False))
        for row in rows
    ]
    told = next((task.sending for task in tasks if task.sending), None)
    return [*lines, *folded(told, width)] if told else lines


def _distribution(state: LiveState, width: int, rows: int, encoding: str | None) -> Iterator[str]:
    group = state.figures.lateness
    assert group is not None
    characters = UNICODE if fitting_text(UNICODE, encoding) == UNICODE else ASCII
    counts = group.rows[0].counts
    bins = min(width, counts.size, _MOST_BARS)
    yield from column_chart(_merged(counts, bins), rows, characters)
    yield axis_line(group.axis, bins)
    yield "lateness of all tasks; height: logarithm of the count"


def _merged(counts: IntArray, bins: int) -> list[int]:
    edges = [round(at * counts.size / bins) for at in range(bins + 1)]
    return [int(counts[low:high].sum()) for low, high in pairwise(edges)]


def column_chart(counts: Sequence[int], rows: int, characters: str = UNICODE) -> list[str]:
    """Bars of ``rows`` lines, their height logarithmic in the count; none that counts is blank."""
    steps = len(characters) - 1
    full = math.log1p(max(counts, default=0)) or 1.0
    heights = [math.ceil(steps * rows * math.log1p(count) / full) for count in counts]
    return [
        "".join(characters[min(max(height - steps * row, 0), steps)] for height in heights)
        for row in reversed(range(rows))
    ]


def _last(tasks: Sequence[TaskSoFar]) -> Iterator[str]:
    for task in tasks[:_MOST_TASKS]:
        values = " ".join(f"{value:.0f}" for value in task.last_us)
        yield f"last of {task_label(task.index, task.name)}, us late: {values}"
