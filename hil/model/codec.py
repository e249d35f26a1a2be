"""Typed records to and from plain JSON values.

A record is a frozen dataclass on :class:`StoredRecord`. Its annotations alone say how it is stored:
``bool``, ``int``, ``float``, ``str``, ``Literal``, unions of these, ``None``, tuples of one type,
mappings from texts, other records, and ``Any`` for plain JSON. ``read_record(K, write_record(x))``
is ``x``, but for numbers that are not finite: they are written as null.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from functools import cache, partial
from types import MappingProxyType, NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin
from typing import get_type_hints as type_hints

from hil.model.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

T = TypeVar("T")
ABSENT: Mapping[str, Any] = MappingProxyType({"absent": True})
"""Metadata of a field that is left out of the file while it has its default."""
REQUIRED: Mapping[str, Any] = MappingProxyType({"required": True})
"""Metadata of a field with a default whose key a file must have."""
MAX_DEPTH = 50
"""Nesting of plain JSON that is taken; what is read must also be writable."""


def stored_as(key: str) -> Mapping[str, Any]:
    """Metadata of a field whose key in the file is not its name."""
    return {"key": key}


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record that is stored as a JSON object; ``unknown_keys`` are written back as they came."""

    unknown_keys: Mapping[str, Any] = field(
        default_factory=dict, kw_only=True, hash=False, repr=False
    )


def read_record(kind: type[T], item: object, where: str = "top level") -> T:
    """The record of this kind in a parsed JSON object.

    A missing key takes the field's default; unknown keys are kept. Raises
    :class:`~hil.model.errors.CaptureError`, one line that names the key (``boards[0].cpu_hz``),
    for a key that must be there, a value of another type and a number that is not finite.
    """
    try:
        record: T = _read_fields(kind, item)
    except _Mismatch as mismatch:
        raise mismatch.error(where) from None
    return record


def write_record(record: StoredRecord) -> dict[str, Any]:
    """The JSON object of a record: plain types, keys in the order of the fields.

    An optional number that is not finite is null. Raises ``ValueError`` for another that is
    not, and ``TypeError`` for what the annotation does not allow.
    """
    kind: Any = type(record)
    item: dict[str, Any] = {}
    for entry in _stored_fields(kind):
        value = getattr(record, entry.name)
        if not (entry.left_out and value == entry.default):
            item[entry.key] = entry.write(value)
    known = field_keys(kind)
    item.update((key, value) for key, value in record.unknown_keys.items() if key not in known)
    return item


def field_keys(kind: Any) -> frozenset[str]:
    """The keys of a record's own fields in a file."""
    return _field_keys(kind)


def check_plain(
    value: object, *, longest_text: float = math.inf, bits: float = math.inf, depth: int = MAX_DEPTH
) -> None:
    """Refuse JSON that is nested too deeply or has too long a text or too large a number in it.

    ``bits`` is the most that a whole number's magnitude may have. Raises
    :class:`~hil.model.errors.CaptureError`, one line that names the key.
    """
    try:
        _check_plain(value, longest_text, bits, depth)
    except _Mismatch as mismatch:
        raise mismatch.error("top level") from None


class _Mismatch(Exception):  # noqa: N818 - becomes a CaptureError once its path is known
    """A value that does not fit its annotation; ``path`` grows on the way out."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.path = ""

    def inside(self, step: str) -> _Mismatch:
        self.path = step + self.path
        return self

    def error(self, where: str) -> CaptureError:
        return CaptureError(f"{self.path.lstrip('.') or where}: {self.reason}")


@dataclass(frozen=True, slots=True)
class _StoredField:
    name: str
    key: str
    default: Any  # MISSING: the key must be there
    left_out: bool
    read: Callable[[Any], Any]
    write: Callable[[Any], Any]


@cache
def _stored_fields(kind: Any) -> tuple[_StoredField, ...]:
    hints = type_hints(kind)
    stored = []
    for declared in fields(kind):
        if declared.name == "unknown_keys":
            continue
        default = (
            declared.default if declared.default_factory is MISSING else declared.default_factory()
        )
        stored.append(
            _StoredField(
                declared.name,
                declared.metadata.get("key", declared.name),
                MISSING if declared.metadata.get("required") else default,
                bool(declared.metadata.get("absent")),
                _reader(hints[declared.name]),
                _writer(hints[declared.name]),
            )
        )
    return tuple(stored)


@cache
def _field_keys(kind: Any) -> frozenset[str]:
    return frozenset(entry.key for entry in _stored_fields(kind))


def _read_fields(kind: Any, item: object) -> Any:
    if not isinstance(item, dict):
        raise _Mismatch("not an object")
    values: dict[str, Any] = {}
    for entry in _stored_fields(kind):
        value = item.get(entry.key, MISSING)
        if value is not MISSING:
            try:
                values[entry.name] = entry.read(value)
            except _Mismatch as mismatch:
                raise mismatch.inside(_step(entry.key)) from None
        elif entry.default is MISSING:
            raise _Mismatch(f"no {entry.key!r}")
    if len(values) < len(item):
        known = field_keys(kind)
        rest = {key: value for key, value in item.items() if key not in known}
        _check_plain(rest, math.inf, math.inf, MAX_DEPTH)
        values["unknown_keys"] = rest
    return kind(**values)


_NAMES = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    NoneType: "null",
}


@cache
def _reader(hint: Any) -> Callable[[Any], Any]:
    """What reads a JSON value as ``hint`` says; it raises :class:`_Mismatch`."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return partial(_read_word, args)
    if origin in (Union, UnionType):
        kinds = [arg for arg in args if arg is not NoneType]
        if len(kinds) == 1:
            return partial(_read_optional, _reader(kinds[0]))
        return partial(_read_union, tuple((arg, _reader(arg)) for arg in args))
    if origin is tuple and args[1:] == (...,):
        return partial(_read_items, _reader(args[0]))
    if origin in (Mapping, dict) and args[0] is str:
        return partial(_read_values, _reader(args[1]))
    if hint is Any:
        return _read_any
    if hint is float:
        return _read_number
    if hint in _NAMES:
        return partial(_read_exactly, hint)
    if is_dataclass(hint):
        return partial(_read_fields, hint)
    raise TypeError(f"{hint!r} has no form in JSON here")


