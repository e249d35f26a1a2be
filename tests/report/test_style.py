"""The style sheet: both themes can be read, and phone, print and keyboard are served."""

import re

import pytest

from hil.report.charts import matplotlib_drawing
from hil.report.charts.chart import COLORS
from hil.report.page.template_environment import style_sheet

TEXT = ("ink", "soft", "bad", "good", "warn", "undecided", "link")
LINES = tuple(f"c{k}" for k in range(COLORS))
THEMES = {"light": 0, "dark": 1}


def colors(theme):
    colors = re.findall(r"--hil-(\w+): light-dark\((#\w{6}), (#\w{6})\)", style_sheet())
    return {name: (light, dark)[THEMES[theme]] for name, light, dark in colors}


def channels(color):
    return [int(color[i : i + 2], 16) for i in (1, 3, 5)]


def contrast(color, other):
    """WCAG 2.1 contrast ratio of two colours, each three channels from 0 to 255."""

    def light(parts):
        linear = [
            p / 255 / 12.92 if p / 255 <= 0.04045 else ((p / 255 + 0.055) / 1.055) ** 2.4
            for p in parts
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(color), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_black_on_white_is_the_known_ratio():
    assert contrast([0, 0, 0], [255, 255, 255]) == pytest.approx(21.0)


@pytest.mark.parametrize("theme", THEMES)
def test_text_and_lines_stand_out(theme):
    known = colors(theme)
    for ground in ("page", "panel"):
        for name in (*TEXT, *LINES):
            ratio = contrast(channels(known[name]), channels(known[ground]))
            assert ratio >= 4.5, (name, ground, ratio)


@pytest.mark.parametrize("theme", THEMES)
def test_text_stands_out_on_every_warmth_of_the_map(theme):
    known = colors(theme)
    shares = [int(share) / 100 for share in re.findall(r"var\(--hil-bad\) (\d+)%", style_sheet())]
    assert len(shares) == 5
    page, bad = channels(known["page"]), channels(known["bad"])
    for share in shares:
        ground = [share * b + (1 - share) * p for b, p in zip(bad, page, strict=True)]
        assert contrast(channels(known["ink"]), ground) >= 4.5, share


def test_phone_print_keyboard_and_themes_are_served():
    text = style_sheet()
    assert "@media print" in text
    assert "@media (max-width" in text
    assert ":focus-visible" in text
    assert re.search(r"\.hil-scroll \{[^}]*overflow-x: auto", text)
    for theme in THEMES:
        assert f'[data-theme="{theme}"]' in text
    assert re.search(r"\b(animation|transition): (?!none)", text) is None


def test_every_colour_that_is_used_is_defined():
    text = style_sheet()
    used = set(re.findall(r"var\(--hil-(\w+)\)", text))
    assert used <= set(re.findall(r"--hil-(\w+): ", text))


def test_files_have_the_colours_of_the_light_page():
    light = colors("light")
    assert tuple(light[f"c{k}"] for k in range(COLORS)) == matplotlib_drawing.PALETTE
    assert (light["ink"], light["soft"]) == (
        matplotlib_drawing.INK_COLOR,
        matplotlib_drawing.SOFT_COLOR,
    )
    assert (light["grid"], light["bad"]) == (
        matplotlib_drawing.GRID_COLOR,
        matplotlib_drawing.BAD_COLOR,
    )
    assert light["band"] == matplotlib_drawing.BAND_COLOR
