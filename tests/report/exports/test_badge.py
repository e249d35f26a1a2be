"""The badge says what the run's verdict is, and carries nothing that anybody could have put in."""

import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from hil.model.results import ErrorRecord
from hil.model.verdicts import run_verdict
from hil.report.exports.badge import badge_message, badge_svg, shields_json

from .conftest import HOSTILE, figure

MISSING = ErrorRecord(HOSTILE, "-", "-", "expected board is missing: no board answered")
LOST = ErrorRecord(HOSTILE, "thread", "idle", HOSTILE)


def run_of(results, *verdicts, errors=()):
    figures = tuple(
        figure("missed", "count", float(number), task=number, verdict=verdict)
        for number, verdict in enumerate(verdicts)
    )
    return replace(results, measurements=figures, errors=errors)


@pytest.mark.parametrize(
    ("verdicts", "errors", "message", "color"),
    [
        (["pass"] * 3 + ["none"], [], "3 limits met", "brightgreen"),
        (["pass"], [], "1 limit met", "brightgreen"),
        (["pass", "fail", "fail"], [], "2 of 3 out of budget", "red"),
        (["pass", "undecided"], [], "1 of 2 undecided", "yellow"),
        (["none"], [], "measured, no limits", "lightgrey"),
        ([], [], "nothing measured", "lightgrey"),
        (["pass"], [MISSING], "1 board missing", "orange"),
        (
            ["fail"],
            [MISSING, MISSING, LOST],
            "1 of 1 out of budget, 2 boards missing, 1 error",
            "red",
        ),
    ],
)
def test_the_words_of_each_outcome(results, verdicts, errors, message, color):
    run = run_of(results, *verdicts, errors=tuple(errors))
    assert badge_message(run) == message
    document = json.loads(shields_json(run))
    assert (document["message"], document["color"]) == (message, color)
    assert document["isError"] == (run_verdict(run) == "error")
    picture = ET.fromstring(badge_svg(run))
    assert picture.get("aria-label") == f"timing: {message}"
    texts = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["timing", message]


def test_nothing_of_a_board_or_a_network_is_in_it(results):
    text = badge_svg(replace(results, errors=(MISSING, LOST)))
    assert HOSTILE not in text
    assert text.count("http") == 1  # the name of SVG itself
    for word in ("script", "href", "url(", "import"):
        assert word not in text


def test_its_letters_stand_out(results):
    def luminance(color):
        parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for verdict in ("pass", "fail", "undecided", "none"):
        (color,) = [
            rect.get("fill")
            for rect in ET.fromstring(badge_svg(run_of(results, verdict))).iter(
                "{http://www.w3.org/2000/svg}rect"
            )
        ]
        assert 1.05 / (luminance(color) + 0.05) >= 4.5
