"""Columns as data frames of pandas, polars and Arrow; each package only where it is asked for."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hil.model.errors import ConfigurationError
from hil.model.printable import unicode_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

Kind = Literal["text", "int32", "int64", "float64"]
FIGURE_COLUMNS: Mapping[str, Kind] = {
    "board": "text",
    "technique": "text",
    "load": "text",
    "task": "int32",
    "task_name": "text",
    "metric": "text",
    "method": "text",
    "source": "text",
    "unit": "text",
    "value": "float64",
    "lo": "float64",
    "hi": "float64",
    "confidence": "float64",
    "n": "int64",
    "n_effective": "float64",
    "budget": "float64",
    "verdict": "text",
    "where_us": "float64",
    "reference": "text",
    "note": "text",
    "no_bounds": "text",
}
"""The columns of a frame of figures; the fields of :class:`~hil.model.results.Measurement`."""
_PANDAS = {"text": "object", "int32": "Int32", "int64": "Int64", "float64": "float64"}
_POLARS = {"text": "String", "int32": "Int32", "int64": "Int64", "float64": "Float64"}


@dataclass(frozen=True, slots=True)
class Frame:
    """Named columns of one length: lists or numpy arrays, and the kind of each."""

    columns: Mapping[str, Sequence[Any]]
    kinds: Mapping[str, Kind]

    def to_pandas(self) -> Any:
        """A ``pandas.DataFrame``; whole numbers that may be absent are nullable integers."""
        pandas = _package("pandas")
        return pandas.DataFrame(
            {
                name: pandas.Series(values, dtype=_PANDAS[self.kinds[name]])
                for name, values in self.columns.items()
            }
        )

    def to_polars(self) -> Any:
        """A ``polars.DataFrame``."""
        polars = _package("polars")
        kinds = {name: getattr(polars, _POLARS[self.kinds[name]]) for name in self.columns}
        return polars.DataFrame(dict(self.columns), schema=kinds)

    def to_arrow(self) -> Any:
        """A ``pyarrow.Table``."""
        arrow = _package("pyarrow")
        kinds = {"text": arrow.string()}
        kinds |= {kind: getattr(arrow, kind)() for kind in ("int32", "int64", "float64")}
        return arrow.table(
            {
                name: arrow.array(values, kinds[self.kinds[name]])
                for name, values in self.columns.items()
            }
        )


def records_frame(records: Iterable[Any], kinds: Mapping[str, Kind]) -> Frame:
    """A row for each record, whose fields have the names of the columns."""
    rows = list(records)
    return Frame({name: [_cell(getattr(record, name)) for record in rows] for name in kinds}, kinds)


def _cell(value: Any) -> Any:
    return unicode_text(value) if isinstance(value, str) else value


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ConfigurationError(
            f"a frame of {name} needs the package {name}: pip install {name}"
        ) from None
