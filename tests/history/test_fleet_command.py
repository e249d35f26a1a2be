"""``hil fleet``: a night over all boards, as a person and as a script uses it."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import fleets
import pytest

from hil.cli.main import main
from hil.history.database import open_history
from hil.history.run_writer import add_run


@pytest.fixture
def fleet(location, address, monkeypatch):
    monkeypatch.setenv("HIL_HISTORY", address)
    monkeypatch.setenv("COLUMNS", "80")
    with open_history(location) as history:
        fleets.Fleet().store(history)
    return location


def said(capsys, *words):
    status = main(["fleet", *words])
    return status, capsys.readouterr()


def document(capsys, *words):
    status, captured = said(capsys, "--json", *words)
    assert status == 0
    return json.loads(captured.out)


def troubles(shown):
    return {row["board"]: set(row["troubles"]) for row in shown["boards"]}


def test_a_night_says_who_reported_is_missing_failed_worse_and_stands_out(fleet, capsys):
    shown = document(capsys)
    assert shown["night"]["day"] == "2026-11-27"
    assert shown["counts"] == {
        "reported": 23, "repeated": 1, "missing": 2, "failed": 1, "over_limit": 1, "worse": 1,
        "outlier": 1,
    }  # fmt: skip
    assert troubles(shown) == {
        "rack-07": {"missing"},
        "id:lost": {"missing"},
        "rack-03": {"failed"},
        "rack-05": {"over_limit"},
        "rack-06": {"worse"},
        "rack-08": {"outlier"},
    }
    assert {row["board"] for row in shown["outliers"]} == {"rack-08"}
    assert {row["z"] > 0 for row in shown["outliers"]} == {True}


def test_the_screen_is_one_of_80_by_24_and_leads_down_to_a_board(fleet, capsys):
    status, captured = said(capsys)
    lines = captured.out.splitlines()
    assert status == 0
    assert len(lines) <= 23
    assert max(map(len, lines)) <= 80
    assert "23 reported, 2 missing, 1 failed, 1 over a limit, 1 worse, 1 outliers" in captured.out
    for name in ("rack-07", "id:lost", "rack-03", "rack-05", "rack-06", "rack-08"):
        assert name in captured.out
    assert "timer_hard, idle: nothing came" in captured.out
    down = re.search(r"one board: hil (trend \S+) --board=(\S+)", captured.out)
    assert main([*down[1].split(), "--board", down[2]]) == 0


def test_the_spread_between_boards_of_one_model(fleet, capsys):
    shown = document(capsys, "--machine=esp32", "--metric", fleets.P99)
    assert {row["machine"] for row in shown["spreads"]} == {fleets.ESP32}
    spread = next(row for row in shown["spreads"] if row["technique"] == "timer_hard")
    assert spread["n"] == 11
    assert 380 < spread["q1"] < spread["median"] < spread["q3"] < 480
    assert spread["low"]["value"] < spread["q1"]
    assert spread["high"]["board"].startswith("rack-")
    assert 0 < spread["mad"] < 60
    _, captured = said(capsys, "--machine=esp32", "--technique=timer_hard")
    assert "spread between boards" in captured.out
    assert {row["technique"] for row in document(capsys, "--technique=thread")["spreads"]} == set()


def test_an_update_of_the_firmware_is_no_missing_board(fleet, capsys):
    old = document(capsys, "--firmware=1.24")
    assert old["counts"]["reported"] == 22
    assert set(troubles(old)) - {"id:lost"} == {
        "rack-03",
        "rack-05",
        "rack-06",
        "rack-07",
        "rack-08",
    }
    assert document(capsys, "--board=rack-2*")["counts"]["reported"] == 4


def test_nights_by_name_and_from_another_hour_on(fleet, capsys, location):
    before = document(capsys, "--night=2026-11-26")
    assert (before["counts"]["reported"], before["boards"]) == (24, [])
    assert document(capsys, "--night=2026-11-28")["counts"]["missing"] == 24
    with open_history(location) as history:
        late = fleets.Fleet().run(7, "2026-11-26", hour=23)
        add_run(history, late)
    shown = document(capsys, "--first-hour=18", "--night=2026-11-27")
    assert "rack-07" not in troubles(shown)
    assert shown["night"]["begin"] == "2026-11-26T18"


def test_the_exit_status_says_how_the_night_was_only_if_asked(fleet, capsys):
    assert said(capsys)[0] == 0
    assert said(capsys, "--fail")[0] == 9
    assert said(capsys, "--fail", "--board=rack-07")[0] == 8
    assert said(capsys, "--fail", "--night=2026-11-26")[0] == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ("--machine=teensy",),
            "its newest night, 2026-11-27, has models ESP32 module with ESP32, Rasp",
        ),
        (("--night=2020-01-01",), "the newest nights are 2026-11-27, 2026-11-26"),
        (("--night=soon",), "soon is no day: give one like 2026-11-01"),
    ],
)
def test_what_is_not_there_is_one_line_that_names_what_is(fleet, capsys, words, says):
    status, captured = said(capsys, *words)
    assert status == 1
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert says in line


def test_the_page_names_the_boards_and_takes_their_names_as_text(fleet, capsys, location, tmp_path):
    with open_history(location) as history:
        run = fleets.Fleet().run(40, "2026-11-27", verdict="fail")
        (board,) = run.boards
        evil = replace(board.identity, name="<script>x</script>", machine="<b>Pico</b>")
        add_run(history, replace(run, boards=(replace(board, identity=evil),)))
    page = tmp_path / "fleet.html"
    status, captured = said(capsys, "--page", str(page))
    assert status == 0
    assert f"page: {page}" in captured.out
    text = page.read_text(encoding="utf-8")
    assert "<script>x" not in text
    assert "<b>Pico" not in text
    for name in ("rack-07", "rack-08", "&lt;script&gt;x", "id:lost"):
        assert name in text
