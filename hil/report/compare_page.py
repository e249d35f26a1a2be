"""Two runs beside each other on one self-contained page."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from hil.report.changed import changed
from hil.report.chart import Chart, Line, Plot
from hil.report.page_templates import environment, style
from hil.report.scales import decades, times
from hil.report.side_by_side import CasePair, SideBySide

_BINS = 80


@dataclass(frozen=True, slots=True)
class _Section:
    """One case on the page; ``plot`` is ``None`` where a side has no stamps."""

    anchor: str
    pair: CasePair
    plot: Plot | None

    @property
    def title(self) -> str:
        return f"{self.pair.technique}, load {self.pair.load}, {self.pair.board}"


def render_comparison(view: SideBySide) -> str:
    """The page; pure: the same input gives the same text. It has no script."""
    sections = [
        _Section(f"case-{number}", pair, _overlay(pair, view))
        for number, pair in enumerate(view.cases)
    ]
    facts = [
        (name, text, other)
        for (name, text), (_, other) in zip(view.before.facts, view.after.facts, strict=True)
    ]
    template = environment().get_template("compare.html.j2")
    return template.render(
        style=Markup(style()),
        view=view,
        summary=changed(view.comparison),
        facts=facts,
        sections=sections,
    )


def _overlay(pair: CasePair, view: SideBySide) -> Plot | None:
    """Both distributions of lateness in one chart, as shares of what is kept of each."""
    if not all(late.size for late in pair.late_us):
        return None
    scale = times(
        min(float(late.min()) for late in pair.late_us),
        max(float(late.max()) for late in pair.late_us),
        "lateness",
    )
    edges = scale.value(np.linspace(0.0, 1.0, _BINS + 1))
    lines, least = [], 1.0
    for slot, (side, late) in enumerate(zip((view.before, view.after), pair.late_us, strict=True)):
        share = np.histogram(late, edges)[0] / late.size
        least = min(least, 1.0 / late.size)
        name = f"{('A', 'B')[slot]}: {side.run}, n = {late.size}"
        lines.append(Line(name, edges, share, slot, stairs=True))
    return Chart(
        "Lateness",
        "Share of the activations in each stretch of lateness, on logarithmic axes, of the stamps "
        "that are kept; all tasks together.",
        f"{pair.technique}, load {pair.load}: distributions of lateness of both runs.",
        scale,
        decades(least, 1.0, "share of the activations", "share"),
        lines,
        kind="hil-wide hil-late",
    ).draw()
