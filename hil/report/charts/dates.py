"""Ticks of an axis of dates, whose values are days since 1970 in UTC.

The script of a page has the same (``dates.js``), for a section of the axis.
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta

_HOUR = 1.0 / 24.0
_STEPS = (
    *(_HOUR / 60.0, _HOUR / 12.0, _HOUR / 4.0, _HOUR, 3.0 * _HOUR, 6.0 * _HOUR, 12.0 * _HOUR),
    *(1.0, 2.0, 3.0, 7.0, 14.0),
)
_MONTHS = (1, 2, 3, 6, 12)
_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS_OF_MONTH = 30.44
_TICKS = 5.5
_EPOCH = date(1970, 1, 1)
_FIRST, _LAST = -719_000.0, 2_932_000.0
"""Days of the years 1 and 9999."""


def day_number(text: str) -> float:
    """Days since 1970 of an ISO time, UTC where it says nothing; NaN of what is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return math.nan
    moment = moment.replace(tzinfo=moment.tzinfo or UTC)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(days=1)


def date_ticks(lo: float, hi: float) -> list[float]:
    """Full minutes, hours, days or months between ``lo`` and ``hi``, some five of them."""
    lo, hi = max(lo, _FIRST), min(hi, _LAST)
    rough = (hi - lo) / _TICKS
    step = next((step for step in _STEPS if step >= rough), None)
    if step is not None:
        return [k * step for k in range(math.ceil(lo / step), math.floor(hi / step + 1e-9) + 1)]
    months = next((n for n in _MONTHS if n * _DAYS_OF_MONTH >= rough), None)
    if months is None:
        months = 12 * math.ceil(rough / (12 * _DAYS_OF_MONTH))
    first = (_EPOCH + timedelta(days=math.ceil(lo))).replace(day=1)
    number = -(-(first.year * 12 + first.month - 1) // months) * months
    ticks: list[float] = []
    while True:
        if number // 12 > date.max.year:
            return ticks
        day = float((date(number // 12, number % 12 + 1, 1) - _EPOCH).days)
        if day > hi:
            return ticks
        ticks += [day] if day >= lo else []
        number += months


def date_text(value: float, lo: float, hi: float) -> str:
    """A tick: ``13:00``, ``Nov 20`` or ``2026-11``, by how long the axis is."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=min(max(value, _FIRST), _LAST))
    moment += timedelta(milliseconds=1)  # a tick is a float
    if (hi - lo) / _TICKS > _STEPS[-1]:
        return f"{moment:%Y-%m}"
    is_midnight = abs(value - round(value)) < 1e-6
    return f"{_NAMES[moment.month - 1]} {moment.day}" if is_midnight else f"{moment:%H:%M}"


def date_label(lo: float, hi: float) -> str:
    """What the axis is called: the years that it is in."""
    years = [
        (_EPOCH + timedelta(days=math.floor(min(max(end, _FIRST), _LAST)))).year for end in (lo, hi)
    ]
    return f"UTC, {years[0]}" + (f" to {years[1]}" if years[1] > years[0] else "")
