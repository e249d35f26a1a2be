"""Captures on disk: one append-only file each, readable wherever it ends.

What reads them needs numpy and is imported when it is first asked for: a run writes before it
reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hil.store.chunks import SCHEMA, Chunk, read_chunks
from hil.store.meta import StoredMeta
from hil.store.names import SUFFIX, capture_path, list_captures
from hil.store.writer import CaptureWriter

if TYPE_CHECKING:
    from hil.store.reader import read_capture, read_meta

__all__ = [
    "SCHEMA",
    "SUFFIX",
    "CaptureWriter",
    "Chunk",
    "StoredMeta",
    "capture_path",
    "list_captures",
    "read_capture",
    "read_chunks",
    "read_meta",
]


def __getattr__(name: str) -> Any:
    if name not in ("read_capture", "read_meta"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from hil.store import reader

    return getattr(reader, name)
