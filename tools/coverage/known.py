"""Cells that can't meet a goal, each with its reason."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Exemption:
    """Cells that miss ``fault`` (``held``, ``width``, ``both``): regular expressions, and a range.

    ``least`` to ``most`` are the activations.
    """

    fault: str
    metric: str
    kind: str
    reason: str
    windows: tuple[int, ...] = (1, 3)
    least: int = 0
    most: int = 10**9


EXEMPTIONS: tuple[Exemption, ...] = ()


def reason_for(metric: str, kind: str, windows: int, n: int, fault: str) -> str | None:
    """Why a cell misses a goal (``held``, ``width`` or ``both``), or ``None``."""
    for each in EXEMPTIONS:
        inside = each.least <= n <= each.most and windows in each.windows
        named = re.search(each.metric, metric) and re.fullmatch(each.kind, kind)
        if inside and named and each.fault == fault:
            return each.reason
    return None
