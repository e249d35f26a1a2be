"""A run found by what names it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from hil.api.run import Run
from hil.api.run_sources import FolderSource, HistorySource
from hil.history.location import find_location
from hil.model.errors import CaptureError, ConfigurationError
from hil.recording.latest_run import LATEST, newest_run
from hil.recording.stored_file import is_plain_file

if TYPE_CHECKING:
    from hil.api.run_sources import RunSource

_REPORTS = Path("reports")
_FORMS = "give a run's folder, its results.json, `latest`, or history.db#RUN"


def load(run: str | os.PathLike[str] = LATEST, id: str | None = None) -> Run:
    """A stored run: its facts, cases, figures, stamps and edges.

    ``run`` is a run's folder, its ``capture`` folder, a ``results.json``, ``latest`` (of
    ``reports`` in the working folder), or a run of a history: ``history.db#RUN``, or the database's
    file or URL with the run's ``id``, or how that begins. Nothing is written or executed.

    Raises :class:`~hil.model.errors.HilError` in one line where there is no run.
    """
    text = os.fspath(run)
    loaded = Run(_source(text, id))
    _ = loaded.results  # whoever names no run learns it here
    return loaded


def _source(text: str, run_id: str | None) -> RunSource:
    location, mark, fragment = text.rpartition("#")
    if run_id is None and mark and not Path(text).exists():
        text, run_id = location, fragment
    if run_id is not None:
        if not run_id:
            raise ConfigurationError(f"{text}#: name the run; see `hil history`")
        history = find_location(text, _REPORTS)
        if history is None:
            raise ConfigurationError(f"{text}: no history; {_FORMS}")
        return HistorySource(history, run_id)
    if "://" in text:
        raise ConfigurationError("a history has many runs: give its URL and id=RUN")
    path = Path(text)
    if text == LATEST and not path.exists() and not path.with_name(f"{LATEST}.txt").exists():
        path = _REPORTS / LATEST
    path = newest_run(path)
    if path.is_dir():
        return FolderSource(path)
    if path.suffix == ".json" and is_plain_file(path):
        return FolderSource(path.parent, path)
    if path.suffix == ".db" and path.is_file():
        raise ConfigurationError(f"{text} has many runs: give {text}#RUN; see `hil history`")
    raise CaptureError(f"{text}: no run there; {_FORMS}")
