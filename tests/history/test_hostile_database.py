"""A history that somebody else made: read, or refused in one line, within a bounded time."""

from __future__ import annotations

import contextlib
import io
import os
import random
import shutil
import socket
import sqlite3
import time
from pathlib import Path

import pytest
import runs

from hil.cli.main import main
from hil.history import sqlite_file
from hil.history.database import HistoryError, open_history
from hil.history.location import find_location
from hil.history.queries import RunFilter, list_runs
from hil.history.retention import remove_runs
from hil.history.run_writer import add_run
from hil.model.errors import HilError
from hil.pytest_plugin.history_comparison import HistoryComparison

TABLES = (
    *("runs", "boards", "plans", "plan_cases", "metrics", "figure_sets", "figure_details"),
    *("stamp_sets", "case_figures", "skips", "errors", "baselines"),
    *("month_summaries", "summarised_runs"),
)
HOSTILE = (
    *(None, -1, 2**63 - 1, -(2**63), 1e308, 9e999, -9e999, 0.5),
    *("", "x" * 100_000, "nan", "-inf", "[" * 5000, '{"a": 1}', "[]", "1,,2,x", "\x1b[2J\x00"),
    *("9999-99-99T99:99:99Z", "-0001-01-01", "2026-11-20", "0" * 400, "é\u202e"),
    *(b"", b"\xff\xfe\x00", os.urandom(2000), b"x" * 1_000_000),
)
NAMES = ("run-1", "run-2")


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    """Two runs, the first of them a baseline, and what a third one has left."""
    path = tmp_path_factory.mktemp("good") / "history.db"
    location = find_location(str(path), path.parent)
    with open_history(location) as history:
        for name, seed in zip((*NAMES, "gone"), (1, 2, 3), strict=True):
            add_run(history, runs.renamed(runs.night(seed), name))
        assert remove_runs(history, ["gone"]) == 1
    assert main(["baseline", "set", NAMES[0], "--history", str(path)]) == 0
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    return path


@pytest.fixture
def copy(good, tmp_path) -> Path:
    return Path(shutil.copy(good, tmp_path / "history.db"))


