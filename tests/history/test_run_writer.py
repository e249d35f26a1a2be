"""Runs go in whole and once, and come out as they went in."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import runs

from hil.history.database import open_history
from hil.history.queries import RunFilter, list_runs
from hil.history.run_reader import find_run, load_run
from hil.history.run_writer import add_run
from hil.history.stored_records import make_history_run
from hil.model.board import Temperature, board_key, firmware_line
from hil.model.results import ErrorRecord, HostClock, Skip, UncertaintyPart


@pytest.fixture
def history(location):
    with open_history(location) as opened:
        yield opened


def test_a_run_comes_out_as_it_went_in(history):
    run = runs.night(1, events=400)
    name, new = add_run(history, run, worse=2)
    assert (name, new) == (run.info.id, True)
    back = load_run(history, find_run(history, name))
    assert back.info == run.info
    assert (back.fingerprint, back.verdict) == (run.fingerprint, run.verdict)
    assert (back.skipped, back.errors) == (run.skipped, run.errors)
    (board,), (stored_board,) = back.boards, run.boards
    assert replace(board.identity, port=stored_board.identity.port) == stored_board.identity
    assert (board.key, board.firmware) == ("e660583883", "1.24.1")
    assert board.cases == stored_board.cases
    assert sum(len(case.stamps) for case in board.cases) == 2 * (2 + 1)


def test_what_has_no_column_comes_out_too(history):
    """Only the port stays behind: it says nothing of the board."""
    of = runs.board(
        clock="virtual",
        free_bytes=7000,
        clock_jump_us=65_536,
        temperature_c=Temperature(21.5, None),
        unknown_keys={"colour": "green", "id": 3},
    )
    run = runs.night(1, of=of)
    (board,) = run.boards
    figure = replace(
        board.cases[0].measurements[0],
        source="saleae",
        where_us=2.5,
        n_effective=12.5,
        no_bounds="wanders",
        windows=({"from_us": 0, "value": 1.5},),
        uncertainty=(UncertaintyPart("resolution", "B", 0.29),),
        unknown_keys={"verdict of a friend": None},
    )
    case = replace(board.cases[0], measurements=(figure, *board.cases[0].measurements[1:]))
    info = replace(
        run.info,
        host_clock=HostClock("ntp", 0.5),
        hashes={"capture/a.hilcap": "00ff"},
        unknown_keys={"verdict": "rain"},
    )
    run = replace(run, info=info, boards=(replace(board, cases=(case, *board.cases[1:])),))
    name, _ = add_run(history, run)
    back = load_run(history, find_run(history, name))
    assert back.info == run.info
    assert back.boards[0].identity == replace(of, port="")
    assert back.boards[0].cases == run.boards[0].cases


def test_the_same_run_is_stored_once(history):
    run = runs.night(1)
    assert add_run(history, run) == (run.info.id, True)
    judged = replace(run, verdict="fail")  # by other budgets
    assert add_run(history, judged) == (run.info.id, False)
    (listed,) = list_runs(history, RunFilter())
    assert listed.verdict == "none"


def test_two_hosts_that_began_in_the_same_second_keep_both_runs(history):
    original, renamed_run = runs.night(1), runs.renamed(runs.night(2), runs.night(1).info.id)
    first, _ = add_run(history, original)
    second, new = add_run(history, renamed_run)
    assert new
    assert second == f"{first}~{renamed_run.fingerprint[:8]}"
    assert add_run(history, renamed_run) == (second, False)
    assert len(list_runs(history, RunFilter())) == 2


def test_what_a_board_says_is_data(history):
    hostile = "a\x00b\ud800'); DROP TABLE runs; --\x1b[31m" + "x" * 100_000
    rng = np.random.default_rng(1)
    capture = runs.capture(
        rng, of=runs.board(machine=hostile, micropython=hostile, unique_id=hostile)
    )
    result = runs.results([capture], errors=(ErrorRecord("b", "t", "l", hostile, hostile),))
    result = replace(result, skipped=(Skip(hostile, hostile, hostile, hostile),))
    name, _ = add_run(history, make_history_run(result, [capture]))
    back = load_run(history, find_run(history, name))
    (listed,) = list_runs(history, RunFilter())
    assert len(listed.boards[0].machine) < 30_000
    assert "\x00" not in back.errors[0].detail
    assert back.errors[0].detail.startswith("a\\x00b")


def test_an_invalid_case_leaves_no_stamps_but_its_error(history):
    rng = np.random.default_rng(1)
    good, bad = runs.capture(rng), runs.capture(rng, "timer_hard")
    result = runs.results(
        [good], errors=(ErrorRecord(bad.board.name, "timer_hard", "idle", "lost"),)
    )
    run = make_history_run(result, [good, bad])
    assert run.verdict == "error"
    assert [case.technique for case in run.boards[0].cases] == ["timer_soft"]
    name, _ = add_run(history, run)
    assert load_run(history, find_run(history, name)).errors[0].error == "lost"


def test_a_figure_that_is_no_number_is_left_out(history):
    run = runs.night(1)
    case = run.boards[0].cases[0]
    broken = replace(case.measurements[0], value=float("nan"))
    half = replace(case.measurements[1], lo=float("-inf"))
    cases = (replace(case, measurements=(broken, half)),)
    run = replace(run, boards=(replace(run.boards[0], cases=cases),))
    name, _ = add_run(history, run)
    (back,) = load_run(history, find_run(history, name)).boards[0].cases[0].measurements
    assert (back.metric, back.lo) == (half.metric, None)


def test_a_writer_has_the_lock_from_its_start_and_a_reader_has_none(history):
    if history.location.file is None:
        pytest.skip("PostgreSQL sorts writers out by itself")

    def others(_connection):
        other = sqlite3.connect(history.location.file, timeout=0, isolation_level=None)
        with contextlib.closing(other):
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")

    history.read(others)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        history.write(others)


def test_the_same_stamps_of_another_board_are_another_run():
    rng = np.random.default_rng(1)
    capture = runs.capture(rng)
    two = replace(capture, board=runs.board(unique_id="other"))
    prints = {make_history_run(runs.results([x]), [x]).fingerprint for x in (capture, capture, two)}
    assert len(prints) == 2


ADD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
import runs
from hil.history.database import open_history
from hil.history.location import find_location
from hil.history.run_writer import add_run
host = int(sys.argv[2])
for number in range(5):
    with open_history(find_location(sys.argv[1], Path())) as history:
        name, new = add_run(history, runs.night(100 * host + number, number=number, n=320))
        assert new
"""


