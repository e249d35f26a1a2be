"""The runs that go are chosen by the database as by the policy, and read in steps of what goes."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
import runs as made
import sqlalchemy as sa
from test_growth import histories, steps_of

from hil.history.database import open_history
from hil.history.location import find_location
from hil.history.old_runs import old_runs
from hil.history.queries import RunFilter
from hil.history.retention import set_baseline
from hil.history.retention_policy import DatedRun, RetentionPolicy, parse_moment_utc, parse_steps
from hil.history.run_order import newest_first
from hil.history.run_writer import add_run
from hil.history.sql_tables import boards, errors, runs
from hil.history.sqlite_file import give_back

assert histories
NOW = datetime.now(UTC)
POLICIES = {
    text: RetentionPolicy(parse_steps(text))
    for text in (
        *("all 30d, weekly 180d, monthly", "all 20d, daily 60d, weekly 300d", "all", "all 3d"),
        *("weekly", "daily 40d", "monthly, yearly", "yearly", "weekly 99999y", "monthly 1y"),
    )
}
POLICIES |= {
    "newest": RetentionPolicy(newest=5),
    "none": RetentionPolicy(newest=0),
    "since": RetentionPolicy(since=NOW - timedelta(days=50.00001)),
    "newest or since": RetentionPolicy(newest=20, since=NOW - timedelta(days=90)),
    "all three": RetentionPolicy(parse_steps("weekly 90d, monthly"), 3, NOW - timedelta(days=9)),
}
NO_TIMES = ("", "zebra", "2020-02-30T00:00:00Z", "2021-01-01", "2021-13-77Txx:00:00Z")


@pytest.fixture
def history(location):
    """Runs of 0 to 3 boards at random times, some at once, some of no time or of the future."""
    chance = random.Random(17)
    times = [NOW - timedelta(seconds=chance.randrange(-9 * 86400, 900 * 86400)) for _ in range(250)]
    texts = [f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in times]
    texts += [*NO_TIMES, *texts[:20], "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]
    texts += [f"{NOW - timedelta(days=days):%Y-%m-%dT00:00:00Z}" for days in range(100)]
    run_rows, board_rows = [], []
    for number, text in enumerate(texts, 1):
        run_rows.append(
            {"id": number, "run": f"r{number}", "fingerprint": "", "started_utc": text,
             "order_utc": text, "duration_s": 1.0, "profile": "quick", "harness_version": "",
             "host": "", "source": "sim", "verdict": "pass"}
        )  # fmt: skip
        board_rows += [
            {"run_id": number, "key": key, "firmware": "1", "name": key, "source": "sim",
             "platform": "", "machine": "", "micropython": "", "tick_period": "1",
             "capabilities": "", "profile": "quick", "order_utc": text}
            for key in chance.sample("abcd", chance.choice((0, 1, 1, 1, 2, 3)))
        ]  # fmt: skip
    chance.shuffle(board_rows)
    with open_history(location) as opened:
        opened.write(lambda c: c.execute(runs.insert(), run_rows))
        opened.write(lambda c: c.execute(boards.insert(), board_rows))
        for name in ("r7", "r30"):
            set_baseline(opened, name, add=True)
        yield opened


def by_the_policy(history, policy):
    query = (
        sa.select(runs.c.run, runs.c.order_utc, boards.c.key)
        .outerjoin(boards, boards.c.run_id == runs.c.id)
        .order_by(*newest_first)
    )
    rows = history.read(lambda c: c.execute(query).all())
    keys = {row.run: (row.order_utc, set()) for row in rows}
    for row in rows:
        keys[row.run][1].add(row.key)
    dated = [
        DatedRun(name, parse_moment_utc(order_utc) if order_utc.endswith("Z") else None, of_run)
        for name, (order_utc, of_run) in keys.items()
    ]
    return policy.old(dated, datetime.now(UTC), ("r7", "r30"))


def test_the_database_chooses_as_the_policy_does(history):
    sizes = set()
    for name, policy in POLICIES.items():
        chosen = old_runs(history, policy)
        assert chosen == by_the_policy(history, policy), name
        sizes.add(len(chosen))
    assert len(sizes) > 10


def test_of_wanted_boards_go_those_of_no_other(history):
    policy = POLICIES["all 30d, weekly 180d, monthly"]
    of_run = {}
    for row in history.read(lambda c: c.execute(sa.select(boards.c.run_id, boards.c.key)).all()):
        of_run.setdefault(f"r{row.run_id}", set()).add(row.key)
    chosen = [name for name in old_runs(history, policy) if of_run.get(name) == {"a"}]
    assert old_runs(history, policy, RunFilter(board="a")) == chosen != []


def test_a_run_that_is_stored_stays_for_its_week(location):
    with open_history(location) as history:
        for seed in range(3):
            add_run(history, made.night(seed))
        assert old_runs(history, RetentionPolicy(parse_steps("weekly 99y"))) == [
            "20261101T000000Z_pico", "20261101T000100Z_pico"
        ]  # fmt: skip


@pytest.mark.parametrize("later", ["", ", weekly 20y"])
def test_what_is_read_grows_with_what_goes(histories, later):
    """Of the same runs that go, in ten times the history."""
    steps = []
    for path, farm in histories:
        first = datetime.fromisoformat(farm.started_utc(0, 0))
        days = (datetime.now(UTC) - first).days - 5
        policy = RetentionPolicy(parse_steps(f"all {days}d{later}"))
        steps.append(steps_of(path, lambda history, policy=policy: old_runs(history, policy)))
        with open_history(find_location(str(path), path.parent)) as history:
            assert 24 <= len(old_runs(history, policy)) <= 42
    few, many = steps
    assert many <= 1.2 * few + 100, (few, many)


def test_the_room_of_removed_runs_is_given_back_in_few_steps(tmp_path):
    """Each step writes the log into the file and waits for the disk."""
    location = find_location(str(tmp_path / "history.db"), tmp_path)
    with open_history(location) as history:
        add_run(history, made.night(0))
        row = dict.fromkeys(("board", "technique", "load", "error"), "x") | {"run_id": 1}
        filler = [row | {"detail": 1000 * "x"} for _ in range(1000)]
        history.write(lambda c: c.execute(errors.insert(), filler))
        history.write(lambda c: c.execute(errors.delete()))
        with contextlib.closing(sqlite3.connect(location.file)) as connection:
            statements = []
            connection.set_trace_callback(statements.append)
            assert give_back(connection) > 500_000
    assert len(statements) < 30
