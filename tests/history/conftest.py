"""A history on SQLite, and with HIL_TEST_POSTGRES=1 on a PostgreSQL of its own as well."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import alembic.command
import pytest
import sqlalchemy.dialects.sqlite.pysqlite

from hil.history.location import HistoryLocation, find_location

# `pytester` forgets what was first imported inside a test, and compiled modules load only once
assert alembic.command
assert sqlalchemy.dialects.sqlite.pysqlite
with contextlib.suppress(ImportError):
    import psycopg
    import sqlalchemy.dialects.postgresql.psycopg

sys.path.insert(0, str(Path(__file__).parent))

ASKED = os.environ.get("HIL_TEST_POSTGRES") == "1"
PASSWORD = "s3cr3t/word:%"
INSTALL = (
    "needs PostgreSQL: sudo apt-get install -y postgresql (and pip install -e '.[postgresql]')"
)


@pytest.fixture(params=["sqlite", "postgresql"] if ASKED else ["sqlite"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """What a user would give as ``--hil-history``: an empty database."""
    if request.param == "sqlite":
        return str(tmp_path / "history.db")
    cluster: Cluster = request.getfixturevalue("cluster")
    return cluster.new_database()


@pytest.fixture
def location(address: str) -> HistoryLocation:
    history_location = find_location(address, Path())
    assert history_location is not None
    return history_location


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not folders:
        pytest.skip(INSTALL)
    pytest.importorskip("psycopg", reason=INSTALL)
    server = Cluster(folders[-1].parent)
    try:
        server.start()
        yield server
    finally:
        server.stop()


class Cluster:
    """A PostgreSQL server in a temporary folder, on a free port of this host alone.

    The server refuses to run as root, so it then belongs to the user ``postgres`` or ``nobody``.
    """

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="hil-pg-"))
        self._user: str | None = None
        self._count = 0
        if os.geteuid() == 0:
            names = {entry.pw_name for entry in pwd.getpwall()}
            self._user = "postgres" if "postgres" in names else "nobody"
            shutil.chown(self._folder, self._user)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])

    def start(self) -> None:
        secret = self._folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self._run(
            *("initdb", "-D", str(self._folder / "data"), "-U", "hil", "--auth=scram-sha-256"),
            *(f"--pwfile={secret}", "--encoding=UTF8", "--no-sync"),
        )
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off "
            f"-c unix_socket_directories={self._folder} -c log_min_messages=warning"
        )
        self._run(
            *("pg_ctl", "-D", str(self._folder / "data"), "-w", "-t", "60", "-o", options),
            *("-l", str(self._folder / "log"), "start"),
        )

    def stop(self) -> None:
        if (self._folder / "data" / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", str(self._folder / "data"), "-m", "immediate", "stop")
        shutil.rmtree(self._folder, ignore_errors=True)

    def new_database(self) -> str:
        self._count += 1
        name = f"hil_{self._count}"
        with psycopg.connect(
            host="127.0.0.1", port=self.port, user="hil", password=PASSWORD, dbname="postgres",
            autocommit=True,
        ) as connection:  # fmt: skip
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.address(name)

    def address(self, database: str, password: str = PASSWORD) -> str:
        from urllib.parse import quote

        secret = quote(password, safe="")
        return f"postgresql://hil:{secret}@127.0.0.1:{self.port}/{database}"

    def _run(self, program: str, *args: str) -> None:
        begin = time.monotonic()
        done = subprocess.run(
            [str(self._programs / program), *args],
            cwd=self._folder,
            user=self._user,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL if program == "pg_ctl" else subprocess.PIPE,
            timeout=120,
            check=False,
        )
        if done.returncode:
            log = self._folder / "log"
            said = (done.stderr or b"").decode() + (log.read_text() if log.exists() else "")
            raise AssertionError(f"{program} after {time.monotonic() - begin:.1f} s: {said}")
