"""What a command reads grows with what it shows, not with what is stored; a run takes few bytes.

Counted are the steps of SQLite's machine, which depend on no clock.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest
import runs
import sqlalchemy as sa
from old_rows import add_old_run
from test_database import migrate

from hil.history.database import History, _engine, open_history
from hil.history.fleet_trends import fleet_trends
from hil.history.location import find_location
from hil.history.night_queries import boards_of_night, find_nights
from hil.history.queries import RunFilter, list_runs
from hil.history.run_reader import FirmwareLine, other_lines, past_runs
from hil.history.run_writer import add_run
from hil.history.sql_tables import figure_sets
from hil.history.stored_records import HistoryRun
from hil.history.trend_queries import trend_lines
from tools.history_scale.made_runs import Farm, fill

BOARDS, FEW, MANY = 4, 12, 120
P99 = "lateness_p99_us"
STEPS_AT_ONCE = 5


def few_figures(run: HistoryRun) -> HistoryRun:
    """The run with four of its metrics and no stamps, so that many are quickly stored."""
    (board,) = run.boards
    metrics = {P99, "lateness_p50_us", "lateness_max_us", "missed"}
    cases = tuple(
        replace(
            case, measurements=tuple(m for m in case.measurements if m.metric in metrics), stamps=()
        )
        for case in board.cases
    )
    return replace(run, boards=(replace(board, cases=cases),))


@pytest.fixture(scope="module")
def histories(tmp_path_factory):
    """The same farm after some nights and after ten times as many."""
    template = few_figures(runs.night(1))
    paths = []
    for nights in (FEW, MANY):
        path = tmp_path_factory.mktemp("farm") / "history.db"
        with open_history(find_location(str(path), path.parent)) as history:
            first = datetime.fromisoformat("2025-06-01T02:00:00+00:00")
            farm = Farm(BOARDS, nights, first)
            fill(history, template, farm)
        paths.append((path, farm))
    return paths


def steps_of(path: Path, query) -> int:
    """How many steps of SQLite's machine a query takes, to the nearest five."""
    with open_history(find_location(str(path), path.parent)) as history:
        count = 0

        def tick() -> int:
            nonlocal count
            count += 1
            return 0

        def begin(connection):
            connection.connection.driver_connection.set_progress_handler(tick, STEPS_AT_ONCE)

        sa.event.listen(history._engine, "begin", begin)
        query(history)
    return STEPS_AT_ONCE * count


def newest(farm: Farm) -> str:
    return farm.started_utc(0, farm.nights - 1)[:10]


def line(farm: Farm) -> FirmwareLine:
    return FirmwareLine(farm.key(1), "1.24.1", "quick", "hardware")


QUERIES = {
    "history": lambda h, f: list_runs(h, RunFilter(), 10),
    "history of a board": lambda h, f: list_runs(h, RunFilter(board=f.key(1)), 10),
    "history of a name": lambda h, f: list_runs(h, RunFilter(board="port0001"), 10),
    "history of a machine": lambda h, f: list_runs(h, RunFilter(machine="esp32"), 3),
    "history of a technique": lambda h, f: list_runs(h, RunFilter(technique="timer_soft"), 10),
    "trend of a board": lambda h, f: trend_lines(h, P99, RunFilter(board=f.key(1)), 10),
    "trend of each board": lambda h, f: trend_lines(h, P99, RunFilter(), 10),
    "trend of all boards": lambda h, f: fleet_trends(h, P99, RunFilter(), 5),
    "nights": lambda h, f: h.read(lambda c: find_nights(c, RunFilter(), 5)),
    "a night": lambda h, f: boards_of_night(h, newest(f), RunFilter()),
    "past runs": lambda h, f: past_runs(h, line(f), before_utc="9", most=10),
    "other lines": lambda h, f: other_lines(h, f.key(1)),
}


@pytest.mark.parametrize("name", QUERIES)
def test_ten_times_the_nights_take_as_many_steps(histories, name):
    query = QUERIES[name]
    few, many = (
        steps_of(path, lambda history, farm=farm: query(history, farm)) for path, farm in histories
    )
    assert few > 0
    assert many <= 1.2 * few + 100, (few, many)


@pytest.mark.parametrize("name", QUERIES)
def test_each_query_still_finds_what_it_shows(histories, name):
    for path, farm in histories:
        with open_history(find_location(str(path), path.parent)) as history:
            assert QUERIES[name](history, farm)


def test_a_trend_takes_few_bytes_of_the_database(tmp_path):
    """Of one board's run one row is read, out of all its figures."""
    with open_history(find_location(str(tmp_path / "history.db"), tmp_path)) as history:
        add_run(history, runs.night(1))
        query = sa.select(sa.func.sum(sa.func.length(figure_sets.c.data)), sa.func.count())
        size, count = history.read(lambda c: c.execute(query).one())
        assert count > 10
        assert size / count < 700


def size_of(path: Path) -> int:
    return path.stat().st_size


def test_a_run_takes_two_fifths_of_what_it_took(tmp_path):
    """Against the schema before, without what an empty file takes."""
    night = runs.night(1, events=50)
    sizes = []
    for revision in ("0004", "head"):
        location = find_location(str(tmp_path / f"{revision}.db"), tmp_path)
        migrate(location, revision)
        history = History(location, _engine(location))
        if revision == "0004":
            for number in range(1, 21):
                copy = runs.renamed(night, f"r{number}")
                history.write(partial(add_old_run, run=copy, number=number))
        else:
            fill(history, night, Farm(1, 19))
        history.rewrite()
        count = history.read(lambda c: c.execute(sa.text("SELECT count(*) FROM runs")).scalar())
        assert count == 20
        history.close()
        sizes.append(size_of(location.file))
    empty = find_location(str(tmp_path / "empty.db"), tmp_path)
    with open_history(empty):
        pass
    assert sizes[1] - size_of(empty.file) < 0.4 * (sizes[0] - size_of(empty.file))
