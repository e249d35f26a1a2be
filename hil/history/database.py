"""Opening a history: connections, its schema brought up to date, and errors in one line."""

from __future__ import annotations

import contextlib
import random
import re
import sqlite3
import time
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from hil.history import sqlite_file
from hil.history.sql_tables import HEAD_REVISION, metadata
from hil.history.sql_views import create_views
from hil.history.sqlite_file import begin_sqlite, prepare_sqlite
from hil.model.errors import HilError, NewerSchemaError
from hil.model.install_hints import install_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Connection, Engine

    from hil.history.location import HistoryLocation

_TRIES = 4
_LOCK = 0x68696C68
_NOT_OURS = (
    *(ValueError, TypeError, LookupError, AttributeError, ArithmeticError),
    *(MemoryError, RecursionError),
)
_T = TypeVar("_T")


class HistoryError(HilError):
    """The history can't be reached, read or written; the text never holds a password."""


class History:
    """An open history. Every method call of :meth:`read` and :meth:`write` is a transaction."""

    def __init__(self, location: HistoryLocation, engine: Engine) -> None:
        self.location = location
        self._engine = engine

    def read(self, work: Callable[[Connection], _T]) -> _T:
        """What ``work`` returns, run in one transaction."""
        return self._tried(lambda: self._begin(work, True), sqlite_file.BUSY_S)

    def write(self, work: Callable[[Connection], _T]) -> _T:
        """Do ``work`` in one transaction; again from the start where another writer was first."""
        return self._tried(lambda: self._begin(work, False), _TRIES * sqlite_file.BUSY_S)

    def compact(self) -> int:
        """Give a file's free space back, unless somebody else is using it just now; in bytes."""
        with contextlib.closing(self._engine.raw_connection()) as connection:
            driver = connection.driver_connection
            with contextlib.suppress(sqlite3.OperationalError):
                return sqlite_file.give_back(driver) if driver is not None else 0
        return 0

    def rewrite(self) -> None:
        """Write a file anew that has become much smaller, unless somebody else is using it."""
        with contextlib.closing(self._engine.raw_connection()) as connection:
            driver = connection.driver_connection
            if driver is not None:
                with contextlib.suppress(sqlite3.OperationalError):
                    sqlite_file.rewrite(driver)

    def optimize(self) -> None:
        """Let the database see again how its tables are filled, where they have changed much."""
        if self.location.file is None:
            return  # a server does it by itself
        with contextlib.closing(self._engine.raw_connection()) as connection:
            driver = connection.driver_connection
            if driver is not None:
                with contextlib.suppress(sqlite3.OperationalError):
                    driver.execute("PRAGMA analysis_limit=400")
                    driver.execute("PRAGMA optimize")

    def back_up(self, target: Path) -> None:
        """Write all that is committed into the new file ``target``, whoever writes meanwhile.

        A copy of the file alone lacks what stands in its write-ahead log. Raises
        :class:`HistoryError`; for a server's database, too, which has programs of its own for it.
        """
        if self.location.file is None:
            raise HistoryError(
                f"history {self.location.shown}: only a file can be backed up here; use pg_dump"
            )
        try:
            with (
                contextlib.closing(self._engine.raw_connection()) as source,
                contextlib.closing(sqlite3.connect(target)) as copy,
            ):
                source.driver_connection.backup(copy)  # type: ignore[union-attr]
                copy.execute("PRAGMA journal_mode=DELETE")  # the copy is one file
        except (sqlite3.Error, SQLAlchemyError) as error:
            raise self._error(error) from None

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def _begin(self, work: Callable[[Connection], _T], reads: bool) -> _T:
        with (
            self._engine.connect().execution_options(hil_reads=reads) as connection,
            connection.begin(),
        ):
            return work(connection)

    def _tried(self, work: Callable[[], _T], patience_s: float) -> _T:
        begun = time.monotonic()
        for attempt in range(_TRIES):
            try:
                return work()
            except DBAPIError as error:
                waited = time.monotonic() - begun > patience_s
                if attempt + 1 == _TRIES or waited or not _passing(error):
                    raise self._error(error) from None
                time.sleep(0.05 * 2**attempt * (0.5 + random.random()))
            except SQLAlchemyError as error:
                raise self._error(error) from None
            except _NOT_OURS as error:  # SQLite keeps any kind of value in any column
                raise self._error(error, "it holds what no version of hil writes: ") from None
        raise AssertionError("the last attempt returns or raises")

    def _error(self, error: Exception, what: str = "") -> HistoryError:
        cause = getattr(error, "orig", None) or error
        text = what + (self.location.clean(str(cause))[:300] or type(cause).__name__)
        todo = sqlite_file.advice(text) if self.location.file is not None else _server_advice(cause)
        return HistoryError(f"history {self.location.shown}: {text}{todo}")


