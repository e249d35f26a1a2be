"""A matplotlib figure as a small piece of inline SVG that follows the page's colours.

Figures are drawn in the sentinel colours below; in the SVG they become CSS variables, so that one
drawing serves light, dark and print. Ids are made unique for the page, text stays text.
"""

from __future__ import annotations

import io
import re
from typing import Any

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.figure import Figure

INK, GRID, FIRST, SECOND, BAND, BAD = (f"#{n:02d}{n:02d}{n:02d}" for n in range(1, 7))
"""Sentinel colours: text and axes, grid lines, first and second series, bands, worst points."""

_VARIABLES = {
    INK: "var(--hil-ink)",
    GRID: "var(--hil-grid)",
    FIRST: "var(--hil-first)",
    SECOND: "var(--hil-second)",
    BAND: "var(--hil-band)",
    BAD: "var(--hil-bad)",
}
_CLASSES = {
    "fill:none;stroke:var(--hil-grid);stroke-width:0.5;stroke-linecap:square": "g",
    "fill:var(--hil-ink);stroke:var(--hil-ink);stroke-width:0.6": "k",
    "font-size:8px;text-anchor:middle;fill:var(--hil-ink)": "m",
    "font-size:8px;text-anchor:end;fill:var(--hil-ink)": "e",
    "font-size:7px;text-anchor:start;fill:var(--hil-ink)": "s",
}
"""The commonest styles, as classes of the style sheet: a third of the size otherwise."""
_RC: dict[str, Any] = {
    "svg.fonttype": "none",
    "path.simplify": True,
    "path.simplify_threshold": 0.5,
    "axes.unicode_minus": False,
    "font.family": "DejaVu Sans",
}
_NUMBER = re.compile(r"-?\d+\.\d+")
_POINTS = re.compile(r'(?<=[ "])(d|x|y|x1|x2|y1|y2|width|height)="([^"]*)"')
_TRANSFORM = re.compile(r'transform="([^"]*)"')


def to_svg(figure: Figure, key: str, alt: str) -> Markup:
    """Draw ``figure`` and let go of its memory; ``key`` is unique in the page, ``alt`` its text."""
    stream = io.StringIO()
    settings: Any = {**_RC, "svg.hashsalt": key}
    with mpl.rc_context(settings):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    figure.clear()
    text = stream.getvalue()
    start = text.index("<svg")
    return Markup(_open(text, start, alt) + _shrink(text[text.index(">", start) + 1 :], key))


def _open(text: str, start: int, alt: str) -> str:
    box = re.search(r'viewBox="([-0-9. ]+)"', text[start : start + 600])
    size = box[1] if box else "0 0 300 200"
    return f'<svg class="hil-figure" viewBox="{size}" role="img" aria-label="{escape(alt)}">'


def _shrink(text: str, key: str) -> str:
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<style[^>]*>.*?</style>", "", text, flags=re.DOTALL)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    names = {name: f"{key}-{number}" for number, name in enumerate(sorted(used))}

    def rename(found: re.Match[str]) -> str:
        name = names.get(found[1])
        return f' id="{name}"' if name else ""

    text = re.sub(r'\s+id="([^"]*)"', rename, text)
    text = re.sub(
        r'(href="#|url\(#)([^")]+)', lambda found: found[1] + names.get(found[2], found[2]), text
    )
    for color, variable in _VARIABLES.items():
        text = text.replace(color, variable)
    text = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1", text)
    text = re.sub(r"font-family:[^;\"]*;?", "", text)
    text = _POINTS.sub(lambda f: f'{f[1]}="{_short(f[2])}"', text)
    text = _TRANSFORM.sub(lambda f: f'transform="{_NUMBER.sub(_two_digits, f[1])}"', text)
    text = re.sub(r"stroke-(linejoin|miterlimit): [^;\"]+;? ?", "", text)
    text = re.sub(r'\s*(?:style=""|transform="rotate\(-0\.00 [^"]*")', "", text)
    text = re.sub(r'style="[^"]*"', lambda found: re.sub(r"([:;]) +", r"\1", found[0]), text)
    for css, name in _CLASSES.items():
        text = text.replace(f'style="{css}"', f'class="{name}"')
    text = re.sub(r"\s*\n\s*", " ", text)
    text = re.sub(r"> +<", "><", text)
    return _without_bare_groups(text.replace("xlink:href", "href")).strip()


def _without_bare_groups(text: str) -> str:
    """The same drawing without groups that carry no attribute."""
    kept: list[bool] = []
    parts = []
    for part in re.split(r"(<g>|<g [^>]*>|</g>)", text):
        if part == "</g>":
            if kept.pop():
                parts.append(part)
        elif part == "<g>":
            kept.append(False)
        else:
            if part.startswith("<g "):
                kept.append(True)
            parts.append(part)
    return "".join(parts)


def _short(numbers: str) -> str:
    text = re.sub(r"\s+", " ", _NUMBER.sub(_one_digit, numbers)).strip()
    return re.sub(r" ?([MLCQzZ]) ?", r"\1", text)


def _one_digit(found: re.Match[str]) -> str:
    return f"{float(found[0]):.1f}".removesuffix(".0")


def _two_digits(found: re.Match[str]) -> str:
    return f"{float(found[0]):.2f}"
