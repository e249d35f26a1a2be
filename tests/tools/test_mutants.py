"""What the campaign of mutants draws from and runs is there, and its list outlives renaming."""

from pathlib import Path

import pytest

from tools.mutants import scope
from tools.mutants.equivalents import read_equivalents

ROOT = Path(__file__).parents[2]
SOURCE = """
limit = 3

class Window:
    size = 4

    def past(self, values, end):
        for value in values:
            if value < end:
                return value + 1
        return len(values) < end + 1
"""


def entry(function: str, before: str, after: str) -> str:
    return (
        f'[[mutant]]\nfile = "code.py"\nfunction = "{function}"\n'
        f'before = "{before}"\nafter = "{after}"\nwhy = "same"\n'
    )


@pytest.fixture
def code(tmp_path):
    (tmp_path / "code.py").write_text(SOURCE)
    return tmp_path


def test_every_path_of_the_campaign_is_there():
    strata = {stratum for stratum, _ in scope.stratum_files(ROOT)}
    assert strata == set(scope.STRATA)
    text = "".join(file.read_text() for file in scope.test_files(ROOT))
    assert [name for name in sorted(scope.SLOW) if f"def {name}(" not in text] == []


def test_a_stratum_without_files_is_told(tmp_path):
    with pytest.raises(SystemExit, match=r"stratum 'protocol' names .*hil/protocol"):
        list(scope.stratum_files(tmp_path))


def test_a_line_as_it_was_written(code):
    key = ("code.py", "Window.past", "if value < end:", "if value <= end:")
    assert read_equivalents(code, entry(*key[1:])) == ({key: "same"}, [])


def test_a_line_whose_names_changed_takes_its_mutant_along(code):
    text = entry("Window.past", "if one < last:", "if one < last and one is not extra:")
    after = "if value < end and value is not extra:"
    key = ("code.py", "Window.past", "if value < end:", after)
    assert read_equivalents(code, text) == ({key: "same"}, [])


def test_a_function_whose_name_changed(code):
    text = entry("Window.before", "return one + 1", "return one + 2")
    key = ("code.py", "Window.past", "return value + 1", "return value + 2")
    assert read_equivalents(code, text) == ({key: "same"}, [])


def test_lines_outside_functions(code):
    keys = [("code.py", "", "limit = 3", "limit = 4"), ("code.py", "", "size = 4", "size = 5")]
    text = entry("", "bound = 3", "bound = 4") + entry("", "size = 4", "size = 5")
    assert read_equivalents(code, text) == (dict.fromkeys(keys, "same"), [])


@pytest.mark.parametrize(
    ("function", "before"),
    [
        ("Window.past", "if one <= last:"),  # no such line
        ("Window.past", "if one < one:"),  # the same variable twice
        ("Window.past", "return 2"),
        ("", "name = 5"),
    ],
)
def test_an_entry_whose_line_is_gone_is_stale(code, function, before):
    reasons, stale = read_equivalents(code, entry(function, before, "pass"))
    assert (reasons, stale) == ({}, [("code.py", function, before, "pass")])


def test_an_entry_that_fits_two_lines_is_stale(code):
    (code / "code.py").write_text(SOURCE + "    def other(self, a):\n        return a + 1\n")
    text = entry("gone", "return one + 1", "return one + 2")
    assert read_equivalents(code, text)[0] == {}


def test_a_file_that_is_gone(tmp_path):
    assert len(read_equivalents(tmp_path, entry("f", "x = 1", "x = 2"))[1]) == 1