@contextlib.contextmanager
def open_history(location: HistoryLocation, *, create: bool = True) -> Iterator[History]:
    """An open history of the newest schema; an older one is migrated, an empty one filled.

    Raises :class:`HistoryError` where it can't be reached, and where there is none and ``create``
    is false; :class:`~hil.model.errors.NewerSchemaError` for one that a newer version has written.
    """
    if location.file is not None and (reason := sqlite_file.why_no_file(location.file)):
        raise HistoryError(f"history {location.shown}: {reason}, no database; name a file")
    if location.file is not None and not location.file.is_file():
        if not create:
            raise HistoryError(
                f"history {location.shown}: there is none yet; a run makes it, "
                "or name another with --history"
            )
        try:
            location.file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HistoryError(f"history {location.shown}: {error.strerror}") from None
    history = History(location, _engine(location))
    try:
        revision = history.read(lambda connection: _checked_revision(connection, location))
        if revision != _head():
            history.write(lambda connection: _migrate(connection, location))
            if revision is not None and location.file is not None:
                history.rewrite()
        yield history
    finally:
        history.close()


def _head() -> str:
    return HEAD_REVISION


def _engine(location: HistoryLocation) -> Engine:
    if location.file is not None:
        engine = sa.create_engine(
            sa.URL.create("sqlite", database=str(location.file)),
            connect_args={"timeout": sqlite_file.BUSY_S},
            poolclass=sa.pool.NullPool,
            hide_parameters=True,
        )
        sa.event.listen(engine, "connect", prepare_sqlite)
        sa.event.listen(engine, "begin", begin_sqlite)
        return engine
    try:
        return sa.create_engine(
            location.url.reveal(),
            connect_args={"connect_timeout": 10, "application_name": "hil"},
            poolclass=sa.pool.NullPool,
            hide_parameters=True,
        )
    except ModuleNotFoundError:
        raise HistoryError(
            f"history: PostgreSQL needs a driver: {install_line('postgresql')}"
        ) from None
    except sa.exc.ArgumentError:
        raise HistoryError("history: the address is malformed") from None


def _passing(error: Exception) -> bool:
    """Whether the same may work a moment later: locks, and who was first to write a row."""
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return state in ("40001", "40P01", "55P03", "23505", "57P01")
    text = str(error.orig).lower()
    return "locked" in text or "unique constraint" in text or "busy" in text


def _server_advice(error: object) -> str:
    """What to do about an error of a server's, by its state (of the SQL standard)."""
    state = getattr(error, "sqlstate", None) or ""
    if state in ("42501", "25006"):  # no rights; read only
        return "; the user needs the right to read, write and make tables there"
    if state.startswith("42"):
        return "; these are not the tables of a history: name another database"
    return "" if state else "; see that the server runs and the address is right"


def _checked_revision(connection: Connection, location: HistoryLocation) -> str | None:
    """As :func:`_revision`; raises :class:`HistoryError` for a file of another program."""
    if location.file is not None and (reason := sqlite_file.why_not_ours(connection)):
        raise HistoryError(f"history {location.shown}: {reason}; name another file")
    revision = _revision(connection)
    if revision is None and connection.dialect.name != "sqlite":
        taken = sorted(set(sa.inspect(connection).get_table_names()) & set(metadata.tables))
        if taken:
            raise HistoryError(
                f"history {location.shown}: another program's table {taken[0]!r} is there; "
                "name another database"
            )
    return revision


def _revision(connection: Connection) -> str | None:
    """The schema of an existing history, ``None`` for an empty database."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    rows = connection.execute(sa.text("SELECT version_num FROM alembic_version LIMIT 2")).all()
    revision = rows[0][0] if len(rows) == 1 else None
    if not isinstance(revision, str) or re.fullmatch(r"[0-9]{4,9}", revision) is None:
        raise ValueError("the number of its schema is none")
    return revision


def _migrate(connection: Connection, location: HistoryLocation) -> None:
    """One process migrates at a time; another one waits and has nothing left to do."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    revision = _revision(connection)
    if revision == _head():
        return
    if revision is None:  # the newest schema at once: Alembic takes a while to import
        _create(connection)
        return
    from hil.history.schema_upgrade import CommandError, known_revisions, upgrade

    if revision not in known_revisions() and revision < _head():
        raise ValueError("the number of its schema is none")
    if revision not in known_revisions():
        raise NewerSchemaError(
            f"history {location.shown}: written by a newer version (schema {revision[:20]}, "
            f"this one reads up to {_head()}); update hil"
        )
    try:
        upgrade(connection)
    except CommandError as error:
        raise ValueError(str(error)) from None


def _create(connection: Connection) -> None:
    """An empty database: what all the migrations would lead to."""
    metadata.create_all(connection)
    create_views(connection)
    connection.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
    connection.execute(sa.text("INSERT INTO alembic_version VALUES (:head)"), {"head": _head()})
