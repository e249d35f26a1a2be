"""How sure the figures are: what they rest on, in plain words, for each board."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hil.analysis.limits import covered_share
from hil.records import Capture, Measurement
from hil.report.numbers import digits, show
from hil.report.rows import Row
from hil.results import Results


@dataclass(frozen=True, slots=True)
class Sure:
    """Facts about one board's figures, each a word and a sentence."""

    board: str
    facts: list[tuple[str, str]]


def how_sure(results: Results, rows: Sequence[Row], captures: Sequence[Capture]) -> list[Sure]:
    """What the figures of each board rest on."""
    boards = dict.fromkeys(
        [*(board.name for board in results.boards), *(row.board for row in rows)]
    )
    return [
        Sure(board, list(_facts(board, results, rows, captures)))
        for board in boards
        if any(row.board == board for row in rows)
    ]


def _facts(
    board: str, results: Results, rows: Sequence[Row], captures: Sequence[Capture]
) -> Iterator[tuple[str, str]]:
    mine = [one for one in results.measurements if one.board == board]
    bounded = sum(one.lo is not None and one.hi is not None for one in mine)
    yield (
        "bounds",
        f"{bounded} of {len(mine)} figures have bounds that hold the true value with 95 % "
        "confidence; the others say in their note why they have none.",
    )
    counts = [
        row.cells["lateness_max_us"].n
        for row in rows
        if row.board == board and "lateness_max_us" in row.cells
    ]
    if counts:
        few, many = min(counts), max(counts)
        size = f"{few}" if few == many else f"{few} to {many}"
        share = digits(100 * covered_share(few))
        yield (
            "size",
            f"{size} activations in each case: no more than {digits(100 - float(share))} % of all "
            "activations are later than the latest one seen, with 95 % confidence. "
            "A longer run (--hil-profile=nightly) narrows every bound.",
        )
    instrument = list(_instrument(board, results, mine))
    if instrument:
        yield "instrument", f"{'; '.join(instrument)}. All of it is part of the bounds."
    lost = sum(one.value for one in mine if one.metric == "dropped" and one.method is None)
    faults = sum(len(c.faults) for c in captures if c.board.name == board)
    yield (
        "lost",
        f"{digits(lost, whole=True)} stamps dropped by the instrument, "
        f"{faults} fault{'' if faults == 1 else 's'} on the way from the board.",
    )
    skew = [one for one in mine if one.metric == "clock_skew_ppm"]
    if skew:
        widest = max(skew, key=lambda one: abs(one.value))
        yield (
            "clock",
            f"The board's clock against this computer's: {show(widest).line} in the case where it "
            "was farthest off. Lateness is on the board's own clock.",
        )


def _instrument(board: str, results: Results, mine: Sequence[Measurement]) -> Iterator[str]:
    for identity in results.boards:
        if identity.name != board:
            continue
        if identity.tick_resolution_us is not None:
            yield f"the board's clock steps by {identity.tick_resolution_us:.3g} us"
        if identity.stamp_cost_us is not None:
            yield f"one stamp costs {identity.stamp_cost_us:.3g} us"
    observer = [one for one in mine if one.metric == "observer_effect_us"]
    if observer:
        widest = max(observer, key=lambda one: abs(one.value))
        yield f"stamping every activation makes it {show(widest).line} longer"
