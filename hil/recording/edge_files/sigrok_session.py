"""sigrok's session files (``.sr``): a zip archive of a description and of pieces of raw samples.

The pieces are read one after the other, so that no size of theirs matters to the memory.
"""

from __future__ import annotations

import configparser
import re
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.model.edge_sources import parse_rate
from hil.model.errors import CaptureError, ConfigurationError
from hil.recording.edge_files.collector import EdgeCollector, samples_to_ns

if TYPE_CHECKING:
    from typing import BinaryIO

    from hil.model.edges import EdgeRecording
    from hil.recording.edge_files.vcd import Choose

_BLOCK = 1 << 20
_MAX_METADATA = 1 << 18
_MAX_DIRECTORY = 64 << 20
_MAX_UNIT = 16
_MAX_SAMPLE_BYTES = 1 << 38
_KNOWN = re.compile(r"version|metadata|(logic|analog)(-\d{1,9}){1,3}", re.ASCII)
_END = struct.Struct("<4s4H2LH")
_MANY = 0xFFFF
"""What stands for a number of files that needs more than 16 bits."""
_END_MARK = b"PK\5\6"
_END_REACH = 65_535 + _END.size


@dataclass(frozen=True, slots=True)
class _Metadata:
    """``names`` are those of the logic channels by their bit; ``None`` where there is none."""

    names: list[str]
    bits: list[int]
    unit_bytes: int
    rate_hz: int
    prefix: str


def looks_like_session(start: bytes) -> bool:
    """Whether a file that begins so may be one."""
    return start.startswith((b"PK\3\4", b"PK\5\6"))


def read_session(file: BinaryIO, what: str, instrument: str, choose: Choose) -> EdgeRecording:
    """The recording in an open file.

    ``choose`` gives the lines by the index of their channel. Raises
    :class:`~hil.model.errors.CaptureError` in one line, which begins with ``what``, for a file that
    is damaged or is another kind of archive, and what ``choose`` raises.
    """
    count = _check_directory(file, what)
    try:
        with zipfile.ZipFile(file) as archive:
            if len(archive.infolist()) != count and count != _MANY:
                raise CaptureError(f"{what}: its list of files is damaged")
            return _read(archive, what, instrument, choose)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise CaptureError(f"{what}: a damaged sigrok session ({error})") from None


def _check_directory(file: BinaryIO, what: str) -> int:
    """The number of files in the archive, whose list is no larger than any of sigrok's."""
    size = file.seek(0, 2)
    reach = min(size, _END_REACH)
    file.seek(size - reach)
    tail = file.read(reach)
    at = tail.rfind(_END_MARK)
    if at < 0 or len(tail) - at < _END.size:
        raise CaptureError(
            f"{what}: its end is missing; a sigrok session that was cut off can't be read"
        )
    _, _, _, _, count, directory_bytes, *_ = _END.unpack_from(tail, at)
    if directory_bytes > _MAX_DIRECTORY:
        raise CaptureError(f"{what}: a zip archive of too many files, no sigrok session")
    file.seek(0)
    return int(count)


def _read(archive: zipfile.ZipFile, what: str, instrument: str, choose: Choose) -> EdgeRecording:
    metadata = _read_metadata(archive, what)
    lines = choose(metadata.names)
    collector = EdgeCollector(
        what, {metadata.bits[channel]: line for channel, line in lines.items()}
    )
    unit = metadata.unit_bytes
    samples = 0
    rest = b""
    for name in _pieces(archive, what, metadata.prefix):
        with archive.open(name) as piece:
            while block := piece.read(_BLOCK * unit):
                data = rest + block
                count = len(data) // unit
                rest = data[count * unit :]
                whole = np.frombuffer(data, np.uint8, count * unit).reshape(-1, unit)
                collector.add_samples(whole, samples)
                samples += count
                if samples * unit > _MAX_SAMPLE_BYTES:
                    raise CaptureError(
                        f"{what}: more than {_MAX_SAMPLE_BYTES >> 30} GB of samples; "
                        "record a shorter time or at a lower rate"
                    )
    if not samples:
        raise CaptureError(f"{what}: there are no samples in it")
    return collector.finish(
        *(instrument, 0, samples - 1, samples_to_ns(metadata.rate_hz)),
        period_ns=1e9 / metadata.rate_hz,
    )


def _pieces(archive: zipfile.ZipFile, what: str, prefix: str) -> list[str]:
    """The names of the pieces in their order."""
    names = archive.namelist()
    for name in names:
        if _KNOWN.fullmatch(name) is None:  # a piece whose name was damaged would be missed
            raise CaptureError(f"{what}: {name[:40]!r} in it is none of a sigrok session's files")
    numbered = {
        int(match[1]): name
        for name in names
        if (match := re.fullmatch(rf"{re.escape(prefix)}-(\d{{1,9}})", name)) is not None
    }
    if not numbered:
        if prefix not in names:
            raise CaptureError(f"{what}: there are no logic samples in it; was anything recorded?")
        return [prefix]
    missing = set(range(1, len(numbered) + 1)) - set(numbered)
    if missing:
        raise CaptureError(f"{what}: piece {min(missing)} of the samples is missing")
    return [numbered[number] for number in sorted(numbered)]


def _read_metadata(archive: zipfile.ZipFile, what: str) -> _Metadata:
    if "metadata" not in archive.namelist():
        raise CaptureError(f"{what}: a zip archive without sigrok's metadata, no sigrok session")
    with archive.open("metadata") as entry:
        raw = entry.read(_MAX_METADATA + 1)
    parser = configparser.RawConfigParser(strict=False)
    try:
        if len(raw) > _MAX_METADATA:
            raise CaptureError(f"{what}: its metadata is larger than any of sigrok's")
        parser.read_string(raw.decode("utf-8", "replace"))
    except configparser.Error as error:
        text = str(error).splitlines()[0]
        raise CaptureError(f"{what}: its metadata can't be read ({text})") from None
    devices = [
        dict(parser.items(section))
        for section in parser.sections()
        if section.startswith("device ") and parser.has_option(section, "capturefile")
    ]
    if len(devices) != 1:
        raise CaptureError(f"{what}: {len(devices)} devices with logic samples in it, not one")
    (device,) = devices
    probes = [
        (int(key.removeprefix("probe")) - 1, name)
        for key, name in device.items()
        if re.fullmatch(r"probe[1-9]\d{0,2}", key)
    ]
    unit = device.get("unitsize", "")
    unit_bytes = int(unit) if unit.isascii() and unit.isdigit() and len(unit) < 4 else 0
    if not 1 <= unit_bytes <= _MAX_UNIT or any(bit >= 8 * unit_bytes for bit, _ in probes):
        raise CaptureError(f"{what}: {unit[:20]!r} bytes are no sample of its channels")
    try:
        rate_hz = round(parse_rate(what, device.get("samplerate", "")))
    except ConfigurationError as error:
        raise CaptureError(str(error)) from None
    if rate_hz < 1:
        raise CaptureError(f"{what}: a sample rate below 1 Hz")
    return _Metadata(
        names=[name for _, name in probes],
        bits=[bit for bit, _ in probes],
        unit_bytes=unit_bytes,
        rate_hz=rate_hz,
        prefix=device["capturefile"],
    )
