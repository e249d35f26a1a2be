"""A file that an instrument's own program recorded, read by what is in it, whatever its name."""

from __future__ import annotations

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from typing import TYPE_CHECKING

from hil.model.errors import CaptureError
from hil.recording.edge_files.csv_table import looks_like_csv, read_csv
from hil.recording.edge_files.logic_analyzer import looks_like_lac, read_lac
from hil.recording.edge_files.sigrok_session import looks_like_session, read_session
from hil.recording.edge_files.vcd import looks_like_vcd, read_vcd
from hil.recording.stored_file import open_given

if TYPE_CHECKING:
    from pathlib import Path

    from hil.model.edges import EdgeRecording
    from hil.recording.edge_files.vcd import Choose

_START = 4096
_UTF_16 = (BOM_UTF16_LE, BOM_UTF16_BE)


def read_recorded_file(
    path: Path, instrument: str, choose: Choose, rate_hz: float | None = None
) -> EdgeRecording:
    """What ``instrument`` recorded in ``path``, from its beginning to its end.

    ``choose`` gives the line of each channel, by its index among the names that the file has;
    ``rate_hz`` is the sample rate where the file says none. Memory: 16 bytes an edge, and some MB.

    Raises :class:`~hil.model.errors.CaptureError` in one line for a file that can't be read, is of
    no known form, empty or damaged, and what ``choose`` raises.
    """
    what = path.name
    try:
        with open_given(path) as file:
            start = file.read(_START)
            if start.startswith(_UTF_16):
                raise CaptureError(f"{what}: text in UTF-16; save it as UTF-8")
            mark = len(BOM_UTF8) if start.startswith(BOM_UTF8) else 0
            file.seek(mark)
            start = start[mark:]
            if not start:
                raise CaptureError(f"{what}: the file is empty")
            if looks_like_session(start):
                return read_session(file, what, instrument, choose)
            if looks_like_vcd(start):
                return read_vcd(file, what, instrument, choose)
            if looks_like_lac(start):
                return read_lac(file, what, instrument, choose)
            if looks_like_csv(start):
                return read_csv(file, what, instrument, choose, rate_hz)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise CaptureError(f"can't read {path}: {reason}") from None
    raise CaptureError(
        f"{what}: neither a VCD file, a sigrok session (.sr) nor a CSV table of levels"
    )
