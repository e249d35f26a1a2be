"""A run's results and captures made into what is kept of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

from hil.analysis.activations import Activations, assign, lateness_us, latest_releases
from hil.analysis.calibration import Instrument, instrument
from hil.analysis.evidence import stretches_of
from hil.history.kept import KeptBoard, KeptCase, KeptRun, KeptStamps, RunVerdict, StampKind
from hil.history.packing import FORMAT, pack_stamps, pack_values
from hil.metrics import NAIVE_METHODS, NAIVE_TECHNIQUES
from hil.records import BoardIdentity, Capture, EventSet, Measurement, Track
from hil.results import Results


def keep_run(
    results: Results,
    captures: Sequence[Capture],
    *,
    revision: str | None = None,
    modified: bool | None = None,
) -> KeptRun:
    """What is kept of a run; a capture whose case is an error leaves no stamps."""
    void = {(one.board, one.technique, one.load) for one in results.errors}
    by_case = {
        (one.board.name, one.plan.technique, one.plan.load): one
        for one in captures
        if (one.board.name, one.plan.technique, one.plan.load) not in void
    }
    figures: dict[tuple[str, str, str], list[Measurement]] = {key: [] for key in by_case}
    for one in results.measurements:
        figures.setdefault((one.board, one.technique, one.load), []).append(one)
    # of a replayed run the captures still say what the board was
    boards: dict[str, BoardIdentity] = {one.board.name: one.board for one in captures}
    for board in results.boards:
        boards.setdefault(board.name, board)
    cases: dict[str, list[KeptCase]] = {name: [] for name in boards}
    for key, mine in figures.items():
        if key[0] in cases:
            cases[key[0]].append(_case(key, mine, by_case.get(key)))
    kept = tuple(KeptBoard(board, tuple(cases[name])) for name, board in boards.items())
    return KeptRun(
        info=results.run,
        fingerprint=_fingerprint(results, kept),
        verdict=_verdict(results),
        boards=kept,
        skipped=results.skipped,
        errors=results.errors,
        revision=revision,
        modified=modified,
    )


def _verdict(results: Results) -> RunVerdict:
    verdicts = {one.verdict for one in results.measurements}
    if results.errors:
        return "error"
    return "fail" if "fail" in verdicts else "pass" if "pass" in verdicts else "none"


def _fingerprint(results: Results, boards: Iterable[KeptBoard]) -> str:
    """The same for the same stamps, however and by which budgets they are looked at."""
    digest = hashlib.sha256()
    some = False
    for board in boards:
        for case in sorted(board.cases, key=lambda one: (one.technique, one.load)):
            for one in case.stamps:
                name = (board.key, case.technique, case.load, one.kind, one.task, one.method)
                digest.update(repr(name).encode("utf-8", "replace"))
                digest.update(one.data)
                some = True
    if not some:
        digest.update(f"{results.run.id} {results.run.started_utc}".encode("utf-8", "replace"))
    return digest.hexdigest()


def _case(
    key: tuple[str, str, str], figures: Sequence[Measurement], capture: Capture | None
) -> KeptCase:
    if capture is None:
        return KeptCase(key[1], key[2], None, None, tuple(figures))
    periods = ",".join(str(task.period_us) for task in capture.plan.tasks)
    return KeptCase(
        key[1], key[2], capture.plan.duration_us, periods, tuple(figures), _stamps(capture)
    )


def _stamps(capture: Capture) -> tuple[KeptStamps, ...]:
    tools = instrument(capture)
    technique = capture.plan.technique
    kept = [_track("task", None, track, technique, tools) for track in capture.tracks]
    for one in capture.series:
        track = one.track
        if one.method not in NAIVE_METHODS and technique not in NAIVE_TECHNIQUES and not track.gaps:
            index = latest_releases(track)
        else:
            index = assign(track, technique).index
        kept.append(_track("series", one.method, track, technique, tools, index))
    return (*kept, *(_events(one, tools) for one in capture.events))


def _track(
    kind: StampKind,
    method: str | None,
    track: Track,
    technique: str,
    tools: Instrument,
    index: np.ndarray[tuple[int], np.dtype[np.int64]] | None = None,
) -> KeptStamps:
    act = assign(track, technique)
    held = act.index if index is None else index
    data, kept = pack_stamps(track.stamps_us - track.origin_us, held, act.joined, act.period_us)
    return KeptStamps(
        kind=kind,
        task=track.index,
        method=method,
        period_us=act.period_us,
        cost_us=tools.read_cost_us,
        step_us=tools.tick_us,
        taken=act.n,
        kept=kept,
        counts=_stretches(act) if index is None else {},
        format=FORMAT,
        data=data,
    )


def _stretches(act: Activations) -> dict[str, int]:
    """In how many separate stretches activations were missed, late or dropped."""
    if act.n == 0:
        return {"missed": min(act.missed, 1), "overruns": 0, "dropped": min(act.dropped, 1)}
    index, joined = act.index, act.joined
    holes = int(np.count_nonzero((np.diff(index) > 1) & joined))
    ends = int(index[0] > 0) + int((index[-1] + 1) * act.period_us < act.window_us)
    return {
        "missed": min(act.missed, max(1, holes + ends)) if act.missed else 0,
        "overruns": stretches_of(lateness_us(act) >= act.period_us),
        "dropped": int(np.count_nonzero(~joined)) + min(act.dropped, 1),
    }


def _events(events: EventSet, tools: Instrument) -> KeptStamps:
    data, kept = pack_values(events.handler_us - events.stimulus_us)
    return KeptStamps(
        kind=events.stage,
        task=None,
        method=events.method,
        period_us=0.0,
        cost_us=tools.stamp_cost_us if events.stamped else 0.0,
        step_us=tools.tick_us,
        taken=int(events.handler_us.size),
        kept=kept,
        counts={},
        format=FORMAT,
        data=data,
    )
