"""JSON for services that follow benchmarks: Bencher's metric format and github-action-benchmark's.

Bencher: https://bencher.dev/docs/reference/bencher-metric-format/. The other is the list that
its ``customSmallerIsBetter`` and ``customBiggerIsBetter`` tools read.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hil.model.errors import CaptureError
from hil.model.metrics import find_metric
from hil.model.printable import unicode_text

if TYPE_CHECKING:
    from typing import Any

    from hil.model.metrics import Sense
    from hil.model.results import Measurement, Results

SMALLER: tuple[Sense, ...] = ("lower", "magnitude")
BIGGER: tuple[Sense, ...] = ("higher",)


def bencher_json(results: Results) -> str:
    """Benchmarks by name, each with its measures: value, lower and upper bound."""
    benchmarks: dict[str, dict[str, Any]] = {}
    for one in results.measurements:
        measures = benchmarks.setdefault(benchmark_name(one), {})
        measure = unicode_text(one.metric)
        if measure in measures:
            raise CaptureError(f"two figures are the same: {benchmark_name(one)}, {measure}")
        bounds = {"lower_value": one.lo, "upper_value": one.hi}
        measures[measure] = {
            "value": one.value,
            **{key: bound for key, bound in bounds.items() if bound is not None},
        }
    return _text(benchmarks)


def action_json(results: Results, senses: tuple[Sense, ...]) -> tuple[str, int]:
    """One entry a figure whose better side is among ``senses``; the text and how many.

    The action compares plain numbers, so a figure that is best near zero gives its magnitude.
    """
    entries = []
    for one in results.measurements:
        known = find_metric(one.metric)
        if known is None or known.sense not in senses:
            continue
        bounds = ["?" if bound is None else repr(bound) for bound in (one.lo, one.hi)]
        extra = [f"n = {one.n}, value {one.value!r}"]
        extra += [f"budget {one.budget!r}: {one.verdict}"] if one.budget is not None else []
        extra += [unicode_text(one.remarks)] if one.remarks else []
        entry: dict[str, Any] = {
            "name": f"{benchmark_name(one)} {one.metric}",
            "unit": one.unit,
            "value": abs(one.value) if known.sense == "magnitude" else one.value,
        }
        if (one.lo, one.hi) != (None, None):
            entry["range"] = f"[{bounds[0]}, {bounds[1]}]"
        entries.append({**entry, "extra": "\n".join(extra)})
    return _text(entries), len(entries)


def benchmark_name(one: Measurement) -> str:
    """``board/technique/load``, then the method and the task where there is one."""
    parts = [one.board, one.technique, one.load]
    parts += [one.method] if one.method is not None else []
    parts += [f"task{one.task}"] if one.task is not None else []
    return unicode_text("/".join(parts))


def _text(document: Any) -> str:
    return json.dumps(document, indent=1, ensure_ascii=True, allow_nan=False) + "\n"
