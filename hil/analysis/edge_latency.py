"""True interrupt latency: from the edge of the stimulus, as an instrument saw it.

Two ends of it. ``METHOD`` is the board's own method: to the first statement of the handler, whose
stamp is moved to the instrument's time by the alignment. Within the call that reads the clock the
reading is taken anywhere: from none to all of it is taken off, and that is a part of Type B.
``METHOD/response`` is what the world sees: to the edge that the handler answers with, behind its
first stamp. Both edges are by the instrument's clock, and nothing is taken off.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.edge_pairing import pair_edges
from hil.analysis.latency import Latencies, add_latencies
from hil.analysis.metric_sheet import Bounds
from hil.analysis.uncertainty.budget import evenly
from hil.model.edges import LOOP_LINE, RESPONSE_LINE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.analysis.clock import Instrument
    from hil.analysis.edge_tracks import AlignedWindow
    from hil.analysis.metric_sheet import MetricSheet
    from hil.analysis.uncertainty.budget import Part
    from hil.model.captures import EventSet, FloatArray

RESPONSE = "response"
_ANSWERED_WITHIN_US = 100_000.0


@dataclass(frozen=True, slots=True)
class _Seen:
    """Events of one method in one window: both (n,) us, in board time.

    ``to_stamp`` is from the stimulus' edge to the handler's stamp, ``to_edge`` to the edge that it
    answers with; the latter is ``None`` where that line is not watched. ``unanswered`` edges of
    stimuli have no edge of an answer.
    """

    to_stamp: FloatArray
    to_edge: FloatArray | None
    unanswered: int


def measure_edge_latency(
    windows: Sequence[AlignedWindow], tools: Instrument, sheet: MetricSheet
) -> None:
    """Add the latencies of every kind of event that the ``windows`` of an instrument have."""
    by_method: dict[str, list[_Seen]] = {}
    for aligned in windows:
        for events in aligned.window.events:
            if events.stage == "isr" and events.between == "pin":
                seen = _see(aligned, events, tools.tick_us)
                if seen is not None:
                    by_method.setdefault(events.method, []).append(seen)
    if not by_method:
        return
    step_us = max(aligned.resolution_us for aligned in windows)
    offset_us = max(aligned.offset_error_us for aligned in windows)
    for method, parts in by_method.items():
        to_stamp = np.concatenate([part.to_stamp for part in parts])
        if to_stamp.size and math.isfinite(offset_us):
            off, systematic = _stamp_parts(tools, offset_us, step_us)
            reading_us = (tools.tick_us + step_us) / 2.0
            add_latencies(sheet, Latencies("isr", method, to_stamp - off, systematic, reading_us))
        answers = [part.to_edge for part in parts if part.to_edge is not None]
        if answers:
            _add_answers(sheet, f"{method}/{RESPONSE}", parts, answers, step_us)


def _add_answers(
    sheet: MetricSheet,
    method: str,
    parts: Sequence[_Seen],
    answers: Sequence[FloatArray],
    step_us: float,
) -> None:
    to_edge = np.concatenate(answers)
    unanswered = sum(part.unanswered for part in parts)
    total = int(to_edge.size) + unanswered
    note = "edges of stimuli without an edge of an answer; counted, exact for this window"
    ends = Bounds(float(unanswered), float(unanswered))
    sheet.add("missed", unanswered, total, ends, note=note, method=method)
    if to_edge.size:
        systematic = (evenly("instrument's sample period, two edges", step_us),)
        add_latencies(sheet, Latencies("isr", method, to_edge, systematic, step_us))


def _see(aligned: AlignedWindow, events: EventSet, tick_us: float) -> _Seen | None:
    """The events whose stimulus the instrument saw; ``None`` where it does not watch that line."""
    loop = aligned.recording.line(LOOP_LINE)
    if loop is None or not events.stimulus_us.size:
        return None
    rising = aligned.board_us(loop)[loop.levels == 1]
    slack_us = _slack_us(aligned, tick_us)
    pairs = pair_edges(events.stimulus_us, rising, slack_us, _ANSWERED_WITHIN_US)
    edges_us = rising[pairs.edges]
    to_stamp = events.handler_us[pairs.stamps] + tick_us / 2.0 - edges_us
    response = aligned.recording.line(RESPONSE_LINE)
    if response is None:
        return _Seen(to_stamp, None, 0)
    answers_us = aligned.board_us(response)
    following = np.append(answers_us, np.inf)[np.searchsorted(answers_us, edges_us)] - edges_us
    until_next = np.append(rising, np.inf)[pairs.edges + 1] - edges_us
    answered = following < np.minimum(until_next, _ANSWERED_WITHIN_US)
    unanswered = int(np.count_nonzero(~answered))
    return _Seen(to_stamp, following[answered], unanswered)


def _slack_us(aligned: AlignedWindow, tick_us: float) -> float:
    """How much before its stamp the edge of a stimulus may seem to be."""
    offset_us = aligned.offset_error_us
    return (offset_us if math.isfinite(offset_us) else 0.0) + aligned.resolution_us + tick_us


def _stamp_parts(
    tools: Instrument, offset_us: float, step_us: float
) -> tuple[float, tuple[Part, ...]]:
    """What is taken off from an edge to the handler's stamp, and the parts of the budget."""
    read = tools.costs.read
    whole_us = tools.stamp_cost_us if read is None else read.hi
    return whole_us / 2.0, (
        evenly("the reading's place in its call", whole_us / 2.0),
        evenly("offset of the instrument's time", offset_us),
        evenly("clock's step, one reading", tools.tick_us / 2.0),
        evenly("instrument's sample period", step_us / 2.0),
    )
