"""The firmware file of the emulated Pico: found, and checked before it is loaded."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from hil.model.errors import ConfigurationError

VARIABLE = "HIL_PICO_UF2"
"""The environment variable that names the firmware of ``--board=pico``."""
_CACHE = Path(".cache", "rp2040py")
_DOWNLOADS = "https://micropython.org/download/RPI_PICO/"
_BLOCK = 512
_HEADER = struct.Struct("<8I")
_MAGICS = (0x0A324655, 0x9E5D5157)
_LAST_MAGIC = 0x0AB16F30
_RP2040_FAMILY = 0xE48BFF56
_HAS_FAMILY = 0x2000
_NOT_FOR_FLASH = 0x1
_MAX_PAYLOAD = 476
_FLASH, _FLASH_SIZE = 0x10000000, 2 << 20
_MAX_BYTES = _FLASH_SIZE // 256 * _BLOCK
"""A UF2 file has 256 bytes of flash in each block."""


def find_firmware(named: str) -> Path:
    """The firmware file that ``--board=pico:FILE`` names, else the one that is there anyway.

    That is the file of the variable ``HIL_PICO_UF2``, else the newest that the emulator has once
    downloaded. Raises :class:`~hil.model.errors.ConfigurationError` in one line.
    """
    if named:
        path = Path(named).expanduser()
    elif os.environ.get(VARIABLE):
        path = Path(os.environ[VARIABLE]).expanduser()
    else:
        cached = _cached()
        if not cached:
            raise ConfigurationError(
                "--board=pico: no firmware is here; download MicroPython's .uf2 for the Raspberry "
                f"Pi Pico from {_DOWNLOADS} and give --board=pico:FILE.uf2, or set {VARIABLE}=FILE"
            )
        path = cached[-1]
    if not path.is_file():
        raise ConfigurationError(f"--board=pico: no firmware file {path}; see {_DOWNLOADS}")
    _check(path)
    return path


def _cached() -> list[Path]:
    """MicroPython's releases that the emulator's own downloader keeps, by their dates."""
    try:
        return sorted(
            (Path.home() / _CACHE).glob("RPI_PICO-????????-v*.uf2"), key=lambda path: path.name
        )
    except (OSError, RuntimeError):  # there may be no home folder
        return []


def _check(path: Path) -> None:
    """A UF2 file for the RP2040 whose blocks all lie in a Pico's flash."""
    try:
        size = path.stat().st_size
        image = path.read_bytes() if 0 < size <= _MAX_BYTES else b""
    except OSError as error:
        raise ConfigurationError(f"--board=pico: {path} can't be read ({error})") from None
    if not image or len(image) % _BLOCK:
        raise ConfigurationError(
            f"--board=pico: {path} is no UF2 file for a Pico: it has {size} bytes, not 1 to "
            f"{_MAX_BYTES // _BLOCK} blocks of {_BLOCK}; see {_DOWNLOADS}"
        )
    for start in range(0, len(image), _BLOCK):
        reason = _wrong(image[start : start + _BLOCK])
        if reason:
            raise ConfigurationError(
                f"--board=pico: {path} is no UF2 file for a Pico: block {start // _BLOCK} "
                f"{reason}; see {_DOWNLOADS}"
            )


def _wrong(block: bytes) -> str:
    """What is wrong with a block of a UF2 file, empty if nothing is."""
    first, second, flags, address, length, _, _, family = _HEADER.unpack_from(block)
    if (first, second) != _MAGICS or int.from_bytes(block[-4:], "little") != _LAST_MAGIC:
        return "does not begin and end as one of UF2"
    if flags & _NOT_FOR_FLASH:
        return "is not for the flash"
    if flags & _HAS_FAMILY and family != _RP2040_FAMILY:
        return "is for another chip than the RP2040"
    if length > _MAX_PAYLOAD or not _FLASH <= address <= _FLASH + _FLASH_SIZE - length:
        return "lies outside of the flash"
    return ""
