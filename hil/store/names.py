"""Where captures of a run lie and what they are called."""

from __future__ import annotations

import re
from pathlib import Path

from hil.errors import CaptureError

SUFFIX = ".hilcap"


def capture_path(folder: Path, number: int, technique: str, load: str) -> Path:
    """``<nnn>_<technique>_<load>.hilcap`` in ``folder``, names reduced to a safe alphabet."""
    technique, load = (
        re.sub(r"[^A-Za-z0-9-]+", "_", name)[:40] or "_" for name in (technique, load)
    )
    return folder / f"{number:03d}_{technique}_{load}{SUFFIX}"


def list_captures(folder: Path) -> list[Path]:
    """The capture files in ``folder`` by name; ``CaptureError`` if it is no folder."""
    if not folder.is_dir():
        raise CaptureError(f"{folder} is not a folder of captures")
    return sorted(path for path in folder.glob(f"*{SUFFIX}") if path.is_file())
