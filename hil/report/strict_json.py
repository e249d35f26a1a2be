"""JSON read strictly: each mistake is one line that names its place."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from hil.errors import CaptureError
from hil.schema import Schema


def parse_document(raw: bytes, schema: Schema[dict[str, Any]], keys: Iterable[str]) -> ObjectReader:
    """The top level of a file of this schema: UTF-8 JSON, an object with ``schema`` and ``keys``.

    NaN and infinity are refused, an older schema is brought up to date. Raises
    :class:`CaptureError`.
    """
    try:
        top = json.loads(raw.decode("utf-8"), parse_constant=_refuse_constant)
    except CaptureError:
        raise
    except (ValueError, RecursionError) as error:
        raise CaptureError(f"not valid JSON: {str(error).splitlines()[0]}") from None
    if not isinstance(top, dict):
        raise CaptureError("the top level is not an object")
    reader = ObjectReader("top level", schema.upgrade(top, schema.check(top.get("schema"))))
    reader.keys(("schema", *keys))
    return reader


class ObjectReader:
    """One JSON object and its place in the file, for error lines."""

    def __init__(self, where: str, item: Any) -> None:
        if not isinstance(item, dict):
            raise CaptureError(f"{where}: not an object")
        self._where = where
        self._item: Mapping[str, Any] = item

    def keys(self, required: Iterable[str], optional: Iterable[str] = ()) -> None:
        """Refuse missing and unknown keys."""
        required = tuple(required)
        missing = [key for key in required if key not in self._item]
        if missing:
            raise CaptureError(f"{self._where}: no {missing[0]!r}")
        unknown = sorted(set(self._item) - set(required) - set(optional))
        if unknown:
            raise CaptureError(f"{self._where}: {unknown[0]!r:.60} is not a known key")

    def _fail(self, key: str, wanted: str) -> NoReturn:
        got = type(self._item.get(key)).__name__
        raise CaptureError(f"{self._where}.{key}: not {wanted} but {got}")

    def text(self, key: str) -> str:
        """A string."""
        value = self._item[key]
        if not isinstance(value, str):
            self._fail(key, "text")
        return value

    def opt_text(self, key: str) -> str | None:
        """A string or nothing."""
        return None if self._item.get(key) is None else self.text(key)

    def choice(self, key: str, known: tuple[str, ...]) -> Any:
        """One of the known words."""
        value = self.text(key)
        if value not in known:
            raise CaptureError(f"{self._where}.{key}: {value!r:.40} is none of {', '.join(known)}")
        return value

    def number(self, key: str) -> float:
        """A finite number."""
        value = self._item[key]
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._fail(key, "a number")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise CaptureError(f"{self._where}.{key}: not a finite number")
        return number

    def opt_number(self, key: str) -> float | None:
        """A finite number or null."""
        return None if self._item[key] is None else self.number(key)

    def integer(self, key: str) -> int:
        """A whole number."""
        value = self._item[key]
        if type(value) is not int:
            self._fail(key, "a whole number")
        return value

    def opt_integer(self, key: str) -> int | None:
        """A whole number or null."""
        return None if self._item[key] is None else self.integer(key)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings."""
        value = self._item[key]
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            self._fail(key, "a list of texts")
        return tuple(value)

    def object(self, key: str) -> ObjectReader:
        """An object."""
        return ObjectReader(key, self._item[key])

    def objects(self, key: str) -> list[ObjectReader]:
        """A list of objects."""
        value = self._item[key]
        if not isinstance(value, list):
            self._fail(key, "a list")
        return [ObjectReader(f"{key}[{index}]", one) for index, one in enumerate(value)]


def _refuse_constant(name: str) -> NoReturn:
    raise CaptureError(f"{name} is not a number that may stand here")
