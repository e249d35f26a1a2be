"""Files that pages are made with."""

from __future__ import annotations

from pathlib import Path

TEMPLATES = Path(__file__).parent / "templates"


def style_path() -> Path:
    """The style sheet, for pytest-html's ``css`` option."""
    return TEMPLATES / "style.css"
