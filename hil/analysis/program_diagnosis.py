"""What is wrong with a user's own program, told from a capture of it: one sentence for each fault.

Each :class:`Finding` names what was seen, and what to do about it. Nothing is excused by one: the
figures are judged all the same.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.activation_rhythm import find_rhythm, find_second_rate
from hil.model.units import format_digits, format_period_us, in_decimal_unit
from hil.model.user_programs import ProgramOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.analysis.activation_rhythm import Rhythm
    from hil.model.captures import Capture, Track

_OFF = 0.1
"""A period that is off by less than this share is drift, which has a figure of its own."""
_OFF_GRID, _ONE_PERIOD = 0.25, 0.02
_MULTIPLES = range(2, 11)
_STOPPED_PERIODS, _STOPPED_SHARE = 5, 0.05
_SHORTEST_US = 1000.0
_LINES_A_SECOND, _FEW_LINES = 5.0, 20
_LATENESS = "lateness_"
_COUNTS = ("missed", "miss", "extra")
_PERIOD = ("period_mean_us", "schedule_drift_ppm", *_COUNTS)


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of a program. ``metrics`` are the beginnings of the names of figures it spoils."""

    kind: str
    task: int | None
    text: str
    metrics: tuple[str, ...] = ()


def diagnose_program(capture: Capture) -> list[Finding]:
    """Every fault that a capture shows; none for a capture that is not of a user's own program.

    Of several windows each is looked at; what only some of them show says of how many.
    """
    windows = capture.windows or (capture,)
    seen: dict[tuple[str, int | None], Finding] = {}
    counts: Counter[tuple[str, int | None]] = Counter()
    for window in windows:
        for finding in _findings(window):
            key = (finding.kind, finding.task)
            seen.setdefault(key, finding)
            counts[key] += 1
    return [
        finding
        if counts[key] == len(windows)
        else Finding(
            finding.kind,
            finding.task,
            f"{finding.text} ({counts[key]} of {len(windows)} windows)",
            finding.metrics,
        )
        for key, finding in seen.items()
    ]


def _findings(capture: Capture) -> Iterator[Finding]:
    program = ProgramOptions.of_plan(capture.plan)
    if program is None:
        return
    stopped = False
    for track in capture.tracks:
        rhythm = find_rhythm(track.whole_us)
        yield from _rhythm(capture, program, track, rhythm)
        yield from _first_activation(track)
        yield from _asked_again(capture, track)
        yield from _no_room(track)
        for finding in _stopped(capture, program, track, rhythm):
            stopped = True
            yield finding
    yield from _returned(capture, stopped)
    if program.unkept_timers and not stopped:
        yield Finding(
            "unkept timer",
            None,
            f"{_lines(program.unkept_timers)} no reference to its Timer; on some boards (RP2) such "
            "a timer stops when memory is collected: write `timer = Timer(-1)`",
        )
    yield from _prints(capture)


def _rhythm(
    capture: Capture, program: ProgramOptions, track: Track, rhythm: Rhythm | None
) -> Iterator[Finding]:
    period_us = track.period_us
    unsaid = program.periods_from == "profile"
    intended = f"{format_period_us(period_us)} intended"
    if rhythm is not None and rhythm.size > 1:
        off = "" if _same(rhythm.interval_us, period_us) else f", {intended}"
        stalls = _same(rhythm.interval_us, rhythm.size * period_us)
        catches_up = "; or does it stall and then catch up?" if stalls else ""
        text = (
            f"is stamped {rhythm.size} times within {_time((rhythm.size - 1) * rhythm.apart_us)} "
            f"every {_time(rhythm.interval_us)}{off}; call stamp() once an activation"
            f"{_second_task(capture)}{catches_up}"
        )
        yield Finding("groups", track.index, text, _PERIOD)
        return
    mixed = rhythm is not None and not rhythm.is_even
    second_us = find_second_rate(track.whole_us, period_us) if mixed else None
    if second_us is not None:
        header = f"{_ms(period_us)},{_ms(second_us)}"
        text = (
            f"has activations every {_time(period_us)} and others every {_time(second_us)}: do two "
            f"tasks call stamp()? mark the second by stamps[1]() and write "
            f"`# hil: period_ms={header}`"
        )
        yield Finding("two rates", track.index, text, _PERIOD)
        return
    if rhythm is not None and _is_other_period(rhythm, period_us):
        text = f"comes every {_time(rhythm.interval_us)}, {intended}"
        yield Finding(
            "period", track.index, text + _other_period(capture, program, track, rhythm), _PERIOD
        )
    elif unsaid:
        text = (
            f"the program does not say its period, the run's {format_period_us(period_us)} was "
            f"taken; write `# hil: period_ms={_ms(period_us)}` into its first line"
        )
        yield Finding("no header", track.index, text, ("period_mean_us",))


def _is_other_period(rhythm: Rhythm, period_us: float) -> bool:
    """Whether both the usual interval and the rate are off, to the same side.

    Bursts that catch up have short intervals at the intended rate.
    """
    usual, mean = rhythm.interval_us / period_us, rhythm.mean_us / period_us
    return (usual > 1 + _OFF and mean > 1 + _OFF) or (usual < 1 - _OFF and mean < 1 - _OFF)


def _second_task(capture: Capture) -> str:
    return ", and stamps[1]() in a second task" if len(capture.plan.tasks) == 1 else ""


