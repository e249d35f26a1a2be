"""A history in a file: what that may be, and how much and how long may be asked of it.

The file may come from anywhere. A view in the place of a table can run for ever, a trigger can
write what nobody asked for, a cell can have a gigabyte: a file with any of them is not one of ours,
but for the views that a history has itself, word for word.
"""

from __future__ import annotations

import sqlite3
import stat
import time
from typing import TYPE_CHECKING

from hil.history.sql_tables import metadata
from hil.history.sql_views import VIEWS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Connection

BUSY_S = 20
"""So long a writer waits for the others before it gives up."""
READ_S, WRITE_S = 60.0, 900.0
"""So long a transaction may take; reading 10,000 runs takes 3 s, a migration of them a minute."""
_MAX_CELL = 64_000_000
_STEPS = 20_000  # of SQLite's own machine between two looks at the clock
_TRIES = 4
_MOST_OBJECTS = 1000
_INCREMENTAL = 2
_PAGES_AT_ONCE = 4000
_VERSION_TABLE = "alembic_version"
_KINDS = (
    (stat.S_ISDIR, "it is a folder"),
    (stat.S_ISFIFO, "it is a pipe"),
    (stat.S_ISSOCK, "it is a socket"),
    (stat.S_ISCHR, "it is a device"),
    (stat.S_ISBLK, "it is a device"),
)


def why_no_file(path: Path) -> str:
    """Why there can be no history at ``path``; empty for a file, and where nothing is yet."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    return next((reason for matches, reason in _KINDS if matches(mode)), "")


def prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    """Transactions are begun here, not by the driver, which would leave DDL outside of them."""
    connection.isolation_level = None
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_CELL)
    connection.set_progress_handler(_until(WRITE_S), _STEPS)
    connection.execute(f"PRAGMA busy_timeout={BUSY_S * 1000}")
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.execute("PRAGMA cell_size_check=ON")
    connection.execute("PRAGMA foreign_keys=ON")
    if connection.execute("PRAGMA page_count").fetchone()[0] == 0:
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        for attempt in range(_TRIES):  # this switch does not wait for others by itself
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                break
            except sqlite3.OperationalError as error:
                if "readonly" in str(error):
                    break
            time.sleep(0.05 * 2**attempt)
    connection.execute("PRAGMA synchronous=NORMAL")


def begin_sqlite(connection: Connection) -> None:
    """A writer takes the lock at once: after having read it might not get it any more."""
    reads = connection.get_execution_options().get("hil_reads")
    driver = connection.connection.driver_connection
    if driver is not None:
        driver.set_progress_handler(_until(READ_S if reads else WRITE_S), _STEPS)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def why_not_ours(connection: Connection) -> str:
    """What a file has that no version of hil makes; empty for an empty one and for a history."""
    query = f"SELECT type, name, sql FROM sqlite_master LIMIT {_MOST_OBJECTS}"
    tables = set()
    for kind, name, sql in connection.exec_driver_sql(query):
        if kind == "view" and VIEWS.get(str(name)) == sql:
            continue
        if kind in ("view", "trigger"):
            return f"it has a {kind}, {str(name)[:40]!r}, which no version of hil makes"
        if kind == "table":
            if str(sql).lstrip().upper().startswith("CREATE VIRTUAL"):
                return (
                    f"its table {str(name)[:40]!r} is a virtual one, which no version of hil makes"
                )
            tables.add(str(name))
    others = sorted(
        name
        for name in tables - set(metadata.tables)
        if not name.startswith(("sqlite_", "_alembic"))
    )
    if others and _VERSION_TABLE not in tables:
        return f"it is another program's database, with a table {others[0][:40]!r}"
    return ""


def give_back(connection: sqlite3.Connection) -> int:
    """Give a file's unused pages back to the disk, some at a time; how many bytes that were.

    A file that was not made for it keeps them, and coming runs use them.
    """
    connection.set_progress_handler(None, 0)
    page = int(connection.execute("PRAGMA page_size").fetchone()[0])
    before = int(connection.execute("PRAGMA page_count").fetchone()[0])
    if connection.execute("PRAGMA auto_vacuum").fetchone()[0] != _INCREMENTAL:
        return 0
    while connection.execute("PRAGMA freelist_count").fetchone()[0]:
        # a page is a step of this statement, and `execute` takes one where there are no columns
        connection.executescript(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()  # the log stays small
    return (before - int(connection.execute("PRAGMA page_count").fetchone()[0])) * page


def rewrite(connection: sqlite3.Connection) -> None:
    """Write the whole file anew, so that it can give pages back from then on."""
    connection.set_progress_handler(None, 0)
    connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
    connection.execute("VACUUM")


def advice(text: str) -> str:
    """What to do about an error of SQLite's, by its text; begins with a semicolon."""
    text = text.lower()
    if "locked" in text or "busy" in text:
        return "; another program uses it: end that, or try again"
    if "readonly" in text or "unable to open" in text:
        return "; its file and folder must be readable and writable"
    if "full" in text:
        return "; make room on that disk"
    if "interrupted" in text:
        return f"; it took longer than {READ_S:.0f} s: a damaged or foreign file; name another one"
    return "; it is damaged or no history: put a copy in its place, or name another one"


def _until(limit_s: float) -> Callable[[], int]:
    """What SQLite asks now and then whether to stop."""
    end = time.monotonic() + limit_s
    return lambda: int(time.monotonic() > end)
