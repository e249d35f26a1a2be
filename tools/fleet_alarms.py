"""How often `hil fleet` names a board in nights without an outlier, and how often it finds one.

Nights are made of groups of boards with figures that hang together within a board, from several
distributions between boards; none of them knows what the judgement assumes. Printed is a row for
each size of group and distribution: the share of nights that name anybody though nobody stands out,
and how often a planted board is named whose figures are off by so many standard deviations.

    python -m tools.fleet_alarms [--nights 1000]
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.fleet_outliers import FALSE_ALARMS, FleetGroup, judge_fleet
from hil.analysis.uncertainty.distributions import binomial_bounds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.model.captures import FloatArray

KINDS = ("normal", "related", "t5", "t3", "laplace", "skewed", "uniform", "stepped")
"""Distributions between boards. ``related``: half of the variance is common to a board's figures;
``skewed``: log-normal with sigma 0.4; ``stepped``: read in steps of one standard deviation, which
are then the least spread."""
FIGURES = 39
SIZES: tuple[tuple[int, ...], ...] = ((8,), (10,), (20,), (50,), (200,), (8, 12, 30, 100))
OFF = (6.0, 10.0, 20.0)


def made_group(kind: str, boards: int, rng: np.random.Generator) -> FleetGroup:
    """Boards without an outlier; the standard deviation is 0.1 of the scale."""
    shape = (boards, FIGURES)
    of_board = rng.normal(size=(boards, 1))
    own = rng.normal(size=shape)
    values: dict[str, FloatArray] = {
        "normal": own,
        "related": np.sqrt(0.5) * (of_board + own),
        "stepped": np.rint(own),
        "t5": rng.standard_t(5, size=shape) / np.sqrt(5 / 3),
        "t3": rng.standard_t(3, size=shape) / np.sqrt(3),
        "laplace": rng.laplace(size=shape) / np.sqrt(2),
        "skewed": np.exp(0.4 * own) / 0.45,
        "uniform": rng.uniform(-np.sqrt(3), np.sqrt(3), size=shape),
    }
    y = 5.0 + 0.1 * values[kind]
    return FleetGroup(y, np.full(shape, 0.02), np.full(FIGURES, 0.1 if kind == "stepped" else 0.01))


def alarms(kind: str, sizes: Sequence[int], nights: int, rng: np.random.Generator) -> int:
    """In how many of ``nights`` without an outlier somebody is named."""
    return sum(
        bool(judge_fleet([made_group(kind, size, rng) for size in sizes]).outliers)
        for _ in range(nights)
    )


def detections(kind: str, size: int, off: float, nights: int, rng: np.random.Generator) -> int:
    """In how many of ``nights`` the first board is named, all of whose figures are ``off``."""
    count = 0
    for _ in range(nights):
        group = made_group(kind, size, rng)
        group.y[0] += 0.1 * off
        count += any(outlier.board == 0 for outlier in judge_fleet([group]).outliers)
    return count


def main(argv: list[str] | None = None) -> int:
    """Print the table; 1 where more nights than stated name somebody."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nights", type=int, default=1000, metavar="N", help="each (1000)")
    args = parser.parse_args(argv)
    rng = np.random.default_rng(17)
    worst = 0
    print("| boards of a model | between boards | nights that name one | " + " | ".join(
        f"found at {off:g} sd" for off in OFF) + " |")  # fmt: skip
    print("|---|---|---|" + "---|" * len(OFF))
    for sizes in SIZES:
        nights = max(50, args.nights * 20 // max(20, sum(sizes)))
        for kind in KINDS:
            count = alarms(kind, sizes, nights, rng)
            low, high = binomial_bounds(count, nights, 0.95)
            worst |= low > FALSE_ALARMS
            tries = max(20, nights // 10)
            shares = [detections(kind, max(sizes), off, tries, rng) / tries for off in OFF]
            texts = " | ".join(f"{100 * share:.0f} %" for share in shares)
            print(
                f"| {', '.join(map(str, sizes))} | {kind} | {100 * count / nights:.1f} % "
                f"[{100 * low:.1f}, {100 * high:.1f}] | {texts} |",
                flush=True,
            )
    return int(worst)


if __name__ == "__main__":
    sys.exit(main())
