"""Removed runs leave the spread of their figures, each run once, and nothing is held against it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import datetime, timedelta

import numpy as np
import pytest
import runs
import sqlalchemy as sa

from hil.cli.main import main
from hil.experiments.evaluation import unjudged_history_run
from hil.history.comparison import compare_with_history
from hil.history.database import HistoryError, open_history
from hil.history.figure_packing import StoredFigure
from hil.history.figure_summary import FigureSummary, pack_summaries, unpack_summaries
from hil.history.queries import RunFilter, list_runs
from hil.history.retention import remove_runs, set_baseline
from hil.history.run_writer import add_run
from hil.history.sql_tables import (
    figure_details,
    figure_sets,
    month_summaries,
    stamp_sets,
    summarised_runs,
)
from hil.history.trend_queries import trend_lines
from hil.model.errors import CaptureError

P99 = "lateness_p99_us"
FIRST = datetime.fromisoformat("2026-01-26T02:00:00+00:00")
NAME = ("timer_soft", "idle", "window 5 s", 0, None, "board", "us")


def made(number, **more):
    run = runs.night(number % 5, **more)
    moment = FIRST + timedelta(days=number)
    info = replace(run.info, id=f"r{number:02d}", started_utc=f"{moment:%Y-%m-%dT%H:%M:%SZ}")
    return replace(run, info=info, fingerprint=f"{number:064x}")


@pytest.fixture
def history(location):
    """16 nights, 6 of them in January."""
    with open_history(location) as opened:
        for number in range(16):
            add_run(opened, made(number))
        yield opened


def lines(history, **wanted):
    of_metric = trend_lines(history, P99, RunFilter(**wanted))
    return {(line.technique, line.task): line for line in of_metric}


def names(first, last):
    return [f"r{number:02d}" for number in range(first, last)]


def test_a_month_of_removed_runs_is_the_older_part_of_the_trend(history):
    values = {name: [p.value for p in line.points] for name, line in lines(history).items()}
    assert remove_runs(history, names(0, 10)) == 10
    after = lines(history)
    assert after.keys() == values.keys()
    for name, line in after.items():
        assert [p.value for p in line.points] == values[name][10:]
        january, february = line.summaries
        assert (january.month, january.runs) == ("2026-01", 6)
        assert (february.month, february.runs) == ("2026-02", 4)
        of_january = values[name][:6]
        assert (january.smallest, january.largest) == (min(of_january), max(of_january))
        told = january.p05, january.median, january.p95
        assert told == pytest.approx(np.quantile(of_january, (0.05, 0.5, 0.95)))


def test_it_is_the_same_night_by_night_and_all_at_once(location):
    together = []
    for step in (10, 3):
        with open_history(location) as h:
            for number in range(10):
                add_run(h, made(number))
            for begin in range(0, 10, step):
                remove_runs(h, names(begin, min(10, begin + step)))
            together.append({name: line.summaries for name, line in lines(h).items()})
            h.write(lambda c: c.execute(month_summaries.delete()))
            h.write(lambda c: c.execute(summarised_runs.delete()))
    assert together[0] == together[1] != {}


def test_a_run_that_is_removed_twice_counts_once(history):
    remove_runs(history, names(0, 5))
    once = lines(history)
    assert remove_runs(history, names(0, 5)) == 0
    add_run(history, made(3))  # its folder was still there
    assert remove_runs(history, ["r03"]) == 1
    assert lines(history) == once


def test_what_breaks_off_half_way_leaves_runs_and_summaries_as_they_were(history, monkeypatch):
    before = lines(history)
    from hil.history import month_summaries as module

    packed = module.pack_summaries
    calls = []

    def breaks(summaries):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return packed(summaries)

    monkeypatch.setattr(module, "pack_summaries", breaks)
    with pytest.raises(KeyboardInterrupt):
        remove_runs(history, names(0, 10))
    monkeypatch.undo()
    assert lines(history) == before
    assert len(list_runs(history, RunFilter())) == 16
    remove_runs(history, names(0, 10))
    assert {m.runs for line in lines(history).values() for m in line.summaries} == {6, 4}


def test_a_baseline_is_neither_removed_nor_summarised(history):
    set_baseline(history, "r04")
    assert remove_runs(history, names(0, 6)) == 5
    assert {m.runs for line in lines(history).values() for m in line.summaries} == {5}


def test_filters_choose_among_summaries_too(history):
    remove_runs(history, names(0, 16))
    assert len(lines(history, board="e660583883")) == len(lines(history)) > 1
    assert lines(history, board="other") == lines(history, firmware="1.99") == {}
    hard = {name for name in lines(history) if name[0] == "timer_hard"}
    assert lines(history, technique="timer_hard").keys() == hard
    (line, *_) = lines(history, since="2026-02-01T00:00:00Z").values()
    assert [m.month for m in line.summaries] == ["2026-02"]
    (line, *_) = lines(history, until="2026-02-01T00:00:00Z").values()
    assert [m.month for m in line.summaries] == ["2026-01"]
    assert lines(history, verdict="pass") == {}


def test_nothing_is_compared_with_summaries(history):
    remove_runs(history, names(0, 16))
    told = compare_with_history(history, made(40), "last", unjudged_history_run)
    assert "none yet" in told.against


def test_the_trend_shows_them_marked(history, address, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    remove_runs(history, names(0, 10))
    page = tmp_path / "trend.html"
    assert main(["trend", P99, "--history", address, "--html", str(page)]) == 0
    out = capsys.readouterr().out
    assert out.count("\nby month 2026-01 to 2026-02  ") == len(lines(history))
    assert "2026-02, 4 removed runs: median" in out
    text = page.read_text()
    assert text.count('"kind":"summary"') == 2 * len(lines(history))
    assert "2026-01, 6 removed runs: median" in text
    assert main(["trend", P99, "--history", address, "--json"]) == 0
    row = json.loads(capsys.readouterr().out)["lines"][0]
    line = lines(history)[row["technique"], row["task"]]
    assert row["summaries"] == [asdict(month) for month in line.summaries]
    remove_runs(history, names(10, 16))
    assert main(["trend", P99, "--history", address, "--html", str(page)]) == 0
    out = capsys.readouterr().out
    assert "2026-02, 10 removed runs" in out
    assert "timer_soft, idle, task 0, by month 2026-01 to 2026-02" in out


def test_prune_can_leave_nothing(history, address, capsys):
    words = ["prune", "--only=history", "--history", address]
    assert main([*words, "--keep=5", "--no-summaries"]) == 0
    assert len(list_runs(history, RunFilter())) == 5
    query = sa.select(sa.func.count()).select_from(month_summaries)
    assert history.read(lambda c: c.execute(query).scalar()) == 0
    assert main([*words, "--keep=4"]) == 0
    assert history.read(lambda c: c.execute(query).scalar()) > 0


def test_a_damaged_summary_is_refused_in_one_line(history):
    remove_runs(history, names(0, 5))
    history.write(lambda c: c.execute(month_summaries.update().values(data=b"\x01zebra")))
    with pytest.raises((HistoryError, CaptureError)) as caught:
        trend_lines(history, P99, RunFilter())
    assert "\n" not in str(caught.value)


def test_many_runs_a_month_are_bounded_and_near():
    rng = np.random.default_rng(1)
    values = rng.lognormal(5, 0.5, 5000)
    summary = FigureSummary()
    for value in values:
        figure = StoredFigure(0, 0, None, "board", "us", float(value), None, value + 1.0, 9, "fail")
        summary.add(figure)
    assert len(summary.values) <= 200
    summary = unpack_summaries(pack_summaries({NAME: summary}))[NAME]
    month = summary.of_month("2026-01")
    assert (month.runs, month.failed) == (5000, 5000)
    assert (month.smallest, month.largest) == (values.min(), values.max())
    assert (month.lo, month.hi) == (None, values.max() + 1.0)
    ordered = np.sort(values)
    for told, share in ((month.p05, 0.05), (month.median, 0.5), (month.p95, 0.95)):
        assert np.searchsorted(ordered, told) / 5000 == pytest.approx(share, abs=0.015)


def varied(number):
    """A night of which every figure is another one."""
    rng, run = np.random.default_rng(number), made(number)
    cases = []
    for case in run.boards[0].cases:
        figures = [
            replace(m, value=m.value * factor, lo=m.lo and m.lo * factor, hi=m.hi and m.hi * factor)
            for m, factor in zip(
                case.measurements, rng.uniform(0.9, 1.1, len(case.measurements)), strict=True
            )
        ]
        cases.append(replace(case, measurements=tuple(figures)))
    return replace(run, boards=(replace(run.boards[0], cases=tuple(cases)),))


def test_a_month_takes_an_eighth_of_its_runs_or_less(location):
    """Of runs whose figures all differ."""

    def size(history, *tables):
        sums = [sa.select(sa.func.sum(sa.func.length(table.c.data))) for table in tables]
        return sum(history.read(lambda c: [c.execute(query).scalar() for query in sums]))

    with open_history(location) as history:
        for number in range(6, 34):
            add_run(history, varied(number))
        before = size(history, figure_sets, figure_details, stamp_sets)
        assert remove_runs(history, names(6, 34)) == 28
        assert size(history, month_summaries) < 0.125 * before
