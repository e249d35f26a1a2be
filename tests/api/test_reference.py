"""docs/reference/python-api.md names every public name of the interface, and no other."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

import hil
import hil.units
from hil.model.results import Measurement

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "python-api.md").read_text("utf-8")
SECTIONS = dict(
    zip(
        (titles := re.findall(r"^## (\S+)", PAGE, re.MULTILINE)),
        re.split(r"^## .*$", PAGE, flags=re.MULTILINE)[1:],
        strict=True,
    )
)


def public(kind):
    names = {name for name in dir(kind) if not name.startswith("_")}
    return names - set(dir(tuple)) if kind is hil.FigureSet else names


def named(text):
    """The names in code of the first column of a section's table, and of its text."""
    return {
        word for code in re.findall(r"`([^`]*)`", text) for word in re.findall(r"[a-z_]+", code)
    }


@pytest.mark.parametrize("title", ["Run", "Case", "FigureSet", "Stamps"])
def test_every_public_name_is_documented(title):
    kind = getattr(hil, title)
    members = public(kind) | set(getattr(kind, "__annotations__", ()))
    inherited = {"run", "board", "technique", "load", "source"}
    assert members - named(SECTIONS[title]) == set()
    firsts = re.findall(r"^\| (`.*?) \|", SECTIONS[title], re.MULTILINE)
    names = {name for cell in firsts for name in re.findall(r"`([a-z_]+)[(`]", cell)}
    assert names - members - inherited - {"abs"} == set()


def test_fields_of_a_figure_and_units_are_documented():
    left_out = {"board", "technique", "load", "metric", "reference", "unknown_keys"}
    assert {f.name for f in fields(Measurement)} - left_out - named(SECTIONS["FigureSet"]) == set()
    assert set(hil.units.__all__) - {"Quantity"} <= set(re.findall(r"\w+", SECTIONS["hil.units"]))


def test_what_import_hil_offers_is_documented():
    offered = set(hil._FROM) - {"HilError"}
    assert offered <= {"load", *SECTIONS}
    assert 'hil.load(run="latest", id=None)' in PAGE
