"""What is wrong with a board's clock, and special about its link: first lines of the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.model.results import TOLD_FIRST

if TYPE_CHECKING:
    from hil.model.results import Measurement, Results

FAR_OFF_PPM = 10_000.0
"""A clock that is farther off the host's makes every time on the board wrong by as much."""


def board_warnings(results: Results) -> list[str]:
    """One sentence for each board and matter: of its link; its clock stepped back, or is off by
    more than 1 %."""
    texts = [
        f"{skip.board}: {skip.reason}." for skip in results.skipped if skip.technique in TOLD_FIRST
    ]
    worst: dict[str, Measurement] = {}
    for figure in results.measurements:
        if (
            figure.by_board
            and figure.metric == "clock_skew_ppm"
            and abs(figure.value) > FAR_OFF_PPM
        ):
            known = worst.get(figure.board)
            if known is None or abs(figure.value) > abs(known.value):
                worst[figure.board] = figure
    for board, figure in worst.items():
        way = "fast" if figure.value > 0 else "slow"
        texts.append(
            f"{board}: its clock is {abs(figure.value) / 1e4:.3g} % {way} against this "
            "computer's, and so is every time measured on it."
        )
    return texts
