"""The line that installs what an extra of this package needs, wherever the package came from.

It names the extra's own requirements. The package may be a checkout, a wheel's file or a
repository's address, and what an index has under the name ``hil`` is somebody else's.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import hil

DISTRIBUTION = "micropython-hil"
"""What the distribution is called; the package and the command are ``hil``."""
_EXTRA = re.compile(r"""^(?P<requirement>[^;]+?)\s*;\s*extra == ['"](?P<extra>[\w-]+)['"]$""")


def install_line(extra: str) -> str:
    """``pip install …`` with what the extra needs, as a shell takes it."""
    return " ".join(["pip install", *(f"'{name}'" for name in extra_requirements(extra))])


def extra_requirements(extra: str) -> list[str]:
    """The requirements of an extra, from the installed metadata, else from the checkout."""
    matches = filter(None, map(_EXTRA.match, _installed_requirements()))
    requirements = [match["requirement"] for match in matches if match["extra"] == extra]
    return requirements or _declared(extra)


def _installed_requirements() -> list[str]:
    import importlib.metadata as metadata

    try:
        return metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return []


def _declared(extra: str) -> list[str]:
    settings = Path(hil.__file__ or "").resolve().parents[1] / "pyproject.toml"
    try:
        project = tomllib.loads(settings.read_text(encoding="utf-8"))["project"]
    except OSError:  # copied from an installation without its metadata
        return [f"{DISTRIBUTION}[{extra}]"]
    return [str(text) for text in project["optional-dependencies"][extra]]
