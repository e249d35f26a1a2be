"""``hil history``, ``trend``, ``baseline`` and ``prune``, as a person and as a script uses them."""

from __future__ import annotations

import json
import re

import pytest
import runs

from hil.cli.main import main
from hil.history.database import open_history
from hil.history.run_writer import add_run
from hil.report.page.trend_page import trend_page
from hil.report.terminal.sparklines import sparkline


@pytest.fixture
def filled(location, address, monkeypatch):
    """Six nights of one board, the last one slow and two nights on another board."""
    monkeypatch.setenv("HIL_HISTORY", address)
    with open_history(location) as history:
        for seed in range(6):
            levels = {"timer_soft": 900.0 if seed == 5 else 200.0, "timer_hard": 60.0}
            add_run(history, runs.night(seed, levels), worse=3 if seed == 5 else None)
        for seed in (6, 7):
            other = runs.board("/dev/ttyACM0", unique_id="other", micropython="v1.25.0")
            add_run(history, runs.night(seed, {"timer_soft": 90.0}, of=other))
    return location


def said(capsys, *words):
    status = main(list(words))
    return status, capsys.readouterr().out


def listed(capsys, *words):
    status, out = said(capsys, "history", "--json", *words)
    assert status == 0
    return [int(run["run"][11:13]) for run in json.loads(out)["runs"]]


def test_the_list_and_its_filters(filled, capsys):
    assert listed(capsys) == [7, 6, 5, 4, 3, 2, 1, 0]
    assert listed(capsys, "--last", "2") == [7, 6]
    assert listed(capsys, "--board", "other") == [7, 6]
    assert listed(capsys, "--board", "/dev/ttyUSB0") == [5, 4, 3, 2, 1, 0]
    assert listed(capsys, "--board", "oth*") == [7, 6]
    assert listed(capsys, "--board", "oth") == []
    assert listed(capsys, "--board", "/dev/tty???0", "--until", "2026-11-01T00:02") == [1, 0]
    assert listed(capsys, "--board", "%") == []
    assert listed(capsys, "--machine", "pico with rp2040", "--last", "1") == [7]
    assert listed(capsys, "--machine", "*rp2040", "--last", "1") == [7]
    assert listed(capsys, "--machine", "pico*") == []
    assert listed(capsys, "--machine", "pico_with") == []
    assert listed(capsys, "--firmware", "1.25") == [7, 6]
    assert listed(capsys, "--firmware", "v1.25.0") == [7, 6]
    assert listed(capsys, "--firmware", "1.?5*") == [7, 6]
    assert listed(capsys, "--firmware", "1.?5") == []
    assert listed(capsys, "--technique", "timer_hard", "--last", "1") == [5]
    assert listed(capsys, "--load", "gc") == []
    assert listed(capsys, "--since", "2026-11-01T00:06") == [7, 6]
    assert listed(capsys, "--since", "2026-11-01T02:06+02:00") == [7, 6]
    assert listed(capsys, "--verdict", "fail") == []
    status, out = said(capsys, "history", "--last", "3")
    assert status == 0
    assert "20261101T000500Z_pico" in out
    assert "v1.25.0" in out


def test_the_list_goes_on_where_it_ended(filled, capsys):
    assert listed(capsys, "--limit", "3", "--offset", "2") == [5, 4, 3]
    assert listed(capsys, "--limit", "3", "--offset", "7", "--board", "/dev/tty*") == [0]
    assert listed(capsys, "--all", "--limit", "1") == [7, 6, 5, 4, 3, 2, 1, 0]
    assert listed(capsys, "--all", "--offset", "6") == [1, 0]
    _, out = said(capsys, "history", "--limit", "3")
    assert "3 of 8 runs; the next: --offset=3, all: --all" in out
    _, out = said(capsys, "history", "--limit", "3", "--offset", "5")
    assert "of 8 runs" not in out
    _, out = said(capsys, "history", "--offset", "8")
    assert out == "8 runs, none behind --offset=8\n"
    _, out = said(capsys, "history", "--json", "--limit", "1", "--board", "other")
    assert json.loads(out)["count"] == 2


def test_what_no_run_has_is_one_line_that_names_what_there_is(filled, capsys):
    status, out = said(capsys, "history", "--board", "nowhere", "--firmware", "9")
    assert status == 0
    assert "2026-11-01, has boards /dev/ttyACM0, /dev/ttyUSB0; MicroPython 1.24.1, 1.25.0" in out
    assert len(out.splitlines()) == 1
    with pytest.raises(SystemExit):
        main(["history", "--offset", "-1"])


