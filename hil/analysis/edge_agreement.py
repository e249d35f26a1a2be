"""Board says, pin says: whether the figures of both agree, and what an alignment is in results."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.metric_sheet import WANDERS
from hil.analysis.odd_clock import Rate, board_by_instrument, instrument_by_host, odd_clock
from hil.analysis.stability import AVERAGING_S
from hil.model.captures import BOARD_SOURCE
from hil.model.metrics import metric_or_unknown
from hil.model.results import (
    Agreement,
    EdgeComparison,
    Notice,
    WindowAlignment,
    case_key,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hil.analysis.clock import Instrument
    from hil.analysis.edge_alignment import Alignment
    from hil.analysis.edge_tracks import AlignedWindow
    from hil.analysis.odd_clock import OddClock
    from hil.model.captures import Capture
    from hil.model.results import Measurement

_NEED_NOT_AGREE = frozenset(("overruns", "earliness_p99_us", "dropped", "clock_skew_ppm"))
"""Figures that the pin makes later, which lateness tells already; losses, of which each has its
own; and the rate of the board's clock, which is against another clock for each."""
_VARIES = {
    **{"period_jitter_rms_us": 1.0, "period_jitter_pp_us": 2.0, "c2c_jitter_": 2.0},
    **{"tie_": 1.0, "mtie_": 1.0, "tdev_": math.sqrt(2.0 / 3.0)},
    **{f"adev_{name}": math.sqrt(2.0) * 1e-6 / seconds for seconds, name in AVERAGING_S.items()},
}
"""Beginnings of the names of jitter, and by how many times the variation of the pin's delay board
and pin may differ: by the triangle inequality as much as the jitter of the delay alone could be."""
_DELAYS = ("pin_delay_min_us", "pin_delay_us", "pin_delay_max_us")
_Key = tuple[int | None, str, str | None]
_NAMED = 2
_MOST_OF_THEM = 0.9
"""An instrument that saw fewer of the activations, whole windows less, tells of others."""


def compare_edges(
    capture: Capture,
    windows: Sequence[AlignedWindow],
    measurements: Sequence[Measurement],
    tools: Instrument,
) -> EdgeComparison:
    """The record of one instrument: its alignments, and its figures against the board's.

    ``windows`` are the instrument's, at least one; ``measurements`` all figures of the case.
    """
    instrument = windows[0].recording.instrument
    usable = [aligned.alignment for aligned in windows if aligned.usable]
    first = usable[0] if usable else windows[0].alignment
    matched = sum(alignment.matched for alignment in usable)
    odd = _odd_clock(windows, measurements)
    squares = sum(alignment.matched * alignment.residual_us**2 for alignment in usable)
    return EdgeComparison(
        *capture.case,
        instrument=instrument,
        offset_us=first.offset_us,
        ppm=float(np.mean([alignment.ppm for alignment in usable])) if usable else 0.0,
        matched=matched,
        unmatched=sum(alignment.unmatched for alignment in usable),
        residual_us=math.sqrt(squares / matched) if matched else 0.0,
        verdict=first.verdict,
        windows=tuple(_window(aligned.number + 1, aligned.alignment) for aligned in windows),
        agreements=tuple(_agreements(measurements, instrument, tools)),
        odd_clock=odd.clock,
        clocks=odd.text if odd.differ else "",
    )


def _odd_clock(windows: Sequence[AlignedWindow], measurements: Sequence[Measurement]) -> OddClock:
    """Which of board, host and instrument has the wrong rate, by what is known of each pair."""
    by_host = next(
        (
            Rate(figure.value, figure.lo, figure.hi)
            for figure in measurements
            if figure.by_board
            and figure.metric == "clock_skew_ppm"
            and figure.lo is not None
            and figure.hi is not None
        ),
        None,
    )
    return odd_clock(
        by_host,
        board_by_instrument([aligned.alignment for aligned in windows]),
        instrument_by_host([aligned.recording for aligned in windows]),
    )


def _window(number: int, alignment: Alignment) -> WindowAlignment:
    return WindowAlignment(
        window=number,
        verdict=alignment.verdict,
        reason=alignment.reason,
        offset_us=alignment.offset_us,
        offset_lo_us=_finite(alignment.offset_lo_us),
        offset_hi_us=_finite(alignment.offset_hi_us),
        ppm=alignment.ppm,
        ppm_lo=_finite(alignment.ppm_lo),
        ppm_hi=_finite(alignment.ppm_hi),
        matched=alignment.matched,
        unmatched=alignment.unmatched,
        residual_us=alignment.residual_us,
        findings=alignment.findings,
    )


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _agreements(
    measurements: Sequence[Measurement], instrument: str, tools: Instrument
) -> Iterator[Agreement]:
    by_source: dict[str, dict[_Key, Measurement]] = {BOARD_SOURCE: {}, instrument: {}}
    for figure in measurements:
        if figure.source in by_source:
            by_source[figure.source][figure.task, figure.metric, figure.method] = figure
    pins = by_source[instrument]
    for key, board in by_source[BOARD_SOURCE].items():
        pin = pins.get(key)
        metric = metric_or_unknown(board.metric, board.unit)
        if pin is None or pin.n < _MOST_OF_THEM * board.n:
            continue
        if metric.compared == "no" or board.metric in _NEED_NOT_AGREE:
            continue
        between = _between_us(pins, board, tools)
        if between is None or WANDERS in (board.no_bounds, pin.no_bounds):
            continue  # what wanders is about a line of its own for each
        if (agreement := _agreement(board, pin, between)) is not None:
            yield agreement