def test_four_hosts_write_five_runs_each_at_once_and_nothing_is_lost(address, location):
    hosts = [
        subprocess.Popen(
            [sys.executable, "-c", ADD, address, str(host), str(Path(__file__).parent)],
            stderr=subprocess.PIPE,
            text=True,
        )
        for host in range(4)
    ]
    said = [host.communicate(timeout=300)[1] for host in hosts]
    assert [host.returncode for host in hosts] == [0] * 4, said
    with open_history(location) as history:
        listed = list_runs(history, RunFilter())
        assert len(listed) == 20
        assert len({listed_run.run for listed_run in listed}) == 20
        assert {listed_run.cases for listed_run in listed} == {2}
        whole = [load_run(history, find_run(history, listed_run.run)) for listed_run in listed]
    assert len({run.fingerprint for run in whole}) == 20
    counts = {len(case.measurements) for run in whole for case in run.boards[0].cases}
    assert min(counts) > 20
    assert all(len(case.stamps) == 2 for run in whole for case in run.boards[0].cases)


@pytest.mark.parametrize(
    ("version", "line"),
    [
        ("v1.24.1", "1.24.1"),
        ("1.29.0-preview.92.gd7122fa", "1.29.0-preview"),
        ("1.29.0-preview", "1.29.0-preview"),
        ("v1.9.2-34-gd64154c73 on 2017-09-01; micro:bit v1.0.1", "1.9.2"),
        ("v1.23.0-dirty", "1.23.0"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_the_firmware_line_is_the_version_without_the_build(version, line):
    assert firmware_line(version) == line


def test_a_board_is_known_by_its_id_and_the_embedded_one_by_its_name():
    assert board_key(runs.board()) == "e660583883"
    assert board_key(runs.board(unique_id=None)) == "/dev/ttyUSB0"
    assert board_key(runs.board("sim:ppm=40", source="sim")) == "sim"


def test_the_beginning_of_a_runs_name_is_enough_where_it_is_the_only_one(history):
    from hil.model.errors import CaptureError

    for seed in (1, 2):
        add_run(history, runs.night(seed))
    assert find_run(history, "20261101T0001") == find_run(history, runs.night(1).info.id)
    assert find_run(history, "zebra") is None
    assert find_run(history, "%") is None
    with pytest.raises(CaptureError, match="several"):
        find_run(history, "20261101")
