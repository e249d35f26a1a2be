"""The sheet of a lesson: one technique, one experiment, what to see, a question."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.agents.bundle import agents_folder
from hil.model.lessons import LESSONS, Lesson
from hil.model.metrics import metric_or_unknown
from hil.model.printable import escaped_line
from hil.model.techniques import TECHNIQUES
from hil.model.units import format_measurement
from hil.report.page.template_environment import style_sheet, template_environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hil.model.results import Measurement, Results

_WIDTH = 79


@dataclass(frozen=True, slots=True)
class MeasuredRow:
    """A figure of the experiment as it was measured: of the technique or of the other one."""

    technique: str
    value: str
    bounds: str


@dataclass(frozen=True, slots=True)
class LessonSheet:
    """Everything that stands on a sheet; ``measured`` is empty until somebody has measured."""

    lesson: Lesson
    description: str
    source_name: str
    source: str
    measured: tuple[MeasuredRow, ...] = ()
    board: str = ""
    """Where it was measured."""

    @property
    def title(self) -> str:
        """The technique's name."""
        return self.lesson.technique


def make_sheet(lesson: Lesson, results: Results | None = None) -> LessonSheet:
    """The sheet of a lesson, with the figures of a run of its experiment.

    The source is the file that runs on the board.
    """
    name = f"techniques/{lesson.technique}.py"
    return LessonSheet(
        lesson,
        TECHNIQUES[lesson.technique].description,
        f"device_agents/{name}",
        (agents_folder() / name).read_text(encoding="ascii").rstrip(),
        () if results is None else tuple(_rows(lesson, results)),
        "" if results is None else ", ".join(escaped_line(b.name) for b in results.boards),
    )


def figures_of(lesson: Lesson, technique: str, results: Results) -> list[Measurement]:
    """The figures of one of the lesson's techniques that the lesson speaks of, a task each."""
    return [
        m
        for m in results.measurements
        if (m.technique, m.metric) == (technique, lesson.metric) and m.method == lesson.method
    ]


def worst_of(figures: Sequence[Measurement]) -> Measurement:
    """The figure of the largest magnitude."""
    return max(figures, key=lambda m: abs(m.value))


def _rows(lesson: Lesson, results: Results) -> Iterable[MeasuredRow]:
    for technique in lesson.techniques:
        of_it = figures_of(lesson, technique, results)
        if not of_it:
            reasons = [s.reason for s in results.skipped if s.technique == technique]
            yield MeasuredRow(technique, "not measured", reasons[0] if reasons else "")
            continue
        shown = format_measurement(worst_of(of_it))
        yield MeasuredRow(technique, shown.value, shown.bounds)


def sheet_text(sheet: LessonSheet) -> str:
    """The sheet for a terminal, 79 columns wide; a long line of the source stays as it is."""
    lesson = sheet.lesson
    parts = [
        textwrap.fill(f"{sheet.title}: {sheet.description}", _WIDTH),
        "=" * len(sheet.title),
        "",
        f"What it is ({sheet.source_name})",
        "",
        textwrap.indent(sheet.source, "    "),
        "",
        "Experiment",
        "",
        f"    {lesson.command}",
        "",
        "What to see",
        "",
        _filled(f"{lesson.see} Chart: {lesson.chart}."),
    ]
    if measured := sheet.measured:
        parts += ["", f"Measured on {sheet.board} ({lesson.metric})", ""]
        parts += [f"    {row.technique:<18} {row.value:>14}  {row.bounds}" for row in measured]
    parts += ["", "Question", "", _filled(lesson.question)]
    parts += ["", "Explanation", "", _filled(lesson.explanation), ""]
    return "\n".join(parts)


def _filled(text: str) -> str:
    return textwrap.fill(text, _WIDTH - 4, initial_indent="    ", subsequent_indent="    ")


def sheets_page(sheets: Sequence[LessonSheet]) -> str:
    """The sheets as one page that needs no network; each begins a new sheet of paper."""
    template = template_environment().get_template("lessons.html.j2")
    return template.render(sheets=sheets, style=style_sheet(), metric=metric_or_unknown)


def lesson_list() -> str:
    """All lessons, one a line, with what each shows."""
    return "\n".join(f"{name:<18} {lesson.topic}" for name, lesson in LESSONS.items())