def _agreement(
    board: Measurement, pin: Measurement, between: tuple[float, float, float]
) -> Agreement | None:
    """Whether two figures agree; ``None`` where neither end of the difference is known."""
    low, middle, high = between
    (board_lo, board_hi), (pin_lo, pin_hi) = _ends(board), _ends(pin)
    lo = None if pin_lo is None or board_hi is None else pin_lo - board_hi - high
    hi = None if pin_hi is None or board_lo is None else pin_hi - board_lo - low
    if lo is None and hi is None:
        return None
    apart = (lo is not None and lo > 0.0) or (hi is not None and hi < 0.0)
    return Agreement(
        task=board.task,
        metric=board.metric,
        unit=board.unit,
        board=board.value,
        pin=pin.value,
        difference=pin.value - board.value - middle,
        lo=lo,
        hi=hi,
        verdict="disagree" if apart else "agree",
        method=board.method,
    )


def _ends(figure: Measurement) -> tuple[float | None, float | None]:
    """Both ends of a figure, ``None`` for one that it has not.

    Of an extreme, whose one end is open, what was seen is known as far on either side as its
    systematic parts reach: board and pin saw the same activations.
    """
    if metric_or_unknown(figure.metric, figure.unit).bounds != "tolerance":
        return figure.lo, figure.hi
    end = figure.hi if figure.lo is None else figure.lo
    if end is None:
        return None, None
    reach = math.sqrt(3.0) * sum(p.us or 0.0 for p in figure.uncertainty if p.type == "B")
    reach = max(reach, abs(figure.value - end))
    return figure.value - reach, figure.value + reach


def _between_us(
    pins: dict[_Key, Measurement], board: Measurement, tools: Instrument
) -> tuple[float, float, float] | None:
    """By how much the pin's figure is the greater one: least, typical and most.

    A lateness is greater by the pin's delay from its stamp on, half a step that the stamp is behind
    in the mean, and the cost of the clock read, which was taken off the board's. Jitter may differ
    by what the delay varies. ``None`` where no delay is known.
    """
    late = board.metric.startswith("lateness_")
    times = next((n for stem, n in _VARIES.items() if board.metric.startswith(stem)), 0.0)
    if not late and not times:
        return 0.0, 0.0, 0.0
    least, typical, most = (pins.get((board.task, metric, None)) for metric in _DELAYS)
    if least is None or typical is None or most is None:
        return None
    if not late:
        reach = times * (most.value - least.value)
        return -reach, 0.0, reach
    ends = [end for delay in (least, typical, most) for end in _ends(delay) if end is not None]
    own_us = tools.tick_us / 2.0 + tools.read_cost_us
    return min(ends) + own_us, typical.value + own_us, max(ends) + own_us


def edge_notices(comparison: EdgeComparison) -> Iterator[Notice]:
    """What a reader must know: windows without figures, and where board and pin disagree."""
    case = case_key(comparison)
    if (text := unusable_windows(comparison)) is not None:
        yield Notice(*case, None, text)
    if comparison.clocks:
        yield Notice(*case, None, comparison.clocks)
    for task in dict.fromkeys(each.task for each in comparison.agreements):
        if (text := disagreement(comparison, task)) is not None:
            yield Notice(*case, task, text)


def disagreement(comparison: EdgeComparison, task: int | None) -> str | None:
    """A sentence on what board and pin disagree about of one task, or of the whole case."""
    apart = [
        each for each in comparison.agreements if each.task == task and each.verdict == "disagree"
    ]
    if not apart:
        return None
    named = ", ".join(
        f"{each.metric}{f' ({each.method})' if each.method else ''} is {each.board:.6g} {each.unit}"
        f" by its stamps and {each.pin:.6g} {each.unit} on the pin"
        for each in apart[:_NAMED]
    )
    more = len(apart) - _NAMED
    rest = f", and {more} more figure{'s' if more > 1 else ''}" if more > 0 else ""
    return (
        f"the board and {comparison.instrument} disagree beyond the bounds of both: {named}{rest}; "
        "the pin is what the world sees"
    )


def unusable_windows(comparison: EdgeComparison) -> str | None:
    """A sentence on the windows whose edges give no figures."""
    lacking = [window for window in comparison.windows if not window.aligned]
    if not lacking:
        return None
    if len(comparison.windows) == 1:
        where = "the window"
    else:
        numbers = ", ".join(str(window.window) for window in lacking)
        where = f"window{'s' if len(lacking) > 1 else ''} {numbers} of {len(comparison.windows)}"
    reasons = "; ".join(dict.fromkeys(window.reason or window.verdict for window in lacking))
    return f"no figures by {comparison.instrument} of {where}: {reasons}"
