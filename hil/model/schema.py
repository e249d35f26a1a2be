"""JSON files that carry a schema number: the older are brought up to date, the newer refused.

Every kind of file has one :class:`Schema`. Whoever raises its number adds the step from the number
before, or the module does not even import; so a file of any older version can be read for as long
as this code is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, TypeVar

from hil.model.codec import read_record, write_record
from hil.model.errors import CaptureError, NewerSchemaError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, NoReturn

    from hil.model.codec import StoredRecord

T = TypeVar("T")
_MOST_CONTAINERS = 2_000_000


@dataclass(frozen=True, slots=True)
class Schema(Generic[T]):
    """The format of one kind of file, ``what``, whose number is ``newest`` now.

    ``steps[n]`` turns a unit of that file (a document, a line, a chunk) of format ``n`` into one
    of ``n + 1``; it may raise :class:`~hil.model.errors.CaptureError`. Raises ``ValueError`` where
    a step is missing or leads nowhere.
    """

    what: str
    newest: int
    steps: Mapping[int, Callable[[T], T]] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if self.newest < 1 or set(self.steps) != set(range(1, self.newest)):
            raise ValueError(f"{self.what}: a step from every schema below {self.newest} is needed")

    def check(self, number: object) -> int:
        """``number`` as it was read, if this version reads such files.

        Raises :class:`~hil.model.errors.NewerSchemaError` or
        :class:`~hil.model.errors.CaptureError`, one line without the file's name.
        """
        if type(number) is not int or number < 1:
            raise CaptureError(f"schema is {number!r:.40}; not {self.what}")
        if number > self.newest:
            raise NewerSchemaError(
                f"schema is {number!r:.40}, this version reads up to {self.newest}: "
                "written by a newer version; update hil"
            )
        return number

    def upgrade(self, unit: T, number: int) -> T:
        """``unit`` of format ``number`` (one that :meth:`check` returned) in the newest one."""
        for step in range(number, self.newest):
            unit = self.steps[step](unit)
        return unit


def parse_json(raw: bytes | str, constant: Callable[[str], Any] | None = None) -> Any:
    """The JSON value in UTF-8 bytes or text; raises :class:`~hil.model.errors.CaptureError`.

    NaN and Infinity are refused, or become what ``constant`` returns for their name.
    """
    containers = raw.count(b"[") + raw.count(b"{") if isinstance(raw, bytes) else raw.count("[")
    if containers > _MOST_CONTAINERS:  # each takes thirty times its own length
        raise CaptureError(f"not what was written: {containers:,} lists and objects")
    try:
        text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
        text = text.removeprefix("\ufeff")  # an editor's byte order mark
        return json.loads(text, parse_constant=constant or _refuse_constant)
    except (ValueError, RecursionError) as error:
        raise CaptureError(f"not valid JSON: {str(error).splitlines()[0]}") from None


def read_document(kind: type[T], raw: bytes, schema: Schema[dict[str, Any]]) -> T:
    """The record in a JSON file with a ``schema`` number; an older schema is brought up to date.

    Raises :class:`~hil.model.errors.CaptureError`, one line that names the key in the file.
    """
    top = parse_json(raw)
    if not isinstance(top, dict):
        raise CaptureError("the top level is not an object")
    top = schema.upgrade(top, schema.check(top.get("schema")))
    return read_record(kind, {key: top[key] for key in top if key != "schema"})


def write_document(record: StoredRecord, schema: Schema[dict[str, Any]]) -> dict[str, Any]:
    """The JSON object of a file in the newest ``schema``; errors as for :func:`write_record`."""
    return {"schema": schema.newest, **write_record(record)}


def _refuse_constant(name: str) -> NoReturn:
    raise CaptureError(f"{name} is not a number that may stand here")
