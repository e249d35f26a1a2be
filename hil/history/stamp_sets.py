"""All stamps of a board in one run, packed together: a third less than each set for itself.

A part is the length of a JSON text in 4 bytes, the text, which says of each set what it is of, and
the sets' columns behind one another, as :mod:`hil.history.stamp_packing` makes them before it
compresses them; compressed together. Unpacking is bounded.
"""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, get_args

from hil.history.column_values import number, text_or_none, whole, whole_or_none
from hil.history.number_packing import MOST_BYTES, expanded, squeezed
from hil.history.stamp_packing import FORMAT, raw_columns
from hil.history.stored_records import HistoryStamps, StampKind
from hil.model.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

_MOST_SETS = 4000
_PART_BYTES = MOST_BYTES // 4


def pack_stamp_sets(cases: Sequence[Sequence[HistoryStamps]]) -> list[bytes]:
    """The stamps of a board's cases, in the order of these, in one part or several."""
    parts: list[bytes] = []
    heads: list[list[Any]] = []
    raws: list[bytes] = []
    for position, sets in enumerate(cases):
        for stamps in sets:
            raw, as_it_came = _raw(stamps)
            if heads and (len(raw) + sum(map(len, raws)) > _PART_BYTES or len(heads) == _MOST_SETS):
                parts.append(_packed(heads, raws))
                heads, raws = [], []
            heads.append(
                [
                    *(position, stamps.kind, stamps.task, stamps.method, stamps.period_us),
                    *(stamps.cost_us, stamps.step_us, stamps.taken, stamps.stored),
                    *(dict(stamps.counts), stamps.format, len(raw), as_it_came),
                ]
            )
            raws.append(raw)
    return [*parts, _packed(heads, raws)] if heads else parts


def _raw(stamps: HistoryStamps) -> tuple[bytes, bool]:
    """The columns; the stamps as they came where they are damaged or of another format."""
    try:
        return (raw_columns(stamps.data), False) if stamps.format == FORMAT else (stamps.data, True)
    except CaptureError:
        return stamps.data, True


def _packed(heads: Sequence[Sequence[Any]], raws: Sequence[bytes]) -> bytes:
    columns = [list(column) for column in zip(*heads, strict=True)]
    head = json.dumps(columns, separators=(",", ":")).encode("ascii")
    return squeezed(len(head).to_bytes(4, "little") + head + b"".join(raws))


def unpack_stamp_sets(parts: Sequence[bytes], cases: int) -> list[list[HistoryStamps]]:
    """The stamps of each of a board's so many cases.

    Raises :class:`~hil.model.errors.CaptureError` for what no version writes.
    """
    sets: list[list[HistoryStamps]] = [[] for _ in range(cases)]
    try:
        for part in parts:
            for position, stamps in _sets(part):
                if position < 0:
                    raise ValueError("stamps of no case")
                sets[position].append(stamps)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        text = f"stamps in the history are damaged: {str(error)[:80]}"
        raise CaptureError(text) from None
    return sets


def _sets(part: bytes) -> Iterator[tuple[int, HistoryStamps]]:
    raw = expanded(part)
    size = int.from_bytes(raw[:4], "little")
    columns = json.loads(raw[4 : 4 + size])
    at = 4 + size
    if len(columns[0]) > _MOST_SETS:
        raise ValueError("too many sets")
    for head in zip(*columns, strict=True):
        position, kind, task, method, period_us, cost_us, step_us, *rest = head
        taken, stored, counts, form, length, as_it_came = rest
        if kind not in get_args(StampKind) or not 0 <= length <= len(raw) - at:
            raise ValueError("of an unknown kind, or cut off")
        part_of = raw[at : at + length]
        yield (
            whole(position),
            HistoryStamps(
                kind=kind,
                task=whole_or_none(task),
                method=text_or_none(method),
                period_us=number(period_us),
                cost_us=number(cost_us),
                step_us=number(step_us),
                taken=whole(taken),
                stored=whole(stored),
                counts={str(name): whole(count) for name, count in counts.items()},
                format=whole(form),
                data=part_of if as_it_came else zlib.compress(part_of, 6),
            ),
        )
        at += length
