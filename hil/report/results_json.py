"""``results.json`` in a run's folder, written in one step and read whole."""

from __future__ import annotations

from pathlib import Path

from hil.model.result_files import build_results, parse_results
from hil.report.whole_file import read_whole, write_json
from hil.results import Results


def write_results(path: Path, results: Results) -> None:
    """Write ``results.json`` in one step; raises :class:`ConfigurationError` if it can't."""
    write_json(path, build_results(results))


def read_results(path: Path) -> Results:
    """Read and check a ``results.json``.

    Raises :class:`ConfigurationError` when the file can't be read and :class:`CaptureError` when
    what it holds is not a ``results.json`` that this version reads; the line names the place.
    """
    return read_whole(path, parse_results)
