"""Where a loaded run comes from: a folder, a ``results.json`` alone, or a history."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from hil.analysis.clock import instrument
from hil.analysis.edge_tracks import align_windows, edge_tracks
from hil.api.stamps import Stamps, stamps_of_history, stamps_of_track
from hil.experiments.evaluation import results_in
from hil.history.comparison_inputs import task_stamps
from hil.history.database import open_history
from hil.history.run_reader import find_run, load_run
from hil.model.errors import CaptureError, ConfigurationError
from hil.model.results import Results
from hil.recording.run_folder import CHANGES_NAME, RunFolder, read_changes, read_results
from hil.recording.stored_run import CaptureStream

if TYPE_CHECKING:
    from pathlib import Path

    from hil.history.location import HistoryLocation
    from hil.history.stored_records import HistoryCase, HistoryRun
    from hil.model.captures import Capture
    from hil.model.results import CaseKey, Comparison


class RunSource(Protocol):
    """What a run is read from; everything when it is first asked for."""

    @property
    def name(self) -> str:
        """The place, for messages."""

    @property
    def results(self) -> Results:
        """The figures and what else ``results.json`` has."""

    @property
    def comparison(self) -> Comparison | None:
        """How the run compares with the past, where that was stored."""

    @property
    def cases(self) -> tuple[CaseKey, ...]:
        """The cases with stamps."""

    def capture(self, case: CaseKey) -> Capture:
        """The capture of one case; :class:`~hil.model.errors.CaptureError` without one."""

    def stamps(self, case: CaseKey) -> list[Stamps]:
        """The stamps of each task of one case; errors as for :meth:`capture`."""

    @property
    def left_out(self) -> tuple[str, ...]:
        """What could not be read so far, and why."""


class FolderSource:
    """A run's folder, or its ``capture`` folder alone; ``results_file`` names another document."""

    def __init__(self, folder: Path, results_file: Path | None = None) -> None:
        self._folder = folder
        self._results_file = results_file

    @property
    def name(self) -> str:
        """The folder."""
        return str(self._folder)

    @cached_property
    def results(self) -> Results:
        """Those of ``results.json``, else computed from the captures."""
        if self._results_file is not None:
            return read_results(self._results_file)
        return results_in(self._folder)

    @cached_property
    def comparison(self) -> Comparison | None:
        """Those of ``changes.json``."""
        changes = RunFolder(self._folder).path / CHANGES_NAME
        return read_changes(changes) if changes.exists() or changes.is_symlink() else None

    @cached_property
    def _stream(self) -> CaptureStream:
        return CaptureStream(self._folder, self.results.counted_attempts)

    @cached_property
    def cases(self) -> tuple[CaseKey, ...]:
        """By the heads of the captures."""
        try:
            return self._stream.cases()
        except CaptureError:  # the figures alone
            return ()

    def capture(self, case: CaseKey) -> Capture:
        """Read and decode the files of one case."""
        capture = self._stream.read(case) if case in self.cases else None
        if capture is None:
            raise CaptureError(f"{self.name}: no stamps of {case[1]}, {case[2]} that can be read")
        return replace(capture, calibration=self._stream.calibration(case[0]))

    def stamps(self, case: CaseKey) -> list[Stamps]:
        """Decoded from the captures, each task's; then as each instrument saw it at its pin."""
        capture = self.capture(case)
        cost_us = instrument(capture).read_cost_us
        seen = [
            stamps_of_track(capture, edges.track)
            for windows in align_windows(capture).values()
            for edges in edge_tracks(capture, windows)
        ]
        return [*(stamps_of_track(capture, track, cost_us) for track in capture.tracks), *seen]

    @property
    def left_out(self) -> tuple[str, ...]:
        """The captures that are not whole."""
        return tuple(self._stream.left_out)


@dataclass(frozen=True)
class HistorySource:
    """A run of a history, read once. Its stamps are those that the history keeps: thinned out."""

    location: HistoryLocation
    run: str

    @property
    def name(self) -> str:
        """Database and run."""
        return f"{self.location.shown}#{self.run}"

    @cached_property
    def _stored(self) -> HistoryRun:
        with open_history(self.location, create=False) as history:
            number = find_run(history, self.run)
            if number is None:
                raise ConfigurationError(f"{self.name}: no such run; see `hil history`")
            return load_run(history, number)

    @cached_property
    def results(self) -> Results:
        """The figures that were stored."""
        run = self._stored
        return Results(
            run=run.info,
            boards=tuple(board.identity for board in run.boards),
            measurements=tuple(
                m for board in run.boards for case in board.cases for m in case.measurements
            ),
            skipped=run.skipped,
            errors=run.errors,
        )

    comparison: Comparison | None = None
    left_out: tuple[str, ...] = ()

    @cached_property
    def _by_key(self) -> dict[CaseKey, HistoryCase]:
        return {
            (board.identity.name, case.technique, case.load): case
            for board in self._stored.boards
            for case in board.cases
        }

    @cached_property
    def cases(self) -> tuple[CaseKey, ...]:
        """Those with stamps."""
        return tuple(key for key, case in self._by_key.items() if case.stamps)

    def capture(self, case: CaseKey) -> Capture:
        """A history has none."""
        name = f"{case[1]}, {case[2]}"
        raise CaptureError(f"{self.name}: no capture of {name} in a history; load the run's folder")

    def stamps(self, case: CaseKey) -> list[Stamps]:
        """The stored stamps of each task."""
        if case not in self._by_key or not self._by_key[case].stamps:
            raise CaptureError(f"{self.name}: no stamps of {case[1]}, {case[2]} are stored")
        return [
            stamps_of_history(case, packed.task or 0, task_stamps(packed))
            for packed in self._by_key[case].stamps
            if packed.kind == "task"
        ]
