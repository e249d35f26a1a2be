"""How the templates of all pages are filled in."""

from __future__ import annotations

from functools import cache

import jinja2

from hil.report.assets import TEMPLATES, style_path


def style() -> str:
    """The style sheet's text."""
    return style_path().read_text(encoding="utf-8")


@cache
def environment() -> jinja2.Environment:
    """Everything that is filled in is escaped; a name that is not given is an error."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
