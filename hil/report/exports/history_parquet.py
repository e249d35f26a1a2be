"""All figures of a history as a partitioned data set: ``machine=…/month=…/part-0.parquet``.

A partition's name is the value with all but letters, digits, ``-``, ``_``, ``~`` and ``.``
percent-encoded, as in a URL: whatever a board calls itself, it names no other folder. Columns of a
file do not hold what its folders say.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from hil.history.figure_stream import stream_figures
from hil.model.errors import ConfigurationError
from hil.model.printable import unicode_text
from hil.report.exports.export_format import require_package

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Self

    from hil.history.database import History
    from hil.history.figure_stream import BoardFigures

_FORM = "parquet"
_ROWS_AT_ONCE = 50_000
_MOST_OPEN = 16
_LONGEST_NAME = 150
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
_LABELS = (
    *("run", "started_utc", "order_utc", "verdict", "revision", "board", "key", "platform"),
    *("micropython", "firmware", "profile", "source"),
)
_TEXTS = ("technique", "load", "metric", "method", "instrument", "unit", "figure_verdict")
_ALL_TEXTS = frozenset((*_LABELS, *_TEXTS))
_FLOATS = ("value", "lo", "hi")


def export_history(history: History, out: Path) -> tuple[int, int]:
    """Write the data set into the new folder ``out``; how many figures and files it has.

    Raises :class:`~hil.model.errors.ConfigurationError` where ``out`` is there already, can't be
    made, or pyarrow is missing.
    """
    require_package("pyarrow.parquet", "pyarrow", _FORM)
    if out.exists():
        raise ConfigurationError(f"{out}: is there already; name another folder with --out")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{out.name[:50]}-", dir=out.parent))
    except OSError as error:
        raise ConfigurationError(f"{out}: {error.strerror}; name another folder") from None
    try:
        with _DataSet(work) as target:
            for board in stream_figures(history):
                target.add(board)
        work.chmod(0o755)
        work.rename(out)
    except OSError as error:
        raise ConfigurationError(f"{out}: {error.strerror}") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return target.rows, target.files


def partition_name(key: str, value: str) -> str:
    """The folder of a partition, whatever ``value`` is: always one name, never a path."""
    name = quote(unicode_text(value), safe="") or _NO_VALUE
    if len(name) > _LONGEST_NAME:
        digest = hashlib.sha256(name.encode()).hexdigest()[:12]
        name = f"{unicode_text(value)[:20].encode('ascii', 'ignore').decode().strip()}"
        name = f"{quote(name, safe='')}-{digest}"
    return f"{key}={name}"


class _DataSet:
    """Rows wait in memory until there are enough of them; then each partition gets its own."""

    def __init__(self, folder: Path) -> None:
        self._arrow = require_package("pyarrow", "pyarrow", _FORM)
        self._parquet = require_package("pyarrow.parquet", "pyarrow", _FORM)
        self._folder = folder
        self._waiting: dict[Path, dict[str, list[Any]]] = {}
        self._count = 0
        self._open: dict[Path, Any] = {}
        self._parts: dict[Path, int] = {}
        self._schema = self._make_schema()
        self.rows = self.files = 0

    def _make_schema(self) -> Any:
        arrow = self._arrow
        text = arrow.dictionary(arrow.int32(), arrow.string())
        fields = [(name, text) for name in (*_LABELS, *_TEXTS)]
        fields += [("task", arrow.int32()), ("n", arrow.int64())]
        fields += [(name, arrow.float64()) for name in _FLOATS]
        return arrow.schema(fields)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if kind is None:
            self._flush()
        for writer in self._open.values():
            writer.close()

    def add(self, board: BoardFigures) -> None:
        """Put a board's figures into the partition of its model and month."""
        folder = self._folder / partition_name("machine", board.machine)
        folder /= partition_name("month", board.order_utc[:7])
        columns = self._waiting.setdefault(folder, {name: [] for name in self._schema.names})
        for name in _LABELS:
            columns[name] += [getattr(board, name)] * len(board.rows)
        for row in board.rows:
            figure = row.figure
            values = (
                *(row.technique, row.load, row.metric, figure.method, figure.source, figure.unit),
                figure.verdict,
            )
            for name, value in zip(_TEXTS, values, strict=True):
                columns[name].append(value)
            columns["task"].append(figure.task)
            columns["n"].append(figure.n)
            for name in _FLOATS:
                columns[name].append(getattr(figure, name))
        self._count += len(board.rows)
        self.rows += len(board.rows)
        if self._count >= _ROWS_AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        for folder, columns in self._waiting.items():
            writer = self._writer(folder)
            arrays = [self._column(field, columns[field.name]) for field in self._schema]
            writer.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))
        self._waiting.clear()
        self._count = 0

    def _column(self, field: Any, values: list[Any]) -> Any:
        if field.name not in _ALL_TEXTS:
            return self._arrow.array(values, field.type)
        texts = [None if value is None else unicode_text(value) for value in values]
        return self._arrow.array(texts, self._arrow.string()).dictionary_encode()

    def _writer(self, folder: Path) -> Any:
        writer = self._open.pop(folder, None)
        if writer is None:
            if len(self._open) >= _MOST_OPEN:
                self._open.pop(next(iter(self._open))).close()
            folder.mkdir(parents=True, exist_ok=True)
            part = self._parts[folder] = self._parts.get(folder, -1) + 1
            path = folder / f"part-{part}.parquet"
            writer = self._parquet.ParquetWriter(path, self._schema, compression="zstd")
            self.files += 1
        self._open[folder] = writer  # the one that was used last stands last
        return writer
