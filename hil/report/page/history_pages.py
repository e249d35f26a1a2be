"""The page that compares two runs, and the page that shows a figure over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from hil.analysis.plot_data import counts_between
from hil.report.change_section import by_relevance, lead_sentence, make_change_section
from hil.report.charts.chart import Chart, Series, log_axis, time_axis
from hil.report.page.metric_definitions import metric_definitions
from hil.report.page.template_environment import page_script, style_sheet, template_environment

if TYPE_CHECKING:
    from hil.report.side_by_side import CasePair, SideBySide

_BINS = 80


@dataclass(frozen=True, slots=True)
class _Section:
    """One case on the page; ``chart`` is ``None`` where a side has no stamps."""

    anchor: str
    pair: CasePair
    chart: Chart | None

    @property
    def title(self) -> str:
        return f"{self.pair.technique}, load {self.pair.load}, {self.pair.board}"


def render_comparison(view: SideBySide) -> str:
    """The page; pure: the same input gives the same text."""
    sections = [
        _Section(f"case-{number}", pair, _overlay(pair, view))
        for number, pair in enumerate(view.cases)
    ]
    facts = [
        (name, text, other)
        for (name, text), (_, other) in zip(view.before.facts, view.after.facts, strict=True)
    ]
    sections.sort(key=lambda section: section.pair.relevance, reverse=True)
    summary = make_change_section(view.comparison)
    named = {figure.metric for pair in view.cases for figure in pair.figures}
    template = template_environment().get_template("compare.html.j2")
    return template.render(
        style=Markup(style_sheet()),
        script=Markup(page_script("axes.js", "charts.js", "metrics.js", "wide_tables.js")),
        view=view,
        lead=lead_sentence(summary),
        summary=summary,
        worse=by_relevance(summary.worse),
        better=by_relevance(summary.better),
        facts=[fact for fact in facts if fact[1] != fact[2]],
        alike=[fact for fact in facts if fact[1] == fact[2]],
        changed=[section for section in sections if section.pair.trends],
        unchanged=[section for section in sections if not section.pair.trends],
        definitions=metric_definitions(named),
    )


def _overlay(pair: CasePair, view: SideBySide) -> Chart | None:
    """Both distributions of lateness in one chart, as shares of what is stored of each."""
    if not all(late.size for late in pair.late_us):
        return None
    axis = time_axis(
        min(float(late.min()) for late in pair.late_us),
        max(float(late.max()) for late in pair.late_us),
        "lateness",
    )
    edges = axis.value(np.linspace(0.0, 1.0, _BINS + 1))
    series, least = [], 1.0
    for color, (side, late) in enumerate(zip((view.before, view.after), pair.late_us, strict=True)):
        share = counts_between(late, edges) / late.size
        least = min(least, 1.0 / late.size)
        name = f"{('A', 'B')[color]}: {side.run}, n = {late.size}"
        series.append(Series(name, edges, share, color, style="steps"))
    return Chart(
        "Lateness",
        "Share of the activations in each stretch of lateness, on logarithmic axes, of the stamps "
        "that are stored; all tasks together.",
        f"{pair.technique}, load {pair.load}: distributions of lateness of both runs.",
        axis,
        log_axis(least, 1.0, "share of the activations", "share"),
        series,
        wide=True,
        lateness="x",
    )
