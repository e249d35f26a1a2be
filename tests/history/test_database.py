"""Opening: a new history, an older and a newer one, several processes at once, none at all."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from hil.history.database import HistoryError, open_history
from hil.history.location import find_location
from hil.history.sql_tables import HEAD_REVISION, metadata
from hil.model.errors import NewerSchemaError


def version(history):
    import sqlalchemy as sa

    query = sa.text("SELECT version_num FROM alembic_version")
    return history.read(lambda connection: connection.execute(query).scalars().all())


def test_a_new_history_has_the_newest_schema_and_stays(location):
    for _ in range(2):
        with open_history(location) as history:
            assert version(history) == [HEAD_REVISION]


def migrate(location, revision):
    from hil.history.database import History, _engine
    from hil.history.schema_upgrade import upgrade

    history = History(location, _engine(location))
    try:
        history.write(lambda connection: upgrade(connection, revision))
    finally:
        history.close()


def test_an_older_history_is_migrated_and_keeps_its_runs(location):
    import sqlalchemy as sa

    migrate(location, "0001")
    with open_history(location) as history:  # migrated here
        assert version(history) == [HEAD_REVISION]
        history.read(lambda c: c.execute(sa.text("SELECT worse FROM runs")).all())
        history.read(lambda c: c.execute(sa.text("SELECT * FROM baselines")).all())


def test_what_was_stored_before_a_migration_is_still_there(location):
    import sqlalchemy as sa

    migrate(location, "0001")
    from hil.history.database import History, _engine

    old = History(location, _engine(location))
    row = (
        "INSERT INTO runs (run, fingerprint, started_utc, duration_s, profile, harness_version, "
        "host, source, verdict) VALUES ('r1', 'f', '2026-01-01', 1.5, 'quick', '0', 'h', 'sim', "
        "'pass')"
    )
    old.write(lambda connection: connection.execute(sa.text(row)))
    old.close()
    from hil.history.queries import RunFilter, list_runs

    with open_history(location) as history:
        (run,) = list_runs(history, RunFilter())
    assert (run.run, run.worse, run.baseline, run.duration_s) == ("r1", None, False, 1.5)


def test_the_migrations_lead_to_the_tables_that_a_new_history_gets(location):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    migrate(location, "head")

    def differences(connection):
        return compare_metadata(MigrationContext.configure(connection), metadata)

    with open_history(location) as history:
        assert history.read(differences) == []


def test_a_history_of_a_newer_version_is_refused_in_one_line(location):
    import sqlalchemy as sa

    with open_history(location) as history:
        update = sa.text("UPDATE alembic_version SET version_num = '9999'")
        history.write(lambda connection: connection.execute(update))
    with (
        pytest.raises(NewerSchemaError, match=r"newer version \(schema 9999.*update hil"),
        open_history(location),
    ):
        pass


OPEN = """
import sys
from pathlib import Path
from hil.history.database import open_history
from hil.history.location import find_location
from hil.history.queries import RunFilter, list_runs
with open_history(find_location(sys.argv[1], Path())) as history:
    print(len(list_runs(history, RunFilter())))
"""


@pytest.mark.parametrize("old", [False, True], ids=["new", "older"])
def test_several_processes_open_it_at_once(address, location, old):
    if old:
        migrate(location, "0001")
    command = [sys.executable, "-W", "error", "-c", OPEN, address]
    several = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    said = [process.communicate(timeout=120) for process in several]
    assert said == [("0\n", "")] * 4
    with open_history(location) as history:
        assert version(history) == [HEAD_REVISION]


def test_a_file_that_is_no_database(tmp_path):
    path = tmp_path / "history.db"
    path.write_text("not a database, but long enough to look at" * 100)
    location = find_location(str(path), tmp_path)
    assert location is not None
    with pytest.raises(HistoryError, match="not a database") as caught, open_history(location):
        pass
    assert "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    location = find_location(str(tmp_path / "file" / "history.db"), tmp_path)
    assert location is not None
    with pytest.raises(HistoryError, match="history"), open_history(location):
        pass


def test_nothing_is_made_where_nothing_is_to_be_written(tmp_path):
    location = find_location(str(tmp_path / "history.db"), tmp_path)
    assert location is not None
    with pytest.raises(HistoryError, match="none yet"), open_history(location, create=False):
        pass
    assert not list(tmp_path.iterdir())


def test_a_server_that_is_not_there_is_one_line_without_the_password():
    pytest.importorskip("psycopg")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    location = find_location(f"postgresql://me:hunter2@127.0.0.1:{port}/farm", Path())
    assert location is not None
    with pytest.raises(HistoryError) as caught, open_history(location):
        pass
    text = str(caught.value)
    assert f"postgresql://me@127.0.0.1:{port}/farm" in text
    assert "hunter2" not in text
    assert "\n" not in text


def test_a_wrong_password_is_not_shown(request, location):
    if location.file is not None:
        pytest.skip("a file has no password")
    cluster = request.getfixturevalue("cluster")
    wrong = find_location(cluster.address("hil_1", "wr0ng-s3cr3t"), Path())
    with pytest.raises(HistoryError, match="password authentication failed") as caught:
        open_history(wrong).__enter__()
    assert "wr0ng-s3cr3t" not in str(caught.value)


def test_a_missing_driver_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    location = find_location("postgresql://me@host/farm", Path())
    assert location is not None
    with (
        pytest.raises(HistoryError, match=r"pip install 'psycopg\[binary\]"),
        open_history(location),
    ):
        pass
