"""Each option of a run can be given on the command line or in the ini file; the page says so."""

from pathlib import Path

import numpy  # noqa: F401  (it can be loaded once in a process)
import pytest

from hil.model.run_options import BY_FLAG, RUN_OPTIONS
from hil.pytest_plugin.options import option_value

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "pytest.md"


@pytest.fixture
def value(pytester, monkeypatch):
    monkeypatch.delenv("HIL_BOARD", raising=False)
    monkeypatch.delenv("HIL_HISTORY", raising=False)

    def read(flag: str, *args: str, ini: str = ""):
        pytester.makeini(f"[pytest]\n{ini}\n")
        return option_value(pytester.parseconfig(*args), flag)

    return read


@pytest.mark.parametrize("option", RUN_OPTIONS, ids=lambda option: option.name)
def test_the_command_line_goes_before_the_ini_key(value, pytester, option):
    ini = f"{option.ini} = 1"
    assert value(option.flag) is None
    written = str(pytester.path / "1") if option.path else "1"
    assert value(option.flag, ini=ini) == ([written] if option.several else written)
    assert value(option.flag, f"{option.flag}=2", ini=ini) == (["2"] if option.several else "2")


@pytest.mark.parametrize("flag", ["--hil-board", "--hil-history"])
def test_a_variable_stands_between_them(value, monkeypatch, flag):
    option = BY_FLAG[flag]
    monkeypatch.setenv(option.variable, "3")
    ini = f"{option.ini} = 1"
    assert value(flag, ini=ini) == (["3"] if option.several else "3")
    assert value(flag, f"{flag}=2", ini=ini) == (["2"] if option.several else "2")


def test_no_address_is_taken_for_a_path(value):
    ini = "hil_history = postgresql://hil@host/db"
    assert value("--hil-history", ini=ini) == "postgresql://hil@host/db"
    assert value("--hil-history", ini="hil_history = none") == "none"


def test_a_test_explorer_sees_the_cases_by_the_ini_file_and_opens_no_board(pytester, monkeypatch):
    monkeypatch.delenv("HIL_BOARD", raising=False)
    pytester.makepyfile("def test_it(figures): pass")
    pytester.makeini(
        "[pytest]\nhil_board = /dev/no-such-board\nhil_technique = thread\nhil_load = idle,gc\n"
    )
    result = pytester.runpytest_inprocess("--collect-only", "-q")
    assert result.ret == 0
    names = [line.rpartition("::")[2] for line in result.outlines if "::" in line]
    boards = "/dev/no-such-board"
    assert names == [f"test_it[{boards}-thread-idle]", f"test_it[{boards}-thread-gc]"]
    assert not pytester.path.joinpath("reports").exists()


def test_the_page_has_the_table():
    rows = [
        f"| `{option.flag}={option.metavar}` | ".replace("l|p", "l\\|p").replace("E|F", "E\\|F")
        + (f"`{option.variable}`" if option.variable else "")
        + f" | `{option.ini}` |"
        for option in sorted(RUN_OPTIONS, key=lambda option: option.name)
    ]
    assert "\n".join(rows) in PAGE.read_text()
