"""How a figure is written for people: a fitting unit, three digits, bounds in the same unit."""

from __future__ import annotations

from dataclasses import dataclass

from hil.records import Measurement

_STEPS = {
    "us": ((1e6, "s"), (1e4, "ms"), (0.0, "us")),
    "s": ((0.0, "s"),),
    "ppm": ((1e4, "%"), (0.0, "ppm")),
}
PLAIN = ("1", "count")
"""Units that are not written."""
_FACTOR = {"s": 1e-6, "ms": 1e-3, "us": 1.0, "%": 1e-4, "ppm": 1.0}


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure as text: ``value`` with its unit, and ``bounds`` or an empty string."""

    value: str
    bounds: str = ""

    @property
    def line(self) -> str:
        """Both on one line."""
        return f"{self.value} {self.bounds}".rstrip()


def show(one: Measurement) -> Shown:
    """A measurement for people: ``Shown("312 us", "[290, 350]")``.

    The unit follows the value (10,000 us and more are milliseconds, 1,000,000 us seconds, 10,000
    ppm per cent) and holds for the bounds too.
    """
    unit, factor = pick_unit(one.value, one.unit)
    value = digits(one.value * factor, one.unit in PLAIN) + (f" {unit}" if unit else "")
    if one.lo is None and one.hi is None:
        return Shown(value)
    lo = "?" if one.lo is None else digits(one.lo * factor, one.unit in PLAIN)
    hi = "?" if one.hi is None else digits(one.hi * factor, one.unit in PLAIN)
    exact = one.lo == one.hi == one.value
    return Shown(value, "" if exact else f"[{lo}, {hi}]")


def pick_unit(value: float, unit: str) -> tuple[str, float]:
    """The unit to show a value in, and the factor that brings it there."""
    if unit in PLAIN:
        return "", 1.0
    for least, name in _STEPS.get(unit, ((0.0, unit),)):
        if abs(value) >= least:
            factor = 1.0 if unit == "s" else _FACTOR.get(name, 1.0)
            return name, factor
    return unit, 1.0


def digits(value: float, whole: bool = False) -> str:
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
