"""The templates and the style sheet of all pages, and how they are filled in."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
from markupsafe import Markup, escape

from hil.model.printable import unicode_text
from hil.model.units import with_micro_sign

if TYPE_CHECKING:
    from collections.abc import Iterable, MutableSequence

_IN_SCRIPT = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def data_block(data: object) -> Markup:
    """``data`` as JSON for a script element: no text in it can end the element or begin another."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.translate(_IN_SCRIPT))


def page_script(*names: str) -> str:
    """Files of the page's script as one strict function, in this order."""
    parts = ((TEMPLATE_FOLDER / name).read_text(encoding="utf-8") for name in names)
    return '"use strict";\n(() => {{\n{}}})();\n'.format("\n".join(parts))


def style_sheet() -> str:
    """The style sheet's text."""
    return style_path().read_text(encoding="utf-8")


@cache
def template_environment() -> jinja2.Environment:
    """Everything that is filled in is escaped; a name that is not given is an error.

    Times are written with the micro sign, but in what is :class:`Verbatim`.
    """
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATE_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_write_time,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["data_block"] = data_block
    made.filters["verbatim"] = Verbatim
    return made


class Verbatim(str):
    """Text that a board or a file gave: it is shown, and compared by the script, as it came."""

    __slots__ = ()


def _write_time(value: object) -> object:
    return with_micro_sign(value) if type(value) is str else value


TEMPLATE_FOLDER = Path(__file__).parent / "templates"


def style_path() -> Path:
    """The style sheet, for pytest-html's ``css`` option."""
    return TEMPLATE_FOLDER / "style.css"


def page_title(boards: Iterable[str]) -> str:
    """The page's title as plain text."""
    return unicode_text(f"hil: timing of {', '.join(boards) or 'no board'}")


def escape_cells(cells: MutableSequence[str], nodeid: str) -> None:
    """For pytest-html's ``pytest_html_results_table_row`` hook: it does not escape test ids."""
    for index, cell in enumerate(cells):
        if nodeid and nodeid in cell:
            cells[index] = cell.replace(nodeid, str(escape(nodeid)))
