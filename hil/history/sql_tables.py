"""The tables. A change here needs another migration and a new :data:`HEAD_REVISION`."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

HEAD_REVISION = "0004"
"""The newest migration's revision: the schema that this version reads and writes."""
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _owner(column: str, target: str) -> Column[int]:
    return Column(column, Integer, ForeignKey(target, ondelete="CASCADE"), nullable=False)


runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run", String(200), nullable=False, unique=True),
    Column("fingerprint", String(64), nullable=False),
    Column("started_utc", String(40), nullable=False),
    Column("duration_s", Float, nullable=False),
    Column("profile", Text, nullable=False),
    Column("harness_version", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("source", String(20), nullable=False),
    Column("verdict", String(10), nullable=False),
    Column("revision", Text),
    Column("modified", Boolean),
    Column("worse", Integer),
    Column("more", Text),
    Column("order_utc", String(40)),
    Index("ix_runs_started_utc", "started_utc"),
    Index("ix_runs_order_utc", "order_utc"),
    Index("ix_runs_fingerprint", "fingerprint"),
)
"""``revision`` and ``modified``: the git commit that was measured from, where there is one.
``worse``: how many figures had become worse when the run was compared, null if it was not.
``more``, here and in other tables: what the record holds beside the columns, as JSON.
``order_utc``: see :mod:`hil.history.run_order`."""
boards = Table(
    "boards",
    metadata,
    Column("id", Integer, primary_key=True),
    _owner("run_id", "runs.id"),
    Column("key", String(400), nullable=False),
    Column("firmware", String(200), nullable=False),
    Column("name", Text, nullable=False),
    Column("source", String(20), nullable=False),
    Column("platform", Text, nullable=False),
    Column("machine", Text, nullable=False),
    Column("micropython", Text, nullable=False),
    Column("unique_id", Text),
    Column("cpu_hz", Float),
    Column("tick_period", Text, nullable=False),
    Column("tick_resolution_us", Float),
    Column("stamp_cost_us", Float),
    Column("capabilities", Text, nullable=False),
    Column("more", Text),
    Index("ix_boards_run_id", "run_id"),
    Index("ix_boards_key", "key", "firmware"),
)
cases = Table(
    "cases",
    metadata,
    Column("id", Integer, primary_key=True),
    _owner("board_id", "boards.id"),
    Column("technique", String(200), nullable=False),
    Column("load", String(200), nullable=False),
    Column("duration_us", Float),
    Column("periods", Text),
    Column("windows", Integer),
    Index("ix_cases_board_id", "board_id"),
)
"""``periods``: of the tasks in us, separated by commas; null where no capture says it. ``windows``:
how many, of ``duration_us`` together; null for one."""
measurements = Table(
    "measurements",
    metadata,
    Column("id", Integer, primary_key=True),
    _owner("case_id", "cases.id"),
    Column("task", Integer),
    Column("method", Text),
    Column("metric", String(100), nullable=False),
    Column("unit", String(20), nullable=False),
    Column("value", Float, nullable=False),
    Column("lo", Float),
    Column("hi", Float),
    Column("n", Float, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("note", Text),
    Column("where_us", Float),
    Column("budget", Float),
    Column("verdict", String(10), nullable=False),
    Column("more", Text),
    Index("ix_measurements_case_id", "case_id", "metric"),
)
skips = Table(
    "skips",
    metadata,
    Column("id", Integer, primary_key=True),
    _owner("run_id", "runs.id"),
    Column("board", Text, nullable=False),
    Column("technique", Text, nullable=False),
    Column("load", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Index("ix_skips_run_id", "run_id"),
)
errors = Table(
    "errors",
    metadata,
    Column("id", Integer, primary_key=True),
    _owner("run_id", "runs.id"),
    Column("board", Text, nullable=False),
    Column("technique", Text, nullable=False),
    Column("load", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Index("ix_errors_run_id", "run_id"),
)
stamps = Table(
    "stamps",
    metadata,
    Column("id", Integer, primary_key=True),
    _owner("case_id", "cases.id"),
    Column("kind", String(10), nullable=False),
    Column("task", Integer),
    Column("method", Text),
    Column("period_us", Float, nullable=False),
    Column("cost_us", Float, nullable=False),
    Column("step_us", Float, nullable=False),
    Column("taken", Integer, nullable=False),
    Column("kept", Integer, nullable=False),
    Column("counts", Text, nullable=False),
    Column("format", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Index("ix_stamps_case_id", "case_id"),
)
"""``kind``: ``task``, ``series``, ``isr`` or ``defer``. ``counts``: JSON, in how many separate
stretches each count came. ``data``: see :mod:`hil.history.stamp_packing`."""
baselines = Table(
    "baselines",
    metadata,
    Column("run_id", Integer, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("set_utc", String(40), nullable=False),
    Column("note", Text, nullable=False),
)
