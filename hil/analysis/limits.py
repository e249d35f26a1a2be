"""What a number of samples can support: which percentile may be named, and with what assurance."""

from __future__ import annotations

import math

CONFIDENCE = 0.95

PERCENTILES: tuple[tuple[str, float], ...] = (("p50", 0.5), ("p99", 0.99), ("p999", 0.999))


def needed_samples(quantile: float, confidence: float = CONFIDENCE) -> int:
    """Samples after which the largest one is above ``quantile`` with ``confidence``.

    From ``1 - quantile**n >= confidence`` (distribution-free, independent samples): 299 for p99,
    2995 for p99.9. For the median, five samples follow; fewer say nothing useful.
    """
    return math.ceil(math.log(1.0 - confidence) / math.log(quantile))


def percentile_refusal(name: str, quantile: float, n: int) -> str | None:
    """The reason why ``n`` samples can't support this percentile, or ``None`` when they can."""
    needed = needed_samples(quantile)
    if n >= needed:
        return None
    return f"{name} needs {needed} samples for one-sided 95 %, the capture has {n}"


def covered_share(n: float, confidence: float = CONFIDENCE) -> float:
    """The share of the population that lies below the largest of ``n`` samples, at least.

    Holds with ``confidence`` (one-sided tolerance limit, Wilks 1941): ``(1 - confidence)**(1/n)``.
    """
    return float((1.0 - confidence) ** (1.0 / n)) if n > 0 else 0.0


def covered_share_of_range(n: float, confidence: float = CONFIDENCE) -> float:
    """The share of the population between the smallest and the largest of ``n`` samples.

    Wilks (1941): the share ``p`` solves ``1 - n p**(n-1) + (n-1) p**n = confidence``.
    """
    if n < 2:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(80):
        middle = (low + high) / 2
        sure = 1.0 - n * middle ** (n - 1) + (n - 1) * middle**n
        low, high = (middle, high) if sure >= confidence else (low, middle)
    return low
