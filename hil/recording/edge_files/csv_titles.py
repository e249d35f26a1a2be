"""What a table of levels says of itself: comments in front of it, and the titles of its columns."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.model.edge_sources import parse_rate
from hil.model.errors import CaptureError, ConfigurationError

if TYPE_CHECKING:
    from typing import BinaryIO

BLOCK = 1 << 22
MAX_LINE = 1 << 16
MAX_COMMENTS = 100
COMMENTS = (b";", b"#", b"//")
_MAX_COLUMNS = 256
_TIME = re.compile(r"time ?(?:[\[(](s|ms|us|µs|ns|ps)[\])])?", re.IGNORECASE)
_UNITS = {
    **{"s": 9, "ms": 6, "us": 3, "µs": 3, "ns": 0, "ps": -3},
    **{"seconds": 9, "milliseconds": 6, "microseconds": 3, "nanoseconds": 0, "picoseconds": -3},
}
"""The power of ten that makes nanoseconds of a unit."""
_SIGROK_RATE = re.compile(r"Samplerate: (.{1,40})")
_SIGROK_CHANNELS = re.compile(r"Channels \(\d+/\d+\): (.+)")


@dataclass(slots=True)
class TableHead:
    """What comments and titles say.

    ``columns`` are the columns of the channels ``names``, ``width`` counts all. ``power`` is the
    power of ten that makes nanoseconds of the first column, ``None`` where that is no time.
    ``rest`` was read behind the titles, and begins with line ``line``.
    """

    names: list[str] = field(default_factory=list)
    columns: list[int] = field(default_factory=list)
    width: int = 0
    power: int | None = None
    rate_hz: float | None = None
    rest: bytes = b""
    line: int = 1


def read_table_head(file: BinaryIO, what: str) -> TableHead:
    """Read up to the titles; ``CaptureError``, which begins with ``what``, where there are none."""
    head = TableHead()
    channels: list[str] = []
    data = file.read(BLOCK)
    for _ in range(MAX_COMMENTS):
        text, end, data = data.partition(b"\n")
        if not end or len(text) > MAX_LINE:
            raise CaptureError(f"{what}: no table of levels; is it a CSV file?")
        line = text.decode("utf-8-sig", "replace").strip()
        if text.startswith(COMMENTS) or not line:
            head.line += 1
            if (match := _SIGROK_RATE.search(line)) is not None:
                head.rate_hz = _rate(what, match[1])
            elif (match := _SIGROK_CHANNELS.search(line)) is not None:
                channels = [name.strip() for name in match[1].split(",")]
            continue
        titles = [title.strip().strip('"') for title in line.rstrip(",").split(",")]
        if all(title in ("0", "1") for title in titles):
            data = text + end + data
            titles = ["logic"] * len(titles) if channels else []
        else:
            head.line += 1
        head.rest = data
        _read_titles(what, head, titles, channels)
        return head
    raise CaptureError(f"{what}: no titles of columns in its first {MAX_COMMENTS} lines")


def _rate(what: str, text: str) -> float:
    try:
        return parse_rate(what, text)
    except ConfigurationError as error:
        raise CaptureError(str(error)) from None


def _read_titles(what: str, head: TableHead, titles: list[str], channels: list[str]) -> None:
    if not titles or len(titles) > _MAX_COLUMNS:
        raise CaptureError(f"{what}: no titles of columns, or more than {_MAX_COLUMNS} of them")
    if any(" V" in title or title.endswith(("V DC", "analog")) for title in titles):
        raise CaptureError(f"{what}: analog channels are in it; export the digital ones alone")
    named = iter(channels)
    head.width = len(titles)
    for column, title in enumerate(titles):
        match = _TIME.fullmatch(title)
        if match is not None or title.lower() in _UNITS:
            if column:
                raise CaptureError(f"{what}: a time that is not in the first column")
            head.power = _UNITS[(match[1] or "s").lower() if match else title.lower()]
        elif title != "Trigger":
            head.columns.append(column)
            head.names.append(next(named, title) if title == "logic" else title)