def test_the_place_is_shown_without_its_password(filled, capsys, address):
    _, out = said(capsys, "history", "--json")
    shown = json.loads(out)["history"]
    assert shown == filled.shown
    if filled.file is None:
        assert "s3cr3t" in address
        assert "s3cr3t" not in out


@pytest.mark.parametrize("given", ["yesterday", "2026-13-01", "9999999999d"])
def test_a_day_that_is_none(filled, capsys, given):
    assert main(["history", "--since", given]) == 1
    assert "give a day" in capsys.readouterr().err


def test_a_trend(filled, capsys, tmp_path):
    status, out = said(capsys, "trend", "lateness_p50_us", "--technique", "timer_soft")
    assert status == 0
    assert re.search(r"timer_soft, idle, task 0\s+[▁▂▃▄▅▆▇]{5}█", out)
    assert "/dev/ttyACM0, MicroPython 1.25.0, profile quick" in out
    page = tmp_path / "trend.html"
    status, out = said(capsys, "trend", "lateness_p50_us", "--json", "--html", str(page))
    lines = json.loads(out)["lines"]
    assert len(lines) == 2 * 2 + 2
    line = next(x for x in lines if x["technique"] == "timer_soft" and x["key"] == "e660583883")
    values = [point["value"] for point in line["points"]]
    assert len(values) == 6
    assert values[-1] == max(values)
    text = page.read_text()
    blocks = re.findall(r'class="hil-chart-data">(.*?)</script>', text, re.DOTALL)
    charts = [json.loads(block) for block in blocks]
    assert len(charts) == 6
    assert sum(len(chart["marks"]) for chart in charts) == 4 * 6 + 2 * 2
    assert "http" not in re.sub(r'http-equiv|"http://www.w3.org/2000/svg"', "", text)


def test_a_trend_of_nothing_names_what_there_is(filled, capsys):
    assert main(["trend", "lateness_p98_us"]) == 1
    assert "lateness_p99_us" in capsys.readouterr().err


def test_a_page_escapes_what_a_board_is_called(filled):
    from hil.history.trend_queries import TrendLine, TrendPoint

    point = TrendPoint("<r>", "2026-01-01", 1.0, None, None, 5, "none")
    line = TrendLine("<b>&", "k", "1", "p", "t", "idle", None, None, "us", points=[point])
    page = trend_page("missed", [line])
    assert "&lt;b&gt;&amp;" in page
    assert "<b>&" not in page
    assert "<r>" not in page


def test_sparklines():
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert sparkline([100, 100.5, 100]) == "▄▄▄"
    assert sparkline([]) == ""
    assert sparkline([float("nan"), 0.0]) == "▄"
    assert len(sparkline(list(range(99)))) == 30


def test_pruning_keeps_the_newest_of_each_board_and_every_baseline(filled, capsys):
    assert said(capsys, "baseline", "set", "20261101T0001", "--note", "release")[0] == 0
    status, out = said(capsys, "prune", "--keep", "2", "--dry-run")
    assert status == 0
    assert out.count("would remove") == 3
    assert listed(capsys) == [7, 6, 5, 4, 3, 2, 1, 0]
    status, out = said(capsys, "prune", "--keep", "2", "--json")
    assert json.loads(out)["removed"] == 3
    assert listed(capsys) == [7, 6, 5, 4, 1]
    assert said(capsys, "prune", "--older-than", "2026-11-01T00:07")[0] == 0
    assert listed(capsys) == [7, 1]
    assert "nothing to remove" in said(capsys, "prune", "--keep", "5")[1]


def test_pruning_only_some_boards(filled, capsys):
    words = ("prune", "--keep", "1", "--only", "history")
    assert said(capsys, *words, "--board", "nowhere")[0] == 0
    assert len(listed(capsys)) == 8
    assert said(capsys, *words, "--firmware", "1.25*", "--machine", "pico")[0] == 0
    assert listed(capsys) == [7, 5, 4, 3, 2, 1, 0]
    assert main([*words[:3], "--board", "other"]) == 1
    assert "add --only=history" in capsys.readouterr().err


def test_a_run_stays_where_one_of_the_two_rules_keeps_it(filled, capsys):
    said(capsys, "prune", "--keep", "1", "--older-than", "2026-11-01T00:04")
    assert listed(capsys) == [7, 6, 5, 4]


