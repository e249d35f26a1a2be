"""``--hil-expect``: a missing board is exit 8, and everything that a run leaves says which."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace

import pytest

from hil.cli.main import main
from hil.experiments.expected_boards import read_expected
from hil.history.missing_parts import AskedCases
from hil.model.errors import ConfigurationError
from hil.pytest_plugin.missing_boards import find_missing
from hil.pytest_plugin.run_end import BENCH_BROKEN
from hil.recording.run_folder import RunFolder
from hil.recording.stored_run import read_run

STORED = Path(__file__).parents[1] / "replay" / "runs" / "loads"

SUITE = "def test_it(figures):\n    figures.check('dropped')\n"
BOARD = "sim:clock=virtual,seed=1"
CASE = ("--hil-technique=timer_hard", "--hil-duration-s=0.4", "--hil-out=out")


def left(pytester):
    folder = max((pytester.path / "out").glob("2*"))  # `latest` is one with a measurement
    numbers = json.loads((folder / "results.json").read_text())
    return folder, [(e["board"], e["error"]) for e in numbers["errors"]], numbers


def test_a_missing_board_is_told_everywhere(pytester, run_here, attached, capsys, monkeypatch):
    pytester.makepyfile(SUITE)
    history = str(pytester.path / "history.db")
    more = (f"--hil-expect={BOARD},pico-1", f"--hil-history={history}")
    result = run_here(f"--board={BOARD}", *more, *CASE)
    assert result.ret == BENCH_BROKEN
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*; missing: pico-1.", "*ERROR hil::board?pico-1?*"])
    folder, ((board, error),), _ = left(pytester)
    assert board == "pico-1"
    assert error.startswith("expected board is missing")
    page = (folder / "report.html").read_text()
    assert "missing: pico-1." in page  # the first sentence
    assert "is missing: pico-1 (" in page  # among the errors
    errors = ET.parse(folder / "junit.xml").getroot().iter("error")
    assert ["pico-1" in (e.text or "") for e in errors] == [True]
    capsys.readouterr()
    monkeypatch.setenv("COLUMNS", "120")
    for words in (["--board=pico-1"], []):
        assert main(["history", f"--history={history}", "--json", *words]) == 0
        (run,) = json.loads(capsys.readouterr().out)["runs"]
        assert run["missing"] == ["pico-1"]
        assert run["verdict"] == "error"
    assert main(["history", f"--history={history}"]) == 0
    assert "(missing)" in capsys.readouterr().out
    (folder / "results.json").unlink()
    assert main(["report", str(folder)]) == 0
    assert "missing: pico-1" in (folder / "report.html").read_text()


def test_a_night_without_any_board_is_a_run(pytester, run_here, attached):
    pytester.makepyfile(SUITE)
    history = str(pytester.path / "history.db")
    expect = ("--hil-expect=pico-1", "--hil-expect=id:E66", f"--hil-history={history}")
    result = run_here("--board=auto", *expect, "--hil-compare=last", *CASE)
    assert result.ret == BENCH_BROKEN
    folder, errors, _ = left(pytester)
    assert {board for board, _ in errors} == {"pico-1", "id:E66"}
    assert (folder / "report.html").is_file()
    assert run_here("--board=auto", *CASE).ret == 4  # nothing was expected: as before


def test_a_board_that_does_not_answer_is_missing(pytester, run_here, attached):
    pytester.makepyfile(SUITE)
    port = "/dev/no-such-port"
    result = run_here(f"--board={port}", f"--hil-expect={port}", *CASE)
    assert result.ret == BENCH_BROKEN
    _, errors, _ = left(pytester)
    assert [e for b, e in errors if b == port and f"is missing: {port} (it did not" in e]


def test_where_workers_measure_the_captures_tell_who_answered():
    told = []
    stored = read_run(STORED).captures[0].board
    bench = SimpleNamespace(
        folder=RunFolder(STORED),
        notes=[],
        boards=[],
        check_expected=lambda boards: told.append(boards),
    )
    options = SimpleNamespace(expected=("a",), boards=[SimpleNamespace(text="b1")])
    asked = AskedCases(frozenset({("b1", "timer_hard", "idle")}), every_board=True)
    find_missing(bench, options, asked, workers_measure=True)
    assert [[board.name for board in boards] for boards in told] == [[stored.name]]


def test_all_there_is_exit_0_and_nothing_is_said(pytester, run_here, attached):
    pytester.makepyfile(SUITE)
    pytester.makeini(f"[pytest]\nhil_expect =\n    {BOARD}\n")
    result = run_here(f"--board={BOARD}", *CASE)
    assert result.ret == 0
    assert "missing" not in result.stdout.str()


def test_the_ini_key_and_a_file(pytester, run_here, attached):
    pytester.makepyfile(SUITE)
    pytester.makeini("[pytest]\nhil_expect =\n    @bench.txt\n    third\n")
    pytester.path.joinpath("bench.txt").write_text("\ufeffone  # by the window\n\n# two\nsim\n")
    result = run_here("--board=sim:clock=virtual", *CASE)
    assert result.ret == BENCH_BROKEN
    _, errors, numbers = left(pytester)
    assert [board for board, _ in errors] == ["one", "sim", "third"]
    told = [s for s in numbers["skipped"] if s["technique"] == "bench"]  # nobody expected it
    assert [(s["board"], "not expected" in s["reason"]) for s in told] == [
        ("sim:clock=virtual", True)
    ]
    assert "sim:clock=virtual: attached, but not" in " ".join(result.stdout.str().split())


def test_deselected_boards_are_not_missing(pytester, run_here, attached):
    pytester.makepyfile(SUITE + "def test_other():\n    pass\n")
    result = run_here(
        f"--board={BOARD}", "--hil-expect=pico-1", "-k", "test_other", *CASE, "--hil-history=none"
    )
    assert result.ret == 0
    assert "is missing" not in result.stdout.str()
    assert not list((pytester.path / "out").glob("2*"))


def test_where_one_boards_tests_are_left_out_nothing_is_checked():
    bench = SimpleNamespace(notes=[])
    options = SimpleNamespace(
        expected=("a",), boards=[SimpleNamespace(text="b1"), SimpleNamespace(text="b2")]
    )
    asked = AskedCases(frozenset({("b1", "timer_hard", "idle")}))
    assert find_missing(bench, options, asked, workers_measure=False) == []
    assert bench.notes == ["--hil-expect was not checked: no test of b2 was selected"]


@pytest.mark.parametrize("texts", [[""], [" , "], ["@"], ["@/no/such/file"], ["@\0"]])
def test_a_list_that_names_nothing_is_refused(texts):
    with pytest.raises(ConfigurationError, match="--hil-expect"):
        read_expected(texts)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "bench.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        read_expected([f"@{tmp_path / 'bench.txt'}"])
