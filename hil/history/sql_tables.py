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

HEAD_REVISION = "0007"
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
plans = Table(
    "plans",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
)
"""Which cases a board was measured in, and how: most runs share a plan with those before."""
plan_cases = Table(
    "plan_cases",
    metadata,
    Column("plan_id", Integer, ForeignKey("plans.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("technique", String(200), nullable=False),
    Column("load", String(200), nullable=False),
    Column("duration_us", Float),
    Column("periods", Text),
    Column("windows", Integer),
    Index("ix_plan_cases_technique", "technique", "load"),
)
"""``periods``: of the tasks in us, separated by commas; null where no capture says it. ``windows``:
how many, of ``duration_us`` together; null for one."""
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
    Column("profile", String(200)),
    Column("order_utc", String(40)),
    Column("plan_id", Integer, ForeignKey("plans.id")),
    Index("ix_boards_run_id", "run_id"),
    Index("ix_boards_line", "key", "firmware", "profile", "order_utc"),
    Index("ix_boards_key", "key", "order_utc"),
    Index("ix_boards_name", "name", "key"),
    Index("ix_boards_order_utc", "order_utc"),
)
"""``profile`` and ``order_utc`` are the run's, so that one index finds a board's newest runs."""
metrics = Table(
    "metrics",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
)
figure_sets = Table(
    "figure_sets",
    metadata,
    Column("board_id", Integer, ForeignKey("boards.id", ondelete="CASCADE"), primary_key=True),
    Column("metric_id", Integer, ForeignKey("metrics.id"), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)
"""One metric's figures of all cases; see :mod:`hil.history.figure_packing`, here and below."""
figure_details = Table(
    "figure_details",
    metadata,
    Column("board_id", Integer, ForeignKey("boards.id", ondelete="CASCADE"), primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)
stamp_sets = Table(
    "stamp_sets",
    metadata,
    Column("board_id", Integer, ForeignKey("boards.id", ondelete="CASCADE"), primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)
"""See :mod:`hil.history.stamp_sets`."""
case_figures = Table(
    "case_figures",
    metadata,
    Column("board_id", Integer, ForeignKey("boards.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("lateness_p50_us", Float),
    Column("lateness_p99_us", Float),
    Column("lateness_max_us", Float),
    Column("missed", Float),
    Column("figures", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("undecided", Integer, nullable=False),
)
"""What SQL can read of a case: the largest of its tasks' figures by the board's own stamps, and how
many figures there are, out of their budgets, and undecided. The case's name is the plan's."""
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
    Index("ix_errors_board", "board", "run_id"),
)
baselines = Table(
    "baselines",
    metadata,
    Column("run_id", Integer, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("set_utc", String(40), nullable=False),
    Column("note", Text, nullable=False),
)
month_summaries = Table(
    "month_summaries",
    metadata,
    Column("metric_id", Integer, ForeignKey("metrics.id"), primary_key=True),
    Column("key", String(400), primary_key=True),
    Column("firmware", String(200), primary_key=True),
    Column("profile", String(200), primary_key=True),
    Column("month", String(7), primary_key=True),
    Column("name", Text, nullable=False),
    Column("machine", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
)
"""What removed runs leave behind; see :mod:`hil.history.month_summaries`."""
summarised_runs = Table(
    "summarised_runs",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
)
"""The removed runs that are in a summary, so that none is counted twice."""