def _not(wanted: str, value: object) -> NoReturn:
    raise _Mismatch(f"not {wanted} but {type(value).__name__}")


def _read_exactly(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        _not(_NAMES[kind], value)
    return value


def _read_number(value: Any) -> float:
    if type(value) is not float and type(value) is not int:
        _not("a number", value)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _Mismatch("not a finite number")
    return number


def _read_word(known: tuple[str, ...], value: Any) -> Any:
    if type(value) is not str:
        _not("text", value)
    if value not in known:
        raise _Mismatch(f"{value!r:.40} is none of {', '.join(known)}")
    return value


def _read_optional(read: Callable[[Any], Any], value: Any) -> Any:
    return None if value is None else read(value)


def _read_union(kinds: tuple[tuple[Any, Callable[[Any], Any]], ...], value: Any) -> Any:
    """By the first kind that fits."""
    for _, read in kinds:
        try:
            return read(value)
        except _Mismatch:
            pass
    _not(" or ".join(_NAMES.get(kind, "an object") for kind, _ in kinds), value)


def _read_items(read: Callable[[Any], Any], value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list):
        _not("a list", value)
    items = []
    for index, item in enumerate(value):
        try:
            items.append(read(item))
        except _Mismatch as mismatch:
            raise mismatch.inside(_step(index)) from None
    return tuple(items)


def _read_values(read: Callable[[Any], Any], value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Mismatch("not an object")
    values = {}
    for key, item in value.items():
        try:
            values[key] = read(item)
        except _Mismatch as mismatch:
            raise mismatch.inside(_step(key)) from None
    return values


def _step(key: str | int) -> str:
    """The way into an object or a list; keys are foreign text."""
    return f".{key:.60}" if isinstance(key, str) and key.isidentifier() else f"[{key!r:.60}]"


def _read_any(value: Any) -> Any:
    _check_plain(value, math.inf, math.inf, MAX_DEPTH)
    return value


def _check_plain(value: object, longest_text: float, bits: float, depth: int) -> None:
    if isinstance(value, dict | list):
        if depth == 0:
            raise _Mismatch("nested too deeply")
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in pairs:
            try:
                if isinstance(key, str):
                    _check_plain(key, longest_text, bits, depth - 1)
                _check_plain(item, longest_text, bits, depth - 1)
            except _Mismatch as mismatch:
                raise mismatch.inside(_step(key)) from None
    elif isinstance(value, str):
        if len(value) > longest_text:
            raise _Mismatch("too long")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise _Mismatch("not a finite number")
    elif isinstance(value, int) and value.bit_length() > bits:
        raise _Mismatch("out of range")


@cache
def _writer(hint: Any) -> Callable[[Any], Any]:
    """What makes a value of type ``hint`` plain."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        others = [arg for arg in args if arg is not NoneType]
        if len(others) > 1:
            return _same
        return partial(_write_optional, _writer(others[0]))
    if origin is tuple:
        write_item = _writer(args[0])
        return lambda value: [write_item(item) for item in value]
    if origin in (Mapping, dict):
        write_value = _writer(args[1])
        return lambda value: {key: write_value(item) for key, item in value.items()}
    if hint is float:
        return _write_number
    if hint is int:
        return operator.index
    return write_record if is_dataclass(hint) else _same


def _same(value: Any) -> Any:
    return value


def _write_optional(write: Callable[[Any], Any], value: Any) -> Any:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return write(value)


def _write_number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} has no form in JSON")
    return number
