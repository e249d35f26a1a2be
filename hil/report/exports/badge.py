"""A badge for a README: how a run came out, as an SVG of its own and as JSON for shields.io.

The SVG asks no server for anything. Endpoint format: https://shields.io/badges/endpoint-badge.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from hil.model.expected_boards import is_missing_board
from hil.model.verdicts import run_verdict

if TYPE_CHECKING:
    from hil.model.results import Results

LABEL = "timing"
_COLORS = {
    "pass": ("#2e7d32", "brightgreen"),
    "fail": ("#b3261e", "red"),
    "error": ("#8a4b00", "orange"),
    "undecided": ("#7a5c00", "yellow"),
    "none": ("#5f6368", "lightgrey"),
}
"""Of each verdict: dark enough for white letters (4.5:1), and shields.io's own word."""
_CHARACTER_PX, _PADDING_PX, _HEIGHT_PX = 6.1, 7, 20


def badge_message(results: Results) -> str:
    """A few words: ``all 91 limits met``, ``3 of 91 out of budget``, ``pico-1 missing``."""
    counts = Counter(figure.verdict for figure in results.measurements)
    judged = counts.total() - counts["none"]
    missing = sum(map(is_missing_board, results.errors))
    parts = []
    if counts["fail"]:
        parts.append(f"{counts['fail']} of {judged} out of budget")
    if missing:
        parts.append(f"{missing} board{'s' if missing > 1 else ''} missing")
    if errors := len(results.errors) - missing:
        parts.append(f"{errors} error{'s' if errors > 1 else ''}")
    if not parts and counts["undecided"]:
        parts.append(f"{counts['undecided']} of {judged} undecided")
    if not parts and judged:
        parts.append(f"{judged} limit{'s' if judged > 1 else ''} met")
    return ", ".join(parts) or ("measured, no limits" if counts else "nothing measured")


def badge_svg(results: Results) -> str:
    """The picture; its words are text for who does not see it."""
    message = badge_message(results)
    color, _ = _COLORS[run_verdict(results)]
    left, right = (round(len(text) * _CHARACTER_PX) + 2 * _PADDING_PX for text in (LABEL, message))
    title = f"{LABEL}: {message}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="{_HEIGHT_PX}" '
        f'role="img" aria-label={quoteattr(title)}>\n'
        f" <title>{escape(title)}</title>\n"
        f' <rect width="{left + right}" height="{_HEIGHT_PX}" rx="3" fill="{color}"/>\n'
        f' <path d="M3 0h{left - 3}v{_HEIGHT_PX}H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z" fill="#444"/>\n'
        ' <g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" '
        'text-anchor="middle">\n'
        f"  {_text(LABEL, left / 2, left)}\n"
        f"  {_text(message, left + right / 2, right)}\n"
        " </g>\n</svg>\n"
    )


def _text(text: str, middle: float, width: int) -> str:
    """``textLength`` keeps it in its half whatever font there is."""
    return (
        f'<text x="{middle:g}" y="14" textLength="{width - 2 * _PADDING_PX}">{escape(text)}</text>'
    )


def shields_json(results: Results) -> str:
    """What shields.io's endpoint badge reads."""
    verdict = run_verdict(results)
    document = {
        "schemaVersion": 1,
        "label": LABEL,
        "message": badge_message(results),
        "color": _COLORS[verdict][1],
        "isError": verdict == "error",
    }
    return json.dumps(document) + "\n"
