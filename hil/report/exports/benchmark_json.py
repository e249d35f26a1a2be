"""JSON for services that follow benchmarks: Bencher's metric format and github-action-benchmark's.

Bencher: https://bencher.dev/docs/reference/bencher-metric-format/. The other is the list that
its ``customSmallerIsBetter`` and ``customBiggerIsBetter`` tools read.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hil.model.metrics import find_metric
from hil.model.printable import unicode_text
from hil.report.exports.figure_keys import named_figures

if TYPE_CHECKING:
    from typing import Any

    from hil.model.metric import Sense
    from hil.model.results import Results
    from hil.report.exports.figure_keys import NamedFigure

SMALLER: tuple[Sense, ...] = ("lower", "magnitude")
BIGGER: tuple[Sense, ...] = ("higher",)


def bencher_json(results: Results) -> str:
    """Benchmarks by name, each with its measures: value, lower and upper bound."""
    benchmarks: dict[str, dict[str, Any]] = {}
    for named in named_figures(results, _key):
        figure = named.figure
        measures = benchmarks.setdefault(named.benchmark, {})
        measure = unicode_text(figure.metric)
        bounds = {"lower_value": figure.lo, "upper_value": figure.hi}
        measures[measure] = {
            "value": figure.value,
            **{key: bound for key, bound in bounds.items() if bound is not None},
        }
    return _text(benchmarks)


def action_json(results: Results, senses: tuple[Sense, ...]) -> tuple[str, int]:
    """One entry a figure whose better side is among ``senses``; the text and how many.

    The action compares plain numbers, so a figure that is best near zero gives its magnitude.
    """
    entries = []
    for named in named_figures(results, _key):
        figure = named.figure
        known = find_metric(figure.metric)
        if known is None or known.sense not in senses:
            continue
        bounds = ["?" if bound is None else repr(bound) for bound in (figure.lo, figure.hi)]
        extra = [f"n = {figure.n}, value {figure.value!r}"]
        extra += (
            [f"budget {figure.budget!r}: {figure.verdict}"] if figure.budget is not None else []
        )
        extra += [unicode_text(figure.remarks)] if figure.remarks else []
        entry: dict[str, Any] = {
            "name": f"{named.benchmark} {figure.metric}",
            "unit": figure.unit,
            "value": abs(figure.value) if known.sense == "magnitude" else figure.value,
        }
        if (figure.lo, figure.hi) != (None, None):
            entry["range"] = f"[{bounds[0]}, {bounds[1]}]"
        entries.append({**entry, "extra": "\n".join(extra)})
    return _text(entries), len(entries)


def _key(named: NamedFigure) -> tuple[str, str]:
    return named.benchmark, unicode_text(named.figure.metric)


def _text(document: Any) -> str:
    return json.dumps(document, indent=1, ensure_ascii=True, allow_nan=False) + "\n"
