"""``changes.json`` in a run's folder: what a run's comparison with its past found."""

from __future__ import annotations

from pathlib import Path

from hil.model.result_files import build_changes, parse_changes
from hil.report.whole_file import read_whole, write_json
from hil.results import Comparison

NAME = "changes.json"
"""The file's name in a run's folder."""


def write_changes(path: Path, comparison: Comparison) -> None:
    """Write ``changes.json`` in one step; raises :class:`ConfigurationError` if it can't."""
    write_json(path, build_changes(comparison))


def read_changes(path: Path) -> Comparison:
    """Read and check a ``changes.json``.

    Raises :class:`ConfigurationError` when the file can't be read and :class:`CaptureError` when
    what it holds is not a ``changes.json`` that this version reads; the line names the place.
    """
    return read_whole(path, parse_changes)
