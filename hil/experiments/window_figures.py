"""The figures of each window beside those of the whole case, and a note where windows lack."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from hil.analysis.summary import summarise_tasks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from hil.analysis.edge_tracks import AlignedWindow
    from hil.model.captures import Capture
    from hil.model.results import Measurement

BY_WINDOW = frozenset(
    (
        *("lateness_p50_us", "lateness_p99_us", "lateness_max_us"),
        *("period_mean_us", "period_jitter_rms_us", "schedule_drift_ppm"),
    )
)
"""The metrics whose figure of each window is stored and shown."""
_Key = tuple[int | None, str, str]


def with_windows(
    capture: Capture,
    measurements: Sequence[Measurement],
    aligned: Mapping[str, Sequence[AlignedWindow]] = MappingProxyType({}),
) -> list[Measurement]:
    """``measurements`` with what each window of ``capture`` gives for the same figure.

    An entry of :attr:`~hil.model.results.Measurement.windows` has the window's number from 1 on,
    ``value``, ``n``, and its own ``lo`` and ``hi`` where it has them: the same analysis of that
    window alone. ``aligned`` are the windows as each instrument saw them. Every figure says how
    many windows it rests on where some of the planned ones lack.
    """
    parts = capture.windows or (capture,)
    figures: dict[_Key, list[dict[str, Any]]] = {}
    if len(parts) > 1:
        for window in parts:
            number = window.plan.window + 1
            seen = [[own for own in each if own.window is window] for each in aligned.values()]
            for figure in summarise_tasks(window, seen):
                if figure.metric in BY_WINDOW:
                    key = (figure.task, figure.source, figure.metric)
                    figures.setdefault(key, []).append(_entry(number, figure))
    planned = capture.plan.windows
    lacking = f"from {len(parts)} of {planned} windows" if len(parts) < planned else None
    return [
        replace(
            measurement,
            windows=measurement.windows or _of_windows(measurement, figures),
            note="; ".join(filter(None, (measurement.note, lacking))) or None,
        )
        for measurement in measurements
    ]


def _of_windows(
    measurement: Measurement, figures: Mapping[_Key, Sequence[dict[str, Any]]]
) -> tuple[dict[str, Any], ...]:
    if measurement.method is not None:  # a series follows one window
        return ()
    key = (measurement.task, measurement.source, measurement.metric)
    return tuple(figures.get(key, ()))


def _entry(number: int, figure: Measurement) -> dict[str, Any]:
    entry: dict[str, Any] = {"window": number, "value": figure.value, "n": figure.n}
    entry |= {end: bound for end in ("lo", "hi") if (bound := getattr(figure, end)) is not None}
    return entry
