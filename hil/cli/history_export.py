"""``hil export HISTORY --to parquet``: all figures of a history as a data set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from hil.history.location import find_location
from hil.model.errors import ConfigurationError
from hil.model.printable import escaped_line

if TYPE_CHECKING:
    from collections.abc import Sequence

_FORM = "parquet"


def export_history_figures(
    address: str, formats: Sequence[str], out: str | None, *, as_json: bool
) -> int:
    """Write the data set beside the file, or where ``out`` says, and say what is in it."""
    if list(formats) != [_FORM]:
        raise ConfigurationError(f"a history is exported --to {_FORM} only; give a run's folder")
    from hil.history.database import open_history
    from hil.report.exports.history_parquet import export_history

    location = find_location(address, Path())
    if location is None:
        raise ConfigurationError("none: name a history, a file or postgresql://…")
    if out == "-":
        raise ConfigurationError("--out -: a history becomes a folder of files; name one")
    beside = Path("history") if location.file is None else location.file.with_suffix("")
    folder = beside.with_name(f"{beside.name}-figures") if out is None else Path(out)
    with open_history(location, create=False) as history:
        figures, files = export_history(history, folder)
    if as_json:
        done = {"schema": 1, "history": location.shown, "folder": str(folder)}
        print(json.dumps({**done, "figures": figures, "files": files}))
    else:
        print(f"{escaped_line(str(folder))}: {figures} figures in {files} files")
    return 0
