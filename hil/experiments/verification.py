"""A stored run held against its digests, and its figures against its captures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hil import __version__
from hil.agents.bundle import agents_folder
from hil.experiments.budget_files import budgets_of_run, default_budgets_path
from hil.experiments.evaluation import evaluate_run
from hil.experiments.kept_evidence import device_file_digests, package_versions
from hil.model.errors import CaptureError, ConfigurationError, HilError
from hil.model.results import case_key, staged_method
from hil.recording.run_evidence import (
    file_digest,
    hashed_files,
    path_in_run,
    read_evidence,
)
from hil.recording.run_folder import RunFolder, read_results
from hil.recording.stored_run import read_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from hil.model.results import Measurement, Results
    from hil.recording.run_evidence import Evidence
    from hil.recording.stored_run import StoredRun

FileState = Literal["same", "changed", "missing", "extra", "refused"]
NO_DIGESTS = (
    "results.json has no digests of its files: it was stored by an older version; nothing shows "
    "whether they are as they were (`hil report` makes digests of them as they are now)"
)
_TOLERANCE = 1e-9
"""How far figures may be apart, relatively, where something else computed them."""
_NUMBERS = ("value", "lo", "hi", "confidence", "n_effective", "budget", "where_us")


@dataclass(frozen=True, slots=True)
class FileCheck:
    """One file, and what came of it; ``detail`` says why it was refused."""

    name: str
    state: FileState
    detail: str = ""


@dataclass(frozen=True, slots=True)
class FigureDifference:
    """A figure of ``results.json`` beside what its capture gives, ``None`` where one is missing."""

    what: str
    stored: str | None
    computed: str | None
    small: bool = False
    """Within a billionth: another version of a package rounds otherwise."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What holds of a run: its files, its figures, and what differs about who computes them.

    ``problem`` says why there is nothing to hold against; ``notes`` what else a reader must know.
    """

    files: tuple[FileCheck, ...] = ()
    figures: int = 0
    differences: tuple[FigureDifference, ...] = ()
    other: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str = ""

    @property
    def bad_files(self) -> tuple[FileCheck, ...]:
        """Those that are not as they were."""
        return tuple(check for check in self.files if check.state != "same")

    @property
    def holds(self) -> bool:
        """Every file is as it was, and the figures follow from the captures.

        Where another version computes them (``other``) they may differ by a billionth.
        """
        allowed = all(difference.small for difference in self.differences) and bool(self.other)
        return not (self.problem or self.bad_files) and (not self.differences or allowed)


def verify_run(folder: Path) -> Verification:
    """Hold a run's folder against the digests in its ``results.json``, and compute it again.

    Raises :class:`~hil.model.errors.HilError` where there is no run to verify.
    """
    results = read_results(RunFolder(folder).results)
    if not results.run.hashes:
        return Verification(problem=NO_DIGESTS)
    files = tuple(_check_files(folder, results.run.hashes))
    try:
        evidence = read_evidence(RunFolder(folder).captures)
        run = read_run(folder)
        budgets = budgets_of_run(folder, run)
        differences: tuple[FigureDifference, ...] = ()
        for truncated in (False, True):  # a run leaves them out, `hil report` does not
            computed = evaluate_run(run, budgets, truncated=truncated)
            differences = tuple(_differences(results, computed))
            if not differences:
                break
        differences += tuple(_identity_differences(results, run))
    except (CaptureError, ConfigurationError) as error:
        return Verification(files, len(results.measurements), problem=str(error))
    return Verification(
        files=files,
        figures=len(results.measurements),
        differences=differences,
        other=tuple(_other_makers(results, evidence)),
        notes=tuple(_notes(results, evidence, run)),
    )


def _check_files(folder: Path, hashes: Mapping[str, str]) -> Iterator[FileCheck]:
    for name, digest in sorted(hashes.items()):
        try:
            same = file_digest(path_in_run(folder, name)) == digest
        except FileNotFoundError:
            yield FileCheck(name, "missing")
        except (OSError, HilError) as error:
            yield FileCheck(name, "refused", str(error))
        else:
            yield FileCheck(name, "same" if same else "changed")
    for path in hashed_files(folder):
        name = path.relative_to(folder).as_posix()
        if name not in hashes:
            yield FileCheck(name, "extra")


def _differences(stored: Results, computed: Results) -> Iterator[FigureDifference]:
    before, after = _by_key(stored.measurements), _by_key(computed.measurements)
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key), after.get(key)
        if old is None or new is None:
            what = f"{(old or new)!r}".partition(" = ")[0]
            was_there, is_there = (None if m is None else repr(m) for m in (old, new))
            yield FigureDifference(what, was_there, is_there)
        elif different := _different_fields(old, new):
            for name in different:
                was, now = getattr(old, name), getattr(new, name)
                what = f"{name} of {f'{old!r}'.partition(' = ')[0]}"
                yield FigureDifference(what, repr(was), repr(now), _close(was, now))


def _by_key(measurements: Iterable[Measurement]) -> dict[tuple[Any, ...], Measurement]:
    return {
        (*case_key(m), m.task, m.metric, m.source, staged_method(m.metric, m.method, m.note)): m
        for m in measurements
    }


def _different_fields(old: Measurement, new: Measurement) -> list[str]:
    """The fields that tell two figures apart; what is written as null is no number."""
    names = ("unit", "n", "verdict", *_NUMBERS)
    return [name for name in names if _stored(getattr(old, name)) != _stored(getattr(new, name))]


def _stored(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _close(was: Any, now: Any) -> bool:
    if not isinstance(was, float) or not isinstance(now, float):
        return False
    return math.isclose(was, now, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)


_IDENTITY = ("machine", "micropython", "platform", "unique_id", "cpu_hz", "tick_period")


def _identity_differences(results: Results, run: StoredRun) -> Iterator[FigureDifference]:
    """Boards of ``results.json`` that are not those that the captures name."""
    named = {board.name: board for board in results.boards}
    seen = {capture.board.name: capture.board for capture in run.captures}
    for name, board in seen.items():
        if name not in named:
            continue
        for field in _IDENTITY:
            stored, captured = getattr(named[name], field), getattr(board, field)
            if stored != captured:
                what = f"{field} of board {name}"
                yield FigureDifference(what, repr(stored), repr(captured))


def _other_makers(results: Results, evidence: Evidence | None) -> Iterator[str]:
    """What computed the stored figures and is not what computes them here."""
    version = results.run.harness_version if evidence is None else evidence.harness_version
    if version != __version__:
        yield f"computed by hil {version}, this is {__version__}"
    if evidence is None:
        return
    for name, here in package_versions().items():
        before = evidence.packages.get(name)
        if before not in (None, here):
            yield f"computed with {name} {before}, here is {here}"
    if evidence.shipped_budgets and evidence.budgets is not None:
        try:
            shipped = file_digest(default_budgets_path().resolve())
        except (OSError, HilError):
            shipped = None
        if shipped != evidence.budgets:
            yield "judged by the shipped budgets of another version"


def _notes(results: Results, evidence: Evidence | None, run: StoredRun) -> Iterator[str]:
    for capture in {c.board.name: c for c in run.captures}.values():
        board = capture.board
        uid = f", {board.unique_id}" if board.unique_id else ""
        yield f"board {board.name}: MicroPython {board.micropython}, {board.machine}{uid}"
    if evidence is None:
        yield "no evidence.json: which device files ran is not known"
    elif evidence.device_files:
        here = device_file_digests()
        others = [n for n, digest in evidence.device_files.items() if here.get(n) != digest]
        n = len(evidence.device_files)
        if others:
            yield f"{len(others)} of {n} device files are not those of {agents_folder()}"
        else:
            yield f"{n} device files: those of this installation"
    if evidence is not None and evidence.program:
        digests = (f"{name} {digest[:16]}…" for name, digest in evidence.program.items())
        yield f"own program: {', '.join(digests)}"
    if results.errors:
        yield f"errors of the run itself: {len(results.errors)}"
