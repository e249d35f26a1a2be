"""What an export is, and packages that only one of them needs."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.model.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from io import TextIOWrapper
    from pathlib import Path
    from typing import Any

    from hil.model.captures import Capture
    from hil.model.results import Results


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """One format: its file in the run's folder, and what opens it.

    Exactly one of the four is there: ``figures`` makes the text from the figures, ``rows`` writes
    text and ``stamps`` a file from the stamps, ``charts`` a file from both; each gives how many are
    in it.
    """

    name: str
    file: str
    opens: str
    figures: Callable[[Results], tuple[str, int]] | None = None
    rows: Callable[[TextIOWrapper, Iterable[Capture]], int] | None = None
    stamps: Callable[[Path, Iterable[Capture]], int] | None = None
    charts: Callable[[Path, Results, Sequence[Capture]], int] | None = None


def require_package(module: str, name: str, form: str) -> Any:
    """Import ``module`` of the package ``name``, which only the export to ``form`` needs.

    Raises :class:`~hil.model.errors.ConfigurationError` with the line that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ConfigurationError(
            f"--to {form} needs the package {name}: pip install 'hil[export]'"
        ) from None
