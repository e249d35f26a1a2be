"""Files that are there whole or not at all, and packages that may be missing."""

from __future__ import annotations

import importlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hil.errors import ConfigurationError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file beside ``path`` to write to; it takes the place of ``path`` when the block ends well.

    Raises :class:`~hil.errors.ConfigurationError` when nothing can be written there.
    """
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        temporary = Path(name)
        os.close(handle)
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
        temporary = None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigurationError(f"can't write {path}: {reason}; give --out=FILE") from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()


def package(module: str, name: str, form: str) -> Any:
    """Import ``module`` of the package ``name``, which only the export to ``form`` needs.

    Raises :class:`~hil.errors.ConfigurationError` with the line that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ConfigurationError(
            f"--to {form} needs the package {name}: pip install 'hil[export]'"
        ) from None