def _other_period(capture: Capture, program: ProgramOptions, track: Track, rhythm: Rhythm) -> str:
    """What to do about an interval that is not the period."""
    interval_us, period_us = rhythm.interval_us, track.period_us
    if interval_us < _SHORTEST_US:
        return "; a period of less than 1 ms is not measured"
    periods = [
        (f"{task.name}:" if task.name else "")
        + _ms(interval_us if task.index == track.index else task.period_us)
        for task in capture.plan.tasks
    ]
    header = f"`# hil: period_ms={','.join(periods)}`"
    if program.periods_from == "profile":
        return f"; is {header} missing?"
    if program.periods_from == "option":
        return f"; should it be --hil-period-ms={periods[0]}?"
    for many in _MULTIPLES:
        if _same(many * interval_us, period_us):
            return (
                f": {many} activations a period; call stamp() once an activation, or write {header}"
            )
        if _same(interval_us, many * period_us):
            return f": one of {many} releases has an activation; if that is meant, write {header}"
    return f"; if that is meant, write {header}"


def _first_activation(track: Track) -> Iterator[Finding]:
    if track.from_first:
        return
    if not track.stamps_us.size:
        text = "was asked for, and no activation of it was marked in the whole window"
        yield Finding("never marked", track.index, text, _COUNTS)
        return
    period_us = track.period_us
    since_us = (track.stamps_us - track.origin_us).astype(np.float64)
    first_us = float(since_us[0])
    if abs(first_us) < _OFF_GRID * period_us:
        return
    where = "after" if first_us > 0 else "before"
    text = f"the first activation came {_time(abs(first_us))} {where} the moment that asked() names"
    turns = np.exp(2j * np.pi * (since_us - first_us) / period_us)
    if np.mean(turns).real > np.cos(2 * np.pi * 0.05):
        text += ", and the others keep that distance to the grid"
    if abs(first_us / period_us - 1.0) < _ONE_PERIOD:
        call = f"asked({_key(track)}, {period_us:_.0f})"
        text += f"; a timer fires first after one period, {call} says so"
    else:
        text += (
            "; if it is not late, call asked() right before the schedule begins, with the time to "
            "the first activation in microseconds"
        )
    yield Finding("first off grid", track.index, text, (_LATENESS, *_COUNTS))


def _asked_again(capture: Capture, track: Track) -> Iterator[Finding]:
    more = capture.counters.get(f"asked_again.{track.index}", 0)
    if more > 0:
        text = f"asked() was called {more + 1} times; the first call counts, so call it once"
        yield Finding("asked again", track.index, text, (_LATENESS,))


def _no_room(track: Track) -> Iterator[Finding]:
    if track.dropped:
        text = (
            f"{track.dropped} stamps found no room beside the {track.stamps_us.size} that are "
            "stored; use a shorter --hil-duration-s, or the true period"
        )
        yield Finding("no room", track.index, text, ("dropped", *_COUNTS))


def _stopped(
    capture: Capture, program: ProgramOptions, track: Track, rhythm: Rhythm | None
) -> Iterator[Finding]:
    """Activations that end long before the window does."""
    stamps = track.stamps_us
    if not stamps.size or track.dropped or track.gaps:
        return
    left_us = float(track.end_us - stamps[-1])
    usual_us = max(track.period_us, rhythm.interval_us if rhythm else 0.0)
    window_us = float(capture.plan.duration_us)
    if left_us < max(_STOPPED_PERIODS * usual_us, _STOPPED_SHARE * window_us):
        return
    text = f"its activations stop {_time(left_us)} before the window's end"
    ended_ms = capture.counters.get("program_ended_ms")
    if ended_ms is not None and left_us >= window_us - 1000.0 * ended_ms - 2 * usual_us:
        when = f"after {_time(1000.0 * ended_ms)}" if ended_ms else "at once"
        text += (
            f": the program ended {when} and left nothing running that calls stamp(); let it go on "
            "(`while True:`), or use a shorter --hil-duration-s"
        )
    elif program.unkept_timers:
        text += (
            f": {_lines(program.unkept_timers)} no reference to its Timer, which stops when memory "
            "is collected; keep one, `timer = Timer(-1)`"
        )
    elif program.uses_timer:
        text += (
            "; if a Timer drives them, was it stopped, or collected because nothing refers to it? "
            "keep a reference in a global name, `timer = Timer(-1)`"
        )
    else:
        text += " and the program went on: look for a task that ended or waits for ever"
    yield Finding("stopped", track.index, text, (*_COUNTS, _LATENESS))


def _returned(capture: Capture, stopped: bool) -> Iterator[Finding]:
    ended_ms = capture.counters.get("program_ended_ms")
    if ended_ms is None or stopped:
        return
    window = _time(float(capture.plan.duration_us))
    when = f"after {_time(1000.0 * ended_ms)} of {window}" if ended_ms else "at once"
    text = (
        f"the program ended {when}; what it left running went on, and was measured, to the "
        "window's end"
    )
    yield Finding("returned", None, text)


def _prints(capture: Capture) -> Iterator[Finding]:
    lines = len(capture.log)
    seconds = capture.plan.duration_us / 1e6
    if lines > max(_FEW_LINES, _LINES_A_SECOND * seconds):
        text = (
            f"it printed {lines} lines in {_time(capture.plan.duration_us)}; each takes time on "
            "the way to the host, which is in these figures: measure without print() too"
        )
        yield Finding("prints", None, text, (_LATENESS,))


def _lines(numbers: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, numbers))
    return f"line {shown} keeps" if len(numbers) == 1 else f"lines {shown} keep"


def _key(track: Track) -> str:
    """How the program names the task: by its name, or its number."""
    return f'"{track.name}"' if track.name else str(track.index)


def _same(one_us: float, other_us: float) -> bool:
    return abs(one_us / other_us - 1.0) <= _OFF


def _time(us: float) -> str:
    value, unit = in_decimal_unit(us, us)
    return f"{format_digits(value)} {unit}"


def _ms(us: float) -> str:
    return f"{float(f'{us / 1000:.3g}'):g}"