def test_pruning_removes_all_of_a_run(filled):
    import sqlalchemy as sa

    from hil.history.old_runs import old_runs
    from hil.history.retention import remove_runs
    from hil.history.retention_policy import RetentionPolicy
    from hil.history.sql_tables import metadata

    with open_history(filled) as history:
        before = filled.file.stat().st_size if filled.file else 0
        gone = old_runs(history, RetentionPolicy(newest=0))
        assert remove_runs(history, gone, summarise=False) == 8
        words = {"metrics", "plans", "plan_cases"}  # which all runs share
        for table in (table for name, table in metadata.tables.items() if name not in words):
            query = sa.select(sa.func.count()).select_from(table)
            assert history.read(lambda c, q=query: c.execute(q).scalar()) == 0
        if filled.file:
            assert filled.file.stat().st_size < before


@pytest.mark.parametrize("words", [[], ["--older-than", "zebra"]])
def test_pruning_needs_to_know_what_stays(filled, capsys, words):
    assert main(["prune", *words]) == 1
    assert capsys.readouterr().err.startswith("hil: ")
    assert len(listed(capsys)) == 8


def test_a_baseline_takes_the_place_of_the_one_before(filled, capsys):
    said(capsys, "baseline", "set", "20261101T0001")
    _, out = said(capsys, "baseline", "set", "20261101T0002", "--note", "1.24 is out")
    assert "in place of 20261101T000100Z_pico" in out
    said(capsys, "baseline", "set", "20261101T0006")  # another board's stays beside it
    _, out = said(capsys, "baseline", "list", "--json")
    baselines = json.loads(out)["baselines"]
    assert {baseline["run"][11:13] for baseline in baselines} == {"02", "06"}
    assert {baseline["note"] for baseline in baselines} == {"", "1.24 is out"}
    _, out = said(capsys, "baseline", "set", "20261101T0003", "--add")
    assert "in place of" not in out
    assert said(capsys, "baseline", "remove", "20261101T0002")[0] == 0
    assert "20261101T000200Z" not in said(capsys, "baseline", "list")[1]
    assert main(["baseline", "remove", "20261101T0002"]) == 1
    assert main(["baseline", "set", "zebra"]) == 1


def test_no_history_is_one_line(monkeypatch, tmp_path, capsys):
    monkeypatch.delenv("HIL_HISTORY", raising=False)
    monkeypatch.chdir(tmp_path)
    for words in (["history"], ["trend", "missed"], ["baseline", "list"], ["prune", "--keep", "1"]):
        assert main(words) == 1
        error = capsys.readouterr().err
        assert error.startswith("hil: history reports/history.db: there is none yet")
        assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_the_trend_dates_a_change(location, address, monkeypatch, capsys):
    monkeypatch.setenv("HIL_HISTORY", address)
    monkeypatch.setenv("COLUMNS", "160")
    with open_history(location) as history:
        for seed in range(16):
            level = 200.0 if seed < 9 else 900.0
            add_run(history, runs.night(seed, {"timer_soft": level}))
    asked = ("trend", "lateness_p50_us", "--technique", "timer_soft")
    status, out = said(capsys, *asked)
    assert status == 0
    times = "changed between 2026-11-01T00:08:00Z and 2026-11-01T00:09:00Z: "
    assert f"timer_soft, idle, task 0: {times}" in out
    _, out = said(capsys, *asked, "--json")
    (change,) = json.loads(out)["lines"][0]["changes"]
    assert (change["last_before"], change["first_after"]) == (
        "20261101T000800Z_pico", "20261101T000900Z_pico"
    )  # fmt: skip


@pytest.mark.parametrize("words", [("history",), ("trend", "lateness_p99_us")])
def test_the_tables_at_every_width(filled, capsys, monkeypatch, words):
    """Nothing is cut: each word of a narrow table, but for what names the rest, is a wide one's."""
    status, wide = said(capsys, *words)
    assert status == 0
    for width in (80, 60, 40, 20):
        monkeypatch.setenv("COLUMNS", str(width))
        status, narrow = said(capsys, *words)
        assert status == 0
        for line in narrow.splitlines():
            assert len(line) <= width or len(line.split()) == 1, line
        shown = re.sub(
            r"left\s+out\s+at\s+this\s+width:.*?have\s+them", "", narrow, flags=re.DOTALL
        )
        words_of_table = {word.rstrip(":") for word in shown.split() if set(word) != {"─"}}
        assert words_of_table <= {word.rstrip(":") for word in wide.split()}
