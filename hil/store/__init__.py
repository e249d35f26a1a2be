"""Captures on disk: one append-only file each, readable wherever it ends."""

from hil.store.chunks import SCHEMA, Chunk, read_chunks
from hil.store.meta import StoredMeta
from hil.store.names import SUFFIX, capture_path, list_captures
from hil.store.reader import read_capture, read_meta
from hil.store.writer import CaptureWriter

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
