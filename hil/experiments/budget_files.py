"""Budgets files found and read: the shipped one, or the user's."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import hil
from hil.model.budget_file import BudgetParser
from hil.model.errors import ConfigurationError
from hil.model.techniques import LOADS, TECHNIQUES

if TYPE_CHECKING:
    from collections.abc import Collection

    from hil.model.budgets import Budgets

_MAX_BYTES = 1 << 20


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
        raw = path.read_bytes()[: _MAX_BYTES + 1]
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigurationError(f"can't read the budgets file {path}: {reason}") from error
    if len(raw) > _MAX_BYTES:
        raise ConfigurationError(f"{path}: larger than 1 MB, not a budgets file")
    try:
        text = raw.decode("utf-8")
        tables = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: not UTF-8 text (byte {error.start})") from None
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        what = str(error).splitlines()[0] or type(error).__name__
        where = re.search(r" \(at line (\d+), column \d+\)$", what)
        if where:
            raise ConfigurationError(
                f"{path}:{where[1]}: malformed TOML: {what[: where.start()]}"
            ) from None
        raise ConfigurationError(f"{path}: malformed TOML: {what}") from None
    return BudgetParser(path, text, techniques, loads).parse(tables)
