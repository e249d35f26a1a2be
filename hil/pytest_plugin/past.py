"""A run's past: comparing with it at the end of the run, and becoming part of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hil.errors import ConfigurationError, HilError
from hil.history.place import Place
from hil.records import Capture
from hil.report.changes_json import NAME, write_changes
from hil.results import Comparison, Results

WORDS = ("last", "baseline")


class Past:
    """What the history says of one run, and what could not be done with it."""

    def __init__(self, place: Place | None, compare: str | None, folder: Path, root: Path) -> None:
        self._place = place
        self._compare = compare
        self._folder = folder
        self._root = root
        self.comparison: Comparison | None = None
        self.failures: list[str] = []
        self.lines: list[str] = []

    @property
    def worse(self) -> int:
        """How many figures have become worse."""
        changes = self.comparison.changes if self.comparison else ()
        return sum(one.trend == "worse" for one in changes)

    @property
    def against(self) -> str:
        """What the run was compared with, in words."""
        return self.comparison.against if self.comparison else "nothing"

    def settle(self, results: Results, captures: Sequence[Capture]) -> None:
        """Compare the run, write ``changes.json``, and store the run; never raises for them.

        A replayed run is compared but not stored: it is there already, or its time has passed.
        """
        replayed = results.run.source == "replay"
        if not results.measurements and not results.errors:
            return
        if self._place is None:
            if self._compare is not None:
                self._tried("compare", lambda: self._compare_folders(results, captures))
            return
        if replayed and self._compare is None:
            return
        self._tried("history", lambda: self._with_history(results, captures, not replayed))

    def _with_history(self, results: Results, captures: Sequence[Capture], store: bool) -> None:
        from hil.history.comparing import compare_with_history
        from hil.history.database import open_history
        from hil.history.preparing import keep_run
        from hil.history.revision import git_revision
        from hil.history.storing import add_run

        assert self._place is not None
        revision, modified = git_revision(self._root)
        run = keep_run(results, captures, revision=revision, modified=modified)
        with open_history(self._place) as history:
            compare = self._compare
            if compare is not None:
                self._tried(
                    "compare", lambda: self._found(compare_with_history(history, run, compare))
                )
            if store:
                worse = None if self.comparison is None else self.worse
                name, _ = add_run(history, run, worse=worse)
                self.lines.append(f"history: {self._place.shown}, run {name}")

    def _compare_folders(self, results: Results, captures: Sequence[Capture]) -> None:
        from hil.analysis.changes import CONFIDENCE
        from hil.history.comparing import compare_kept, read_kept
        from hil.history.preparing import keep_run

        assert self._compare is not None
        before = read_kept(self._compare, None)
        self._found(compare_kept(before, keep_run(results, captures), CONFIDENCE))

    def _found(self, comparison: Comparison) -> None:
        self.comparison = comparison
        write_changes(self._folder / NAME, comparison)
        self.lines.append(f"changes: {self._folder / NAME}")

    def _tried(self, what: str, work: object) -> None:
        assert callable(work)
        try:
            work()
        except HilError as error:
            text = str(error) if str(error).startswith(what) else f"{what}: {error}"
            if what == "history":
                text += f"; nothing of the run is lost: `hil history add {self._folder}` puts it in"
            self.failures.append(text)


def check_compare(compare: str | None, place: Place | None) -> None:
    """Refuse what can't be compared with, before anything is measured.

    Raises :class:`~hil.errors.ConfigurationError`. A history that can't be reached now is told at
    the end of the run.
    """
    if compare is None or (compare not in WORDS and Path(compare).is_dir()):
        return
    if place is None:
        raise ConfigurationError(f"--hil-compare={compare}: needs a history (--hil-history)")
    if compare in WORDS:
        return
    from hil.history.comparing import read_kept
    from hil.history.database import HistoryError, open_history

    missing = (
        f"--hil-compare={compare}: give last, baseline, a run's folder, or a run of {place.shown} "
        "(see `hil history`)"
    )
    if place.file is not None and not place.file.is_file():
        raise ConfigurationError(missing)
    try:
        with open_history(place, create=False) as history:
            read_kept(compare, history)
    except ConfigurationError:
        raise ConfigurationError(missing) from None
    except HistoryError:
        return
