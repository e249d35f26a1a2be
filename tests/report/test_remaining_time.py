"""How right the remaining time is, on the phases of runs that were measured."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from hil.report.terminal.remaining_time import RemainingTime, WindowPlan

RECORDED = Path(__file__).parent / "durations"
"""A row for each window in the order of a run: case, window number, its length, what its plan says
that follows it, and how long it took on the wall; null where it was passed over."""
SKIPPED_S = 0.05


class Window(NamedTuple):
    case: str
    number: int
    window_s: float
    extra_s: float
    took_s: float | None


def recorded(name: str) -> list[Window]:
    return [Window(*row) for row in json.loads((RECORDED / f"{name}.json").read_text())]


def drawn(
    cases: int,
    window_s: float,
    *,
    around_s: float,
    first_s: float = 0.0,
    extra_s: float = 0.0,
    factor: float = 1.0,
    windows: int = 3,
) -> list[Window]:
    """A run of equal cases in rounds; ``factor`` is how much longer the board takes than usual."""
    draw = random.Random(7)
    rows = []
    for number in range(windows):
        last = number == windows - 1
        extra = extra_s if last else 0.0
        for case in range(cases):
            took = window_s + around_s * draw.uniform(0.8, 1.2) + extra * factor
            rows.append(
                Window(f"case{case}", number, window_s, extra, took + first_s * (not number))
            )
    return rows


def told(rows: Iterable[Window]) -> Iterator[tuple[float, float, float]]:
    """After each window: the share of the run that is over, the time left, and what was said."""
    rows = list(rows)
    remaining = RemainingTime()
    remaining.expect(
        WindowPlan(row.case, row.window_s, row.extra_s)
        for row in sorted(rows, key=lambda r: r.number)
    )
    total = sum(row.took_s or 0.0 for row in rows)
    over = 0.0
    for row in rows:
        if row.took_s is None:
            remaining.pass_over(row.case)
        elif row.number == 0 and row.took_s < SKIPPED_S:
            remaining.give_up(row.case)
        else:
            remaining.done(row.case, row.took_s)
        over += row.took_s or 0.0
        yield over / total, total - over, remaining.left_s


RUNS = {
    **{path.stem: recorded(path.stem) for path in sorted(RECORDED.glob("*.json"))},
    "one technique for a minute": drawn(1, 20.0, around_s=0.5, extra_s=4.0),
    "a night": drawn(91, 20.0, around_s=1.5, first_s=0.5, extra_s=8.0, factor=1.4),
    "a slow line": drawn(15, 1.7, around_s=6.0, first_s=1.0),
    "an own program": drawn(1, 5.0, around_s=1.2, windows=3),
    "a fast virtual time": drawn(15, 1.7, around_s=-1.3, extra_s=2.0, factor=0.3),
}


@pytest.mark.parametrize("name", RUNS)
def test_from_a_quarter_of_the_run_on_it_is_right_within_a_fifth(name: str) -> None:
    for over, left_s, said_s in told(RUNS[name]):
        if over >= 0.25:
            assert abs(said_s - left_s) <= max(0.2 * left_s, 2.0), (over, left_s, said_s)


def test_the_plan_alone_says_it_within_a_fifth_for_the_embedded_board() -> None:
    rows = [row for row in recorded("sim_quick") if not row.case.startswith("pio_irq")]
    remaining = RemainingTime()
    remaining.expect(WindowPlan(row.case, row.window_s, row.extra_s) for row in rows)
    assert remaining.left_s == pytest.approx(sum(row.took_s or 0.0 for row in rows), rel=0.2)


def test_what_fails_or_is_passed_over_is_not_waited_for() -> None:
    remaining = RemainingTime()
    remaining.expect([WindowPlan("a", 10.0)] * 3 + [WindowPlan("b", 10.0)] * 3)
    before = remaining.left_s
    remaining.give_up("a")
    assert remaining.left_s == pytest.approx(before / 2)
    remaining.pass_over("a")
    remaining.pass_over("b")
    assert remaining.left_s == pytest.approx(before / 3)
    remaining.done("nobody expected this one", 1000.0)
    assert remaining.left_s == pytest.approx(before / 3)
    assert remaining.of_next("nobody expected this one") == 0.0


def test_what_follows_a_window_on_a_slow_board_is_learned_from_what_did() -> None:
    """Unknown before: the first case says nothing of it, the second knows."""
    remaining = RemainingTime()
    remaining.expect([WindowPlan("a", 1.0, 10.0), WindowPlan("b", 1.0, 10.0)])
    remaining.done("a", 31.4)
    assert 20.0 < remaining.of_next("b") < 31.4
