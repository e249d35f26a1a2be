"""The run compared with earlier runs at its end, then stored with the commit it is made from."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hil.analysis.change_detection import CHANGE_CONFIDENCE
from hil.experiments.evaluation import unjudged_history_run
from hil.history.comparison import compare_runs, compare_with_history
from hil.history.database import HistoryError, open_history
from hil.history.missing_parts import missing_parts
from hil.history.run_reader import find_history_run
from hil.history.run_writer import add_run
from hil.history.stored_records import make_history_run
from hil.model.board import SOURCES
from hil.model.errors import ConfigurationError, HilError, brief
from hil.recording.run_folder import CHANGES_NAME, write_changes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hil.history.database import History
    from hil.history.location import HistoryLocation
    from hil.history.missing_parts import AskedCases
    from hil.history.stored_records import HistoryRun
    from hil.model.captures import Capture
    from hil.model.results import Comparison, Results


class HistoryComparison:
    """What the history says of one run, and what could not be done with it."""

    def __init__(
        self,
        location: HistoryLocation | None,
        compare: str | None,
        folder: Path,
        root: Path,
        asked: AskedCases | None = None,
    ) -> None:
        self._location = location
        self._compare = compare
        self._folder = folder
        self._root = root
        self._asked = asked
        self.comparison: Comparison | None = None
        self.failures: list[str] = []
        self.lines: list[str] = []

    @property
    def worse(self) -> int:
        """How many figures have become worse."""
        changes = self.comparison.changes if self.comparison else ()
        return sum(change.trend == "worse" for change in changes)

    @property
    def missing(self) -> tuple[str, ...]:
        """What the last run had and this one was asked for and lacks."""
        return self.comparison.missing if self.comparison else ()

    @property
    def against(self) -> str:
        """What the run was compared with, in words."""
        return self.comparison.against if self.comparison else "nothing"

    def settle(self, results: Results, captures: Sequence[Capture]) -> None:
        """Compare the run, write ``changes.json``, and store the run; never raises for them.

        A replayed run is compared but not stored: it is there already, or its time has passed.
        """
        replayed = not SOURCES[results.run.source].measured
        if not results.measurements and not results.errors:
            return
        if self._location is None:
            if self._compare is not None:
                self._tried("compare", lambda: self._compare_folders(results, captures))
            return
        if replayed and self._compare is None:
            return
        self._tried("history", lambda: self._with_history(results, captures, not replayed))

    def _with_history(self, results: Results, captures: Sequence[Capture], store: bool) -> None:
        assert self._location is not None
        revision, modified = git_revision(self._root)
        run = make_history_run(results, captures, revision=revision, modified=modified)
        with open_history(self._location) as history:
            compare = self._compare
            if compare is not None:
                self._tried("compare", lambda: self._compare_with(history, run, compare))
            if store:
                worse = None if self.comparison is None else self.worse
                name, _ = add_run(history, run, worse=worse, just_ended=True)
                self.lines.append(f"history: {self._location.shown}, run {name}")

    def _compare_with(self, history: History, run: HistoryRun, choice: str) -> None:
        comparison = compare_with_history(
            history,
            run,
            choice,
            unjudged_history_run,
            asked=self._asked,
            just_ended=SOURCES[run.info.source].measured,
        )
        self._keep(comparison)

    def _compare_folders(self, results: Results, captures: Sequence[Capture]) -> None:
        assert self._compare is not None
        before = find_history_run(self._compare, None, unjudged_history_run)
        run = make_history_run(results, captures)
        comparison = compare_runs(before, run, CHANGE_CONFIDENCE)
        if self._asked is not None:
            comparison = replace(comparison, missing=missing_parts(before, run, self._asked))
        self._keep(comparison)

    def _keep(self, comparison: Comparison) -> None:
        self.comparison = comparison
        write_changes(self._folder / CHANGES_NAME, comparison)
        self.lines.append(f"changes: {self._folder / CHANGES_NAME}")

    def _tried(self, what: str, work: Callable[[], None]) -> None:
        try:
            work()
        except HilError as error:
            text = str(error) if str(error).startswith(what) else f"{what}: {error}"
            if what == "history":
                text += f"; nothing of the run is lost: `hil history add {self._folder}` puts it in"
            self.failures.append(text)
        except Exception as error:  # whatever a history does to us, the run's own report is written
            self.failures.append(f"{what}: internal error, {brief(error)}")


def has_run(location: HistoryLocation, name: str) -> bool:
    """Whether the history has a run called ``name``; true too where it can't be asked now."""
    try:
        with open_history(location, create=False) as history:
            find_history_run(name, history, unjudged_history_run)
    except ConfigurationError:
        return False
    except HistoryError:
        return True
    return True


_LIMIT_S = 5.0


def git_revision(folder: Path) -> tuple[str | None, bool | None]:
    """Commit of the repository that ``folder`` is in and whether files differ from it.

    Both ``None`` without git, without a repository, or where git does not answer in time.
    """
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None or not re.fullmatch(r"[0-9a-f]{40,64}", commit):
        return None, None
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return commit, None if changed is None else bool(changed)


def _git(folder: Path, *args: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *args],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
