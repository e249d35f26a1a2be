"""The options of the emulated Pico: ``pico:FIRMWARE.uf2?wires=4-5+6-7&ppm=20&pace=1``."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction

from hil.model.errors import ConfigurationError
from hil.model.known_names import unknown_name

NAME = "pico"
FORM = "pico:FIRMWARE.uf2?wires=4-5+6-7&ppm=20&pace=1"
PINS = 30
MAX_PPM = 100_000
_PPM = re.compile(r"-?\d{1,6}(\.\d{1,3})?", re.ASCII)
_PAIR = re.compile(r"(\d{1,2})-(\d{1,2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class PicoOptions:
    """``firmware``: the UF2 file that was named, empty for the one that is there anyway.

    ``wires``: pairs of pins that are joined. ``ppm``: the board's crystal is so much faster than
    the session's time, at most 100,000 either way, in thousandths. ``pace``: whether the board's
    time goes no faster than the host's.
    """

    firmware: str = ""
    wires: tuple[tuple[int, int], ...] = ((4, 5),)
    ppm: Fraction = Fraction(0)
    pace: bool = False


def parse_pico(text: str) -> PicoOptions | None:
    """The options of a ``--board`` text, ``None`` for the text of another backend.

    Raises :class:`~hil.model.errors.ConfigurationError` for a wrong option.
    """
    board, mark, query = text.partition("?")
    name, colon, firmware = board.partition(":")
    if name != NAME:
        return None
    if colon and not firmware:
        raise ConfigurationError(f"--board={text}: no firmware after 'pico:'; use {FORM}")
    options = PicoOptions(firmware)
    given: set[str] = set()
    for item in query.split("&") if mark else ():
        option, equals, value = item.partition("=")
        if option not in ("wires", "ppm", "pace"):
            reason = unknown_name("option", option, ("wires", "ppm", "pace"))
            raise ConfigurationError(f"--board={text}: {reason}")
        if not equals or option in given:
            problem = "is given twice" if option in given else "needs a value"
            raise ConfigurationError(f"--board={text}: {option} {problem}; use {FORM}")
        given.add(option)
        if option == "wires":
            options = replace(options, wires=_wires(text, value))
        elif option == "ppm":
            options = replace(options, ppm=_ppm(text, value))
        else:
            options = replace(options, pace=_switch(text, value))
    return options


def _wires(text: str, value: str) -> tuple[tuple[int, int], ...]:
    """``4-5+6-7``, or ``none``: each pin at most once, for a net of three has no single driver."""
    if value == "none":
        return ()
    pairs = []
    for part in value.split("+"):
        match = _PAIR.fullmatch(part)
        pair = (int(match[1]), int(match[2])) if match else (PINS, PINS)
        if max(pair) >= PINS:
            raise ConfigurationError(
                f"--board={text}: wires={value}: pairs of pins from 0 to {PINS - 1} joined by '+', "
                "such as 4-5+6-7, or none"
            )
        pairs.append(pair)
    pins = [pin for pair in pairs for pin in pair]
    if len(set(pins)) < len(pins):
        raise ConfigurationError(f"--board={text}: wires={value}: a pin is named twice")
    return tuple(pairs)


def _ppm(text: str, value: str) -> Fraction:
    ppm = Fraction(value) if _PPM.fullmatch(value) else Fraction(MAX_PPM + 1)
    if abs(ppm) > MAX_PPM:
        raise ConfigurationError(
            f"--board={text}: ppm={value}: a number from -{MAX_PPM} to {MAX_PPM}, of three "
            "decimals at most"
        )
    return ppm


def _switch(text: str, value: str) -> bool:
    if value not in ("0", "1"):
        raise ConfigurationError(f"--board={text}: pace={value}: 1 to follow real time, else 0")
    return value == "1"
