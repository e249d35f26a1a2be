"""OpenMetrics 1.0 text, for Prometheus: every figure a gauge in base units.

Microseconds become seconds, ppm and shares become ratios; the decimal digits stay what they are in
``results.json``. The label ``stat`` tells the figure (``value``) from its bounds (``lo``, ``hi``)
and its budget. Format: https://prometheus.io/docs/specs/om/open_metrics_spec/.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from io import StringIO
from typing import TYPE_CHECKING

from hil.model.expected_boards import is_missing_board
from hil.model.metrics import find_metric
from hil.model.printable import unicode_text
from hil.report.exports.figure_keys import named_figures

if TYPE_CHECKING:
    from hil.model.results import Measurement, Results
    from hil.report.exports.figure_keys import NamedFigure

_BASE = {
    "us": ("seconds", -6),
    "s": ("seconds", 0),
    "ppm": ("ratio", -6),
    "1": ("ratio", 0),
    "hz": ("hertz", 0),
    "bytes": ("bytes", 0),
}
"""Unit of a metric -> base unit, and the power of ten that leads there; a count has none."""
_STATS = ("value", "lo", "hi", "budget")


@dataclass(frozen=True, slots=True)
class NightOutcome:
    """What only the run itself knows: its exit status, and how many figures had become worse
    (``None`` where it was not compared)."""

    exit_status: int
    worse: int | None = None


def openmetrics_text(results: Results, outcome: NightOutcome | None = None) -> str:
    """The whole exposition, ending with ``# EOF``; no figure is there twice."""
    out = StringIO()
    _run(out, results)
    _bench(out, results)
    if outcome is not None:
        _head(out, "hil_exit_status", "", "the exit status of the run: 0 is all well")
        out.write(f"hil_exit_status {outcome.exit_status}\n")
        if outcome.worse is not None:
            _head(out, "hil_worse", "", "figures that are worse than in the runs compared with")
            out.write(f"hil_worse {outcome.worse}\n")
    families: dict[str, list[NamedFigure]] = {}
    for named in named_figures(results, _key):
        families.setdefault(family(named.figure)[0], []).append(named)
    for name, group in families.items():
        first = group[0].figure
        known = find_metric(first.metric)
        _head(out, name, family(first)[1], known.description if known else first.metric)
        for named in group:
            figure = named.figure
            for stat in _STATS:
                number = getattr(figure, stat)
                if number is None:
                    continue
                labels = _braces({**named.labels, "stat": stat})
                power = _BASE.get(figure.unit, ("", 0))[1]
                out.write(f"{name}{labels} {scaled(number, power)}\n")
    out.write("# EOF\n")
    return out.getvalue()


def _key(named: NamedFigure) -> tuple[str, str]:
    return family(named.figure)[0], _braces(named.labels)


def family(figure: Measurement) -> tuple[str, str]:
    """Name and base unit of a figure's metric family: ``("hil_tie_rms_seconds", "seconds")``."""
    stem = figure.metric.removesuffix(f"_{figure.unit}")
    unit = _BASE.get(figure.unit, ("", 0))[0]
    name = "hil_" + re.sub(r"[^A-Za-z0-9_]", "_", stem)
    return (f"{name}_{unit}" if unit else name), unit


def scaled(number: float, power: int) -> str:
    """The shortest digits of ``number``, moved by ``power`` decimal places and not rounded again.

    >>> scaled(312.7, -6)
    '0.0003127'
    """
    return str(Decimal(repr(float(number))).scaleb(power))


def _run(out: StringIO, results: Results) -> None:
    info = results.run
    labels = {
        "id": info.id,
        "profile": info.profile,
        "source": info.source,
        "harness_version": info.harness_version,
    }
    _head(out, "hil_run", "", "the run that the figures are of; always 1")
    out.write(f"hil_run{_braces(labels)} 1\n")
    if (begin := _seconds(info.started_utc)) is not None:
        _head(out, "hil_run_started_timestamp_seconds", "seconds", "when the run began, Unix time")
        out.write(f"hil_run_started_timestamp_seconds {begin}\n")
    _head(out, "hil_run_duration_seconds", "seconds", "how long the run took")
    out.write(f"hil_run_duration_seconds {scaled(info.duration_s, 0)}\n")
    _head(out, "hil_out_of_budget", "", "figures that are out of their budget")
    failed = sum(figure.verdict == "fail" for figure in results.measurements)
    out.write(f"hil_out_of_budget {failed}\n")
    _head(out, "hil_undecided", "", "figures whose limit lies inside their bounds")
    undecided = sum(figure.verdict == "undecided" for figure in results.measurements)
    out.write(f"hil_undecided {undecided}\n")
    _head(out, "hil_errors", "", "measurements that can't be trusted")
    out.write(f"hil_errors {len(results.errors)}\n")


def _bench(out: StringIO, results: Results) -> None:
    missing = dict.fromkeys(e.board for e in results.errors if is_missing_board(e))
    answered = dict.fromkeys(board.name for board in results.boards if board.name not in missing)
    _head(
        out, "hil_board_up", "", "1 for a board that answered, 0 for an expected one that did not"
    )
    for name in answered:
        out.write(f"hil_board_up{_braces({'board': name})} 1\n")
    for name in missing:
        out.write(f"hil_board_up{_braces({'board': name})} 0\n")
    _head(out, "hil_missing_boards", "", "expected boards that did not answer")
    out.write(f"hil_missing_boards {len(missing)}\n")


def _seconds(started_utc: str) -> int | None:
    try:
        return int(datetime.fromisoformat(started_utc).timestamp())
    except (ValueError, OverflowError):
        return None


def _head(out: StringIO, name: str, unit: str, text: str) -> None:
    out.write(f"# TYPE {name} gauge\n")
    if unit:
        out.write(f"# UNIT {name} {unit}\n")
    out.write(f"# HELP {name} {_escaped(text)}\n")


def _braces(labels: dict[str, str]) -> str:
    return "{" + ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items()) + "}"


def _escaped(text: str) -> str:
    text = unicode_text(text).replace("\\", "\\\\")
    return text.replace("\n", "\\n").replace('"', '\\"')
