"""Budgets files found and read: the shipped one, or the user's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import hil
from hil.model.budget_file import BudgetParser
from hil.model.errors import CaptureError, ConfigurationError
from hil.model.techniques import LOADS, TECHNIQUES
from hil.model.toml_text import MAX_BYTES, parse_toml
from hil.recording.run_folder import RunFolder
from hil.recording.stored_file import check_plain, read_given

if TYPE_CHECKING:
    from collections.abc import Collection

    from hil.model.budgets import Budgets
    from hil.recording.stored_run import StoredRun


def default_budgets_path() -> Path:
    """The shipped budgets: beside the timing suite, in a checkout as in an installed package."""
    package = Path(hil.__file__).resolve().parent
    for folder in (package / "suite", package.parent / "benchmarks"):
        if (folder / "budgets.toml").is_file():
            return folder / "budgets.toml"
    raise ConfigurationError(
        "the shipped budgets.toml is missing from this installation; "
        "install hil again or give --hil-budgets=FILE"
    )


def default_budgets() -> Budgets:
    """The shipped budgets, read."""
    return load_budgets(default_budgets_path())


def are_shipped(budgets: Budgets) -> bool:
    """Whether these are no budgets of the user's own; an installation may lack the shipped ones."""
    if budgets.path is None:
        return True
    try:
        return budgets.path == default_budgets_path()
    except ConfigurationError:
        return False


def keep_budgets(budgets: Budgets, folder: RunFolder) -> None:
    """Leave the user's own budgets with the run, so that what is made of it later is judged alike.

    Raises :class:`ConfigurationError` when they can't be written.
    """
    if budgets.path is None or are_shipped(budgets):
        return
    try:
        folder.budgets.write_bytes(budgets.path.read_bytes())
    except OSError as error:
        raise ConfigurationError(
            f"can't keep {budgets.path} in {folder.path}: {error.strerror}"
        ) from None


def budgets_of_run(folder: Path, run: StoredRun, path: Path | None = None) -> Budgets:
    """The budgets of ``path``, else those that judged the run in ``folder``, else the shipped ones.

    They may name the programs that were measured. Errors as for :func:`load_budgets`.
    """
    own = RunFolder(folder).budgets
    if path is None and (own.exists() or own.is_symlink()):
        check_plain(own)
        path = own
    if path is None:
        return default_budgets()
    measured = (capture.plan.technique for capture in run.captures)
    return load_budgets(path, techniques=tuple(dict.fromkeys((*TECHNIQUES, *measured))))


def load_budgets(
    path: Path | None = None,
    *,
    techniques: Collection[str] = tuple(TECHNIQUES),
    loads: Collection[str] = tuple(LOADS),
) -> Budgets:
    """Read a budgets file, the shipped one if ``path`` is ``None``.

    Raises :class:`ConfigurationError` with the file and, where it can be told, the line.
    """
    path = default_budgets_path() if path is None else path
    try:
        raw = read_given(path, MAX_BYTES)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigurationError(f"can't read the budgets file {path}: {reason}") from error
    except CaptureError as error:
        raise ConfigurationError(f"{error}; give a budgets file (TOML, at most 1 MB)") from None
    text, tables = parse_toml(path, raw, "a budgets file")
    return BudgetParser(path, text, techniques, loads).parse(tables)
