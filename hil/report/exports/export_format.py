"""The Export protocol, its two kinds, and packages that only one export needs."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from hil.model.errors import ConfigurationError
from hil.model.install_hints import install_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TextIO

    from hil.model.captures import Capture
    from hil.model.results import Results


class ExportInput(Protocol):
    """What there is to export of a run; either is made when it is first asked for."""

    @property
    def results(self) -> Results:
        """The judged figures; :class:`~hil.model.errors.HilError` if there are none."""

    @property
    def captures(self) -> Iterable[Capture]:
        """The captures that give figures, read one at a time each time they are gone through."""


class Export(Protocol):
    """One format: its name in ``--to``, its file in the run's folder, and what opens it.

    ``counts`` says what :meth:`write` counts (figures, activations, charts), ``package`` names the
    package that only this export needs, ``None`` where it needs no other.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def file(self) -> str: ...  # noqa: D102
    @property
    def opens(self) -> str: ...  # noqa: D102
    @property
    def counts(self) -> str: ...  # noqa: D102
    @property
    def package(self) -> str | None: ...  # noqa: D102

    def write(self, out: Path | TextIO, run: ExportInput) -> int:
        """Write the run to a new file or a text stream; how many of ``counts`` are in it.

        Raises :class:`~hil.model.errors.ConfigurationError` where the format is no text and ``out``
        a stream, or its package is missing.
        """


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    file: str
    opens: str


@dataclass(frozen=True, slots=True)
class TextExport(_Row):
    """An :class:`Export` that is text; ``write_text`` writes it to a stream."""

    write_text: Callable[[TextIO, ExportInput], int]
    counts: str = "figures"
    package: str | None = None

    def write(self, out: Path | TextIO, run: ExportInput) -> int:
        """See :meth:`Export.write`."""
        if not isinstance(out, Path):
            return self.write_text(out, run)
        with out.open("w", encoding="utf-8", newline="") as stream:
            return self.write_text(stream, run)


@dataclass(frozen=True, slots=True)
class FileExport(_Row):
    """An :class:`Export` that is no text; ``write_file`` writes it to a path."""

    write_file: Callable[[Path, ExportInput], int]
    counts: str = "activations"
    package: str | None = None

    def write(self, out: Path | TextIO, run: ExportInput) -> int:
        """See :meth:`Export.write`."""
        if not isinstance(out, Path):
            raise ConfigurationError(f"--to {self.name} does not go to stdout; give --out=FILE")
        return self.write_file(out, run)


def require_package(module: str, name: str, form: str) -> Any:
    """Import ``module`` of the package ``name``, which only the export to ``form`` needs.

    Raises :class:`~hil.model.errors.ConfigurationError` with the line that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ConfigurationError(
            f"--to {form} needs the package {name}: {install_line('export')}"
        ) from None
