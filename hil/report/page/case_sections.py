"""The part of the page about one case: its charts, its numbers, its faults and its log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.model.captures import CaptureIssue
from hil.model.results import group_by_case, worst_verdict
from hil.model.techniques import find_technique
from hil.model.units import format_period_us
from hil.report.charts.case_charts import MAX_TASKS
from hil.report.charts.run_charts import case_charts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hil.model.captures import Capture
    from hil.model.results import CaseKey, Measurement, Results, Verdict
    from hil.report.charts.chart import Chart
    from hil.report.edge_tables import EdgeSection

_MAX_FAULTS = 20


@dataclass(frozen=True, slots=True)
class CasePart:
    """One technique under one load on one board."""

    anchor: str
    board: str
    technique: str
    load: str
    about: str
    charts: list[Chart]
    measurements: list[Measurement]
    faults: tuple[CaptureIssue, ...]
    log: tuple[str, ...]
    edges: list[EdgeSection]

    @property
    def title(self) -> str:
        """What the case is called."""
        return f"{self.technique}, load {self.load}, on {self.board}"

    @property
    def verdict(self) -> Verdict:
        """``fail`` if any figure failed, else ``pass`` if any was judged, else ``none``."""
        return worst_verdict(self.measurements)


def case_parts(
    results: Results, captures: Sequence[Capture], edges: Sequence[EdgeSection] = ()
) -> Iterator[CasePart]:
    """A part for each capture, in their order; then one for figures that have no capture."""
    seen: dict[CaseKey, list[EdgeSection]] = {}
    for section in edges:
        seen.setdefault(section.case, []).append(section)
    groups = group_by_case(results.measurements)
    for number, capture in enumerate(captures):
        key = capture.case
        figures = groups.pop(key, [])
        faults = capture.faults[:_MAX_FAULTS]
        if len(capture.faults) > _MAX_FAULTS:
            more = len(capture.faults) - _MAX_FAULTS
            faults = (*faults, CaptureIssue("and", f"{more} more in the capture"))
        charts = case_charts(capture, figures, len(captures))
        anchor, by_pin = case_anchor(number), seen.get(key, [])
        about = _about(capture)
        yield CasePart(anchor, *key, about, charts, figures, faults, capture.log, by_pin)
    for number, (key, figures) in enumerate(groups.items(), len(captures)):
        yield CasePart(case_anchor(number), *key, "", [], figures, (), (), seen.get(key, []))


def case_anchor(number: int) -> str:
    """The id of a case's part."""
    return f"hil-case-{number}"


def _about(capture: Capture) -> str:
    plan = capture.plan
    period = ", ".join(dict.fromkeys(format_period_us(task.period_us) for task in plan.tasks))
    tasks = f"{len(plan.tasks)} task{'s' if len(plan.tasks) != 1 else ''}"
    about = find_technique(plan.technique).description
    about = f"The task runs in: {about}. " if about else ""
    shown = f" (the charts show {MAX_TASKS})" if len(plan.tasks) > MAX_TASKS else ""
    window = f"window {plan.duration_us / 1e6:g} s"
    return f"{about}{tasks}{shown}, period {period or 'none'}, {window}."
