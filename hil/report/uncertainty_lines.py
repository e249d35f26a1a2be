"""What is told of a figure's uncertainty budget: its parts, and how its bounds follow from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.analysis.uncertainty.budget import stored_total
from hil.model.metrics import metric_or_unknown

if TYPE_CHECKING:
    from hil.model.results import Measurement, UncertaintyPart


def uncertainty_lines(figure: Measurement) -> tuple[str, ...]:
    """One line for each part, the largest first, and one for the whole; none without a budget.

    Standard uncertainties, in us for times and in ppm for rates and ratios.
    """
    parts = sorted(figure.uncertainty, key=lambda part: -part.amount)
    if not parts:
        return ()
    return (*map(_line, parts), _whole(figure))


def _line(part: UncertaintyPart) -> str:
    known = "" if part.dof is None else f", {part.dof:.3g} degrees of freedom"
    return f"{part.amount:.3g} {_unit(part)}: {part.what} (Type {part.type}{known})"


def _unit(part: UncertaintyPart) -> str:
    return "ppm" if part.us is None else "us"


def _whole(figure: Measurement) -> str:
    if metric_or_unknown(figure.metric).combined:
        total = stored_total(figure.uncertainty)
        unit = _unit(figure.uncertainty[0])
        return f"combined {total.standard:.3g} {unit}, k = {total.k:.3g} for 95 %"
    if any(part.type == "B" for part in figure.uncertainty):
        return "each part of Type B widens both ends"
    return "no systematic part"
