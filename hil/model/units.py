"""Quantities and durations as people read them: a fitting unit, three digits, bounds alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.model.results import Measurement

_STEPS = {
    "us": ((1e6, "s"), (1e4, "ms"), (0.0, "us")),
    "s": ((0.0, "s"),),
    "ppm": ((1e4, "%"), (0.0, "ppm")),
}
UNWRITTEN_UNITS = ("1", "count")
"""Units that are not written."""
_FACTOR = {"s": 1e-6, "ms": 1e-3, "us": 1.0, "%": 1e-4, "ppm": 1.0}


@dataclass(frozen=True, slots=True)
class FormattedMeasurement:
    """A figure as text: ``value`` with its unit, and ``bounds`` or an empty string."""

    value: str
    bounds: str = ""

    @property
    def line(self) -> str:
        """Both on one line."""
        return f"{self.value} {self.bounds}".rstrip()


def format_measurement(one: Measurement) -> FormattedMeasurement:
    """A measurement for people: ``Shown("312 us", "[290, 350]")``.

    The unit follows the value (10,000 us and more are milliseconds, 1,000,000 us seconds, 10,000
    ppm per cent) and holds for the bounds too.
    """
    unit, factor = pick_unit(one.value, one.unit)
    value = format_digits(one.value * factor, one.unit in UNWRITTEN_UNITS) + (
        f" {unit}" if unit else ""
    )
    if one.lo is None and one.hi is None:
        return FormattedMeasurement(value)
    lo = "?" if one.lo is None else format_digits(one.lo * factor, one.unit in UNWRITTEN_UNITS)
    hi = "?" if one.hi is None else format_digits(one.hi * factor, one.unit in UNWRITTEN_UNITS)
    exact = one.lo == one.hi == one.value
    return FormattedMeasurement(value, "" if exact else f"[{lo}, {hi}]")


def pick_unit(value: float, unit: str) -> tuple[str, float]:
    """The unit to show a value in, and the factor that brings it there."""
    if unit in UNWRITTEN_UNITS:
        return "", 1.0
    for least, name in _STEPS.get(unit, ((0.0, unit),)):
        if abs(value) >= least:
            factor = 1.0 if unit == "s" else _FACTOR.get(name, 1.0)
            return name, factor
    return unit, 1.0


def format_digits(value: float, whole: bool = False) -> str:
    """Three significant digits, whole numbers kept whole, no exponent between 0.001 and 1e7."""
    if (whole and value == round(value)) or value == 0:
        return f"{value:.0f}"
    size = abs(value)
    if size >= 1e7 or size < 1e-3:
        return f"{value:.2e}"
    if size >= 99.95:
        return f"{value:.0f}"
    if size >= 9.995:
        return f"{value:.1f}"
    return f"{value:.2f}" if size >= 0.9995 else f"{value:.3g}"


def format_list(names: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)


def format_deadline(us: float) -> str:
    """A time as people write deadlines: ``1 ms``, not ``1000 us``."""
    for least, factor, unit in ((999_999.0, 1e-6, "s"), (999.999, 1e-3, "ms"), (0.0, 1.0, "us")):
        if abs(us) >= least:
            return f"{float(f'{us * factor:.3g}'):g} {unit}"
    return f"{us} us"


def format_elapsed(seconds: float) -> str:
    """A length of time for people: ``12 s``, ``3:05``, ``2:10:00``."""
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


def format_period_us(period_us: float) -> str:
    """A period in a fitting unit."""
    unit, factor = pick_unit(period_us, "us")
    return f"{period_us * factor:g} {unit}"


def format_value(value: float, unit: str) -> str:
    """A value with a unit that suits it."""
    shown, factor = pick_unit(value, unit)
    return f"{format_digits(value * factor, unit in UNWRITTEN_UNITS)} {shown}".rstrip()