def asked(path: Path, *command: str) -> tuple[int, str]:
    """Exit status and what was said on stderr; whatever else is raised fails the test."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main([*command, "--history", str(path)])
    return status, err.getvalue()


COMMANDS = (
    ("history",),
    ("history", "--json"),
    ("trend", "lateness_p99_us"),
    ("compare", *NAMES),
    ("baseline", "list"),
)


def assert_read_or_refused(path: Path, commands=COMMANDS) -> list[int]:
    statuses = []
    for command in commands:
        status, said = asked(path, *command)
        assert status == 0 or said.startswith("hil: "), (command, said)
        assert said.count("\n") <= 1 or status == 0, said
        assert "Traceback" not in said
        statuses.append(status)
    return statuses


def test_the_good_one_is_read(copy):
    assert assert_read_or_refused(copy) == [0] * len(COMMANDS)


@pytest.mark.parametrize("seed", range(4))
def test_a_file_changed_at_random_is_read_or_refused(good, tmp_path, seed):
    """200 files in all, each with up to 40 bytes changed or cut off somewhere."""
    chance = random.Random(seed)
    whole = good.read_bytes()
    for number in range(50):
        data = bytearray(whole)
        for _ in range(chance.randrange(1, 40)):
            at = chance.randrange(len(data))
            data[at] = chance.randrange(256)
        if number % 5 == 0:
            del data[chance.randrange(len(data)) :]
        path = tmp_path / f"{number}.db"
        path.write_bytes(data)
        assert_read_or_refused(path, (COMMANDS[number % len(COMMANDS)],))


@pytest.mark.parametrize("table", TABLES)
def test_any_value_in_any_column_is_read_or_refused(good, tmp_path, table):
    chance = random.Random(table)
    path = tmp_path / "history.db"
    with contextlib.closing(sqlite3.connect(good)) as connection:
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    for column in columns:
        for value in chance.sample(HOSTILE, 3):
            shutil.copy(good, path)
            with contextlib.closing(sqlite3.connect(path)) as connection:
                with contextlib.suppress(sqlite3.IntegrityError):
                    connection.execute(f"UPDATE {table} SET {column} = ?", (value,))
                connection.commit()
            try:
                assert_read_or_refused(path, (chance.choice(COMMANDS),))
            except Exception as error:
                raise AssertionError(f"{table}.{column} = {value!r:.60}") from error


def refused(path: Path, words: str) -> None:
    for command in COMMANDS:
        status, said = asked(path, *command)
        assert status != 0
        assert said.startswith("hil: ")
        assert said.count("\n") == 1
        assert words in said, said


def bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (os.mkfifo, "it is a pipe"),
        (bind, "it is a socket"),
        (lambda path: path.symlink_to("/dev/zero"), "it is a device"),
        (lambda path: path.write_bytes(os.urandom(8192)), "put a copy in its place"),
        (lambda path: path.write_text("text, and enough of it\n" * 500), "put a copy in its place"),
    ],
)
def test_what_is_no_database_is_one_line(tmp_path, monkeypatch, make, words):
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "history.db")
    refused(tmp_path / "history.db", words)


def change(path: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


ENDLESS = "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n)"


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (["DROP TABLE runs", f"CREATE VIEW runs AS {ENDLESS} SELECT * FROM n"], "a view, 'runs'"),
        (["CREATE TRIGGER t AFTER INSERT ON runs BEGIN DELETE FROM runs; END"], "a trigger, 't'"),
        (["DROP TABLE alembic_version", "CREATE TABLE users (x)"], "another program's database"),
        (["UPDATE alembic_version SET version_num = '9999'"], "written by a newer version"),
        (["UPDATE alembic_version SET version_num = x'00ff'"], "its schema is none"),
        (["UPDATE alembic_version SET version_num = 'ae1027a6acf'"], "its schema is none"),
        (["UPDATE alembic_version SET version_num = '0000'"], "its schema is none"),
        (["DELETE FROM alembic_version"], "its schema is none"),
        (["INSERT INTO alembic_version VALUES ('0003')"], "its schema is none"),
        (["DROP TABLE alembic_version", "CREATE TABLE alembic_version (x)"], "no such column"),
        (["DROP TABLE runs", "CREATE TABLE runs (id, x)"], "no such column"),
    ],
)
def test_what_no_version_makes_is_refused_in_one_line(copy, statements, words):
    change(copy, *statements)
    refused(copy, words)


def test_another_program_s_database_is_left_as_it_is(tmp_path):
    path = tmp_path / "theirs.db"
    change(path, "CREATE TABLE users (name)")
    before = path.read_bytes()
    status, said = asked(path, "history")
    assert (status, "another program's database, with a table 'users'" in said) == (1, True)
    assert [row[0] for row in sqlite3.connect(path).execute("SELECT name FROM sqlite_master")] == [
        "users"
    ]
    assert len(before) == path.stat().st_size


def test_a_query_that_would_not_end_is_ended(copy, monkeypatch):
    monkeypatch.setattr(sqlite_file, "READ_S", 0.2)
    location = find_location(str(copy), copy.parent)
    begun = time.monotonic()
    count = f"{ENDLESS} SELECT count(*) FROM n"
    with (
        open_history(location) as history,
        pytest.raises(HistoryError, match=r"interrupted; it took longer than"),
    ):
        history.read(lambda connection: connection.exec_driver_sql(count).all())
    assert time.monotonic() - begun < 15


def test_a_cell_of_a_gigabyte_is_not_read(copy):
    location = find_location(str(copy), copy.parent)
    with (
        open_history(location) as history,
        pytest.raises(HistoryError, match="too big"),
    ):
        history.read(lambda c: c.exec_driver_sql("SELECT zeroblob(1000000000)").all())


def test_a_locked_file_is_told_after_a_while(copy, monkeypatch):
    monkeypatch.setattr(sqlite_file, "BUSY_S", 0)
    with contextlib.closing(sqlite3.connect(copy)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        status, said = asked(copy, "history")
    assert status == 1
    assert "another program uses it: end that, or try again" in said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_may_not_be_written_is_one_line(copy):
    copy.chmod(0o400)
    copy.parent.chmod(0o500)
    try:
        status, said = asked(copy, "history", "add", "nowhere")
    finally:
        copy.parent.chmod(0o700)
    assert status == 1
    assert said.count("\n") == 1


def test_the_log_of_another_database_beside_it_is_read_or_refused(copy):
    theirs = copy.with_name("other.db")
    with contextlib.closing(sqlite3.connect(theirs)) as other:
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("CREATE TABLE x (y)")
        other.commit()
        shutil.copy(f"{theirs}-wal", f"{copy}-wal")
    assert_read_or_refused(copy)


@pytest.mark.parametrize("failure", [RuntimeError("boom"), ZeroDivisionError(), HilError("one")])
def test_whatever_a_history_does_the_run_goes_on(tmp_path, monkeypatch, failure):
    def fail(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr("hil.pytest_plugin.history_comparison.open_history", fail)
    location = find_location(str(tmp_path / "h.db"), tmp_path)
    comparison = HistoryComparison(location, "last", tmp_path, tmp_path)
    capture = runs.capture(runs.np.random.default_rng(1), "timer_soft")
    comparison.settle(runs.results([capture], 1), [capture])
    (said,) = comparison.failures
    assert "\n" not in said
    assert type(failure).__name__ in said or "one" in said


def test_what_is_listed_is_checked(copy):
    change(copy, "UPDATE runs SET duration_s = 'long'")
    location = find_location(str(copy), copy.parent)
    with (
        open_history(location) as history,
        pytest.raises(HistoryError, match="what no version of hil writes: 'long' is no number"),
    ):
        list_runs(history, RunFilter())


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("CREATE TABLE runs (x int)", "another program's table 'runs' is there; name another"),
        ("ALTER DATABASE {name} SET default_transaction_read_only = on", "needs the right to"),
        ("CREATE TABLE alembic_version (version_num text)", "its schema is none"),
    ],
)
def test_a_server_s_database_that_is_not_ours_is_one_line(location, statement, words):
    if location.file is not None:
        pytest.skip("a file has its own tests above")
    sa = pytest.importorskip("sqlalchemy")
    engine = sa.create_engine(location.url.reveal(), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(statement.format(name=engine.url.database))
    engine.dispose()
    with pytest.raises(HistoryError, match=words) as caught, open_history(location):
        pass
    assert "\n" not in str(caught.value)
