"""Units of limits in tests and scripts: ``figures.lateness.p99 < 200 * us``.

A plain number has no unit and is refused where a figure has one.
"""

from __future__ import annotations

from hil.model.limits import Quantity

ns = Quantity(1, "ns")
us = Quantity(1, "us")
ms = Quantity(1, "ms")
s = Quantity(1, "s")
ppm = Quantity(1, "ppm")
percent = Quantity(1, "%")
Hz = Quantity(1, "hz")

__all__ = ["Hz", "Quantity", "ms", "ns", "percent", "ppm", "s", "us"]
