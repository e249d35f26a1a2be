"""The records that the history stores of a run, made from its results and captures.

They are what the database stores and what a comparison reads; no database is needed for them.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from hil.analysis.activations import activations_of, lateness_us
from hil.analysis.clock import instrument
from hil.analysis.comparison_scale import stretches_of
from hil.analysis.stamp_costs import taken_off
from hil.history.stamp_packing import FORMAT, pack_stamps, pack_values
from hil.model.board import SOURCES, board_key, board_settings, firmware_line
from hil.model.verdicts import run_verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hil.analysis.activations import Activations
    from hil.analysis.clock import Instrument
    from hil.model.board import BoardIdentity
    from hil.model.captures import Capture, EventSet
    from hil.model.results import ErrorRecord, Measurement, Results, RunInfo, Skip
    from hil.model.verdicts import RunVerdict

StampKind = Literal["task", "series", "isr", "defer"]


@dataclass(frozen=True, slots=True)
class HistoryStamps:
    """One task's, series' or event set's stamps, packed; ``stored`` of the ``taken`` are in it.

    ``cost_us`` is what is taken off each lateness or latency, ``counts`` in how many separate
    stretches a count of this task came, by metric.
    """

    kind: StampKind
    task: int | None
    method: str | None
    period_us: float
    cost_us: float
    step_us: float
    taken: int
    stored: int
    counts: Mapping[str, int]
    format: int
    data: bytes


@dataclass(frozen=True, slots=True)
class HistoryCase:
    """One technique under one load; without a capture it has no window and no stamps.

    ``duration_us`` is that of all ``windows`` together.
    """

    technique: str
    load: str
    duration_us: int | None
    periods: str | None
    measurements: tuple[Measurement, ...]
    stamps: tuple[HistoryStamps, ...] = ()
    windows: int = 1


def describe_plan(duration_us: float | None, periods: str | None, windows: int | None) -> str:
    """How a case was measured, in words: what runs must share to be compared."""
    if duration_us is None:
        return "no capture"
    wanted = ", ".join(
        f"{float(period) / 1000:g}" for period in (periods or "").split(",") if period
    )
    count = windows or 1
    window = "window" if count == 1 else f"{count} windows of"
    return f"{window} {duration_us / count / 1e6:.4g} s, period {wanted or 'none'} ms"


@dataclass(frozen=True, slots=True)
class HistoryBoard:
    """A board in one run, with its cases."""

    identity: BoardIdentity
    cases: tuple[HistoryCase, ...]
    stored_key: str = ""
    """The key that it has in this run, where that is not the usual one."""

    @property
    def key(self) -> str:
        """What the board is known by in every run; see :func:`board_key`."""
        return self.stored_key or board_key(self.identity)

    @property
    def firmware(self) -> str:
        """The firmware line; see :func:`firmware_line`."""
        return firmware_line(self.identity.micropython)


@dataclass(frozen=True, slots=True)
class HistoryRun:
    """A run as the history holds it; ``revision`` is the git commit that was measured from.

    ``clock_wrong`` says that its start is known to be wrong, so that it stands as it was stored.
    """

    info: RunInfo
    fingerprint: str
    verdict: RunVerdict
    boards: tuple[HistoryBoard, ...]
    skipped: tuple[Skip, ...] = ()
    errors: tuple[ErrorRecord, ...] = ()
    revision: str | None = None
    modified: bool | None = None
    clock_wrong: bool = False


def make_history_run(
    results: Results,
    captures: Sequence[Capture],
    *,
    revision: str | None = None,
    modified: bool | None = None,
) -> HistoryRun:
    """The stored record of a run; a capture whose case is an error leaves no stamps."""
    failed = {(error.board, error.technique, error.load) for error in results.errors}
    by_case = {
        (capture.board.name, capture.plan.technique, capture.plan.load): capture
        for capture in captures
        if (capture.board.name, capture.plan.technique, capture.plan.load) not in failed
    }
    figures: dict[tuple[str, str, str], list[Measurement]] = {key: [] for key in by_case}
    for measurement in results.measurements:
        figures.setdefault((measurement.board, measurement.technique, measurement.load), []).append(
            measurement
        )
    # of a replayed run the captures still say what the board was
    boards: dict[str, BoardIdentity] = {capture.board.name: capture.board for capture in captures}
    for board in results.boards:
        boards.setdefault(board.name, board)
    cases: dict[str, list[HistoryCase]] = {name: [] for name in boards}
    for key, measurements in figures.items():
        if key[0] in cases:
            cases[key[0]].append(_case(key, measurements, by_case.get(key)))
    keys = Counter(map(board_key, boards.values()))
    stored_boards = tuple(
        HistoryBoard(board, tuple(cases[name]), _key_in_run(board, keys))
        for name, board in boards.items()
    )
    return HistoryRun(
        info=results.run,
        fingerprint=_fingerprint(results, stored_boards),
        verdict=run_verdict(results),
        boards=stored_boards,
        skipped=results.skipped,
        errors=results.errors,
        revision=revision,
        modified=modified,
    )


def _key_in_run(board: BoardIdentity, keys: Mapping[str, int]) -> str:
    """The name of one of several programs that stand side by side in a run; else empty."""
    key = board_key(board)
    return board.name[:400] if keys[key] > 1 and key != board.unique_id else ""


def _fingerprint(results: Results, boards: Iterable[HistoryBoard]) -> str:
    """The same for the same stamps, however and by which budgets they are looked at."""
    digest = hashlib.sha256()
    some = False
    for board in boards:
        for case in sorted(board.cases, key=lambda case: (case.technique, case.load)):
            for stamps in case.stamps:
                identity = board.identity
                own_id = identity.unique_id if SOURCES[identity.source].own_id else None
                name = (
                    (own_id or identity.name)[:400],
                    case.technique,
                    case.load,
                    stamps.kind,
                    stamps.task,
                    stamps.method,
                )
                digest.update(repr(name).encode("utf-8", "replace"))
                digest.update(stamps.data)
                some = True
    if not some:
        digest.update(f"{results.run.id} {results.run.started_utc}".encode("utf-8", "replace"))
    return digest.hexdigest()


def _case(
    key: tuple[str, str, str], figures: Sequence[Measurement], capture: Capture | None
) -> HistoryCase:
    if capture is None:
        return HistoryCase(key[1], key[2], None, None, tuple(figures))
    periods = ",".join(str(task.period_us) for task in capture.plan.tasks)
    return HistoryCase(
        key[1],
        key[2],
        capture.plan.duration_us,
        periods,
        tuple(figures),
        _stamps(capture),
        max(1, len(capture.windows)),
    )


def _stamps(capture: Capture) -> tuple[HistoryStamps, ...]:
    tools = instrument(capture)
    stamps = [_track("task", None, activations_of(capture, t), tools) for t in capture.tracks]
    for series in capture.series:
        activations = activations_of(capture, series.track, series.method)
        stamps.append(_track("series", series.method, activations, tools))
    return (*stamps, *(_events(events, tools) for events in capture.events))


def _track(
    kind: StampKind, method: str | None, activations: Activations, tools: Instrument
) -> HistoryStamps:
    track = activations.track
    answering = np.delete(track.whole_us, activations.extra) - track.origin_us
    data, stored = pack_stamps(
        answering,
        activations.index,
        activations.joined,
        activations.period_us,
        activations.window_starts.tolist(),
    )
    return HistoryStamps(
        kind=kind,
        task=track.index,
        method=method,
        period_us=activations.period_us,
        cost_us=tools.read_cost_us,
        step_us=tools.tick_us,
        taken=activations.n,
        stored=stored,
        counts=_stretches(activations) if kind == "task" else {},
        format=FORMAT,
        data=data,
    )


def _stretches(activations: Activations) -> dict[str, int]:
    """In how many separate stretches activations were missed, late, dropped or extra."""
    if activations.n == 0:
        return {
            "missed": min(activations.missed, 1),
            "overruns": 0,
            "dropped": min(activations.dropped, 1),
            "extra": min(int(activations.extra.size), 1),
        }
    index, joined = activations.index, activations.joined
    holes = int(np.count_nonzero((np.diff(index) > 1) & joined))
    ends = 0
    for window in activations.windows:
        if window.start < window.stop:
            answered_us = (window.last + 1) * activations.period_us
            ends += int(index[window.start] > window.first) + int(answered_us < window.end_us)
    lost = ~joined
    lost[activations.window_starts - 1] = False
    return {
        "missed": min(activations.missed, max(1, holes + ends)) if activations.missed else 0,
        "overruns": stretches_of(lateness_us(activations) >= activations.period_us),
        "dropped": int(np.count_nonzero(lost)) + min(activations.dropped, 1),
        "extra": int(np.count_nonzero(np.diff(activations.extra, prepend=-2) > 1)),
    }


def _events(events: EventSet, tools: Instrument) -> HistoryStamps:
    data, stored = pack_values(events.handler_us - events.stimulus_us)
    return HistoryStamps(
        kind=events.stage,
        task=None,
        method=events.method,
        period_us=0.0,
        cost_us=taken_off(events, tools.costs, tools.stamp_cost_us).us,
        step_us=tools.tick_us,
        taken=int(events.handler_us.size),
        stored=stored,
        counts={},
        format=FORMAT,
        data=data,
    )


def settings_differ(earlier: Iterable[HistoryBoard], board: HistoryBoard) -> list[str]:
    """In words, that a board was set up otherwise in earlier runs; empty where it was not."""
    now = board_settings(board.identity)
    then = dict.fromkeys(board_settings(old.identity) for old in earlier)
    if all(settings == now for settings in then):
        return []
    told = " and ".join(settings or "none" for settings in then)
    return [f"the knobs of {board.key} differ: {told} then, {now or 'none'} now"]


def pair_boards(
    before: HistoryRun, after: HistoryRun
) -> tuple[list[tuple[HistoryBoard, HistoryBoard]], str]:
    """Boards that belong together, and in words what is not the same about them."""
    pairs = []
    for new in after.boards:
        same = [old for old in before.boards if (old.key, old.firmware) == (new.key, new.firmware)]
        if same:
            pairs.append((same[0], new))
    if pairs:
        told = [text for old, new in pairs for text in settings_differ([old], new)]
        return pairs, "; ".join(dict.fromkeys(told))
    for new in after.boards:
        same = [old for old in before.boards if old.key == new.key]
        if same:
            pairs.append((same[0], new))
    if not pairs:
        pairs = list(zip(before.boards, after.boards, strict=False))
    differs: list[str] = []
    for old, new in pairs:
        if old.key != new.key:
            differs.append(f"board {old.identity.name} then, {new.identity.name} now")
        else:
            differs += settings_differ([old], new)
        if old.firmware != new.firmware:
            differs.append(f"MicroPython {old.firmware} then, {new.firmware} now")
    return pairs, "; ".join(dict.fromkeys(differs))
