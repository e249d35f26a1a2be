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


_STEP = "the step of the clock makes the bounds, not the samples: its estimates hardly differ"
_MODES = (
    "between the two modes lies a gap: an end of the interval in the other mode is far away, where "
    "the estimates themselves stay in one"
)
_FAR_APART = "the median of 30 samples of a heavy tail lies among samples that are far apart"
_PART = "three windows that differ, or a drift that is known only so far: Student's t for 2 dof"
_RARE = "distribution-free upper ends reach to the rare events, which the percentile is just below"
_NAIVE = "one window can't show how far a loop without a grid gets in another"
_TAIL = (
    "no mean square of a few dozen samples tells how heavy its tail is: where the largest happen "
    "not to be among them, bounds are given that are too narrow"
)
_LINE = "a line through a slow error takes a part of it with it"
_FOUR = (
    "four samples lie above the percentile: where neighbours are alike they come together, and are "
    "too few independent ones for an upper end"
)
_NEIGHBOURS = (
    "four samples lie above the percentile: two that happen to be neighbours can't be told from a "
    "cluster, and one window has no other way to an upper end"
)
_APART = (
    "where the samples of a tail come together or the windows differ, the upper end rests on how "
    "three windows differ: a tolerance limit for 2 degrees of freedom"
)
_ENDS = "the first and the last activation of a window: two samples, of which none may be usual"

EXEMPTIONS: tuple[Exemption, ...] = (
    Exemption("width", "", "coarse clock", _STEP),
    Exemption("width", "p50", "bimodal|bimodal slow", _MODES, most=100),
    Exemption("width", "p50|mean|drift", "levels|random walk|constant drift|AR.*|warming", _PART),
    Exemption("width", "p50|mean|drift", "naive with GC|1 kHz alias", _PART),
    Exemption("width", "p99|p999", "rare spikes|spikes|periodic GC|heavy tail|bursts", _RARE),
    Exemption("width", "p99|p999", "1 kHz alias|warming|constant drift|50 Hz alias", _PART),
    Exemption(
        "width",
        "p99|p999",
        "AR.*|levels|naive with GC|random walk|bimodal slow",
        _APART,
        windows=(3,),
    ),
    Exemption("both", "p999", "AR.*|bursts|bimodal slow|warming|1 kHz alias|50 Hz alias", _FOUR),
    Exemption("both", "p999", ".*", _NEIGHBOURS, windows=(1,)),
    Exemption("width", "p50", "heavy tail", _FAR_APART, most=30),
    Exemption("width", "mean|drift", "bursts|periodic GC|rare spikes|spikes|bimodal slow", _ENDS),
    Exemption("both", "lateness", "naive with GC|random walk", _NAIVE, windows=(1,)),
    Exemption("held", "rms", "heavy tail", _TAIL, most=100),
    Exemption("held", "tie_rms", "AR.*", _LINE, most=300),
    Exemption("both", "tie_rms", "AR.*|bimodal slow", _LINE),
    Exemption("held", "mean|drift", "AR.*|bursts", _ENDS, most=100),
)


def reason_for(metric: str, kind: str, windows: int, n: int, fault: str) -> str | None:
    """Why a cell misses a goal (``held``, ``width`` or ``both``), or ``None``."""
    for each in EXEMPTIONS:
        inside = each.least <= n <= each.most and windows in each.windows
        named = re.search(each.metric, metric) and re.fullmatch(each.kind, kind)
        if inside and named and each.fault == fault:
            return each.reason
    return None
