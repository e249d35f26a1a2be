"""Wiring files: which pins of which board may be used for what, read from TOML."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hil.model.board import NO_WIRING, Wiring
from hil.model.edge_sources import add_line
from hil.model.errors import CaptureError, ConfigurationError
from hil.model.known_names import unknown_name
from hil.model.numbers import shown_value, within
from hil.model.toml_text import MAX_BYTES, parse_toml
from hil.recording.stored_file import open_given

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from hil.model.board import PinId

_PATTERNS = ("match_machine", "match_unique_id")
_PIN_KEYS = ("outputs", "loopback", "avoid", "leds")
_SINGLE_PINS = ("sync", "response")
_JOINED = "0101"  # what a jumper makes of the levels that board/wiring_check.py drives
_MAX_PINS = 64
_HIGHEST_PIN = 999
_TIMERS = (-1, 999)
_PIN_NAME = re.compile(r"[A-Za-z0-9_.-]{1,16}\Z")


def load_wiring(path: Path) -> Wiring:
    """Read one wiring file strictly.

    Raises :class:`~hil.model.errors.ConfigurationError` in one line that names the file and the
    key.
    """
    try:
        with open_given(path) as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{path}: can't read the wiring ({error.strerror})") from None
    except CaptureError as error:
        raise ConfigurationError(f"{error}; give a wiring file (TOML)") from None
    _, data = parse_toml(path, raw, "a wiring file")
    known = {
        *("name", "note", *_PATTERNS, *_PIN_KEYS, *_SINGLE_PINS),
        *("timers", "clock_jump_us", "deepsleep", "edges"),
    }
    unknown = sorted(set(data) - known)
    if unknown:
        raise ConfigurationError(f"{path}: {unknown_name('key', unknown[0], sorted(known))}")
    loopback = _pins(path, data, "loopback")
    if loopback and len(loopback) != 2:
        raise ConfigurationError(f"{path}: loopback is a pair, [output, input]")
    wiring = Wiring(
        name=_text(path, data, "name") or path.stem,
        match_machine=_text(path, data, "match_machine"),
        match_unique_id=_text(path, data, "match_unique_id"),
        outputs=_pins(path, data, "outputs"),
        loopback=(loopback[0], loopback[1]) if loopback else None,
        timers=_ints(path, data, "timers"),
        avoid=_pins(path, data, "avoid"),
        leds=_pins(path, data, "leds"),
        note=_text(path, data, "note"),
        clock_jump_us=_jump(path, data),
        deepsleep=_flag(path, data, "deepsleep"),
        edges=_edges(path, data),
        sync=_pin(path, data, "sync"),
        response=_pin(path, data, "response"),
    )
    for key in _PIN_KEYS:
        pins = getattr(wiring, key) or ()
        twice = {pin for pin in pins if pins.count(pin) > 1}
        if twice:
            raise ConfigurationError(f"{path}: {key}: pin {twice.pop()!r} is there twice")
    joined = set(wiring.outputs) & set(wiring.loopback or ())
    if joined:
        raise ConfigurationError(
            f"{path}: pin {joined.pop()!r} is an output of the tasks and in the loopback pair"
        )
    used = {*wiring.outputs, *(wiring.loopback or ())}
    for key in _SINGLE_PINS:
        pin = getattr(wiring, key)
        if pin is not None and pin in used:
            raise ConfigurationError(f"{path}: {key}: pin {pin!r} is used for something else too")
        used |= {pin} - {None}
    clash = set(wiring.avoid) & {*used, *wiring.leds}
    if clash:
        raise ConfigurationError(f"{path}: pin {clash.pop()!r} is used and to be avoided at once")
    return wiring


def find_wiring(folder: Path, machine: str, unique_id: str = "") -> Wiring:
    """The shipped wiring that fits what the board says of itself, else :data:`NO_WIRING`."""
    for path in sorted(folder.glob("*.toml")):
        wiring = load_wiring(path)
        for pattern, text in (
            (wiring.match_machine, machine),
            (wiring.match_unique_id, unique_id),
        ):
            if pattern and re.search(pattern, text):
                return wiring
    return NO_WIRING


def check_answer(facts: Mapping[str, str], wiring: Wiring) -> tuple[tuple[str, ...], str]:
    """What ``board/wiring_check.py`` found: the capabilities, and why the loopback is not one."""
    words = wiring.capabilities + ("pin_irq_hard",) * (facts.get("irq") == "hard")
    seen = facts.get("loop", "")
    if seen == _JOINED:
        return words, ""
    levels = f"it read {seen} when {_JOINED} was driven" if seen else "the board did not say"
    words = tuple(word for word in words if word != "loopback")
    return words, f"no jumper between the loopback pins ({levels}): {wiring.jumper}"


def _text(path: Path, data: dict[str, Any], key: str) -> str:
    value = data.get(key, "")
    if not isinstance(value, str):
        raise ConfigurationError(f"{path}: {key} must be a text")
    if key in _PATTERNS:
        try:
            re.compile(value)
        except re.error as error:
            raise ConfigurationError(f"{path}: {key}: {error}") from None
    return value


def _pins(path: Path, data: dict[str, Any], key: str) -> tuple[PinId, ...]:
    value = data.get(key, [])
    if not isinstance(value, list) or len(value) > _MAX_PINS:
        raise ConfigurationError(f"{path}: {key} must be a list of pins")
    for pin in value:
        _check_pin(path, key, pin)
    return tuple(value)


def _pin(path: Path, data: dict[str, Any], key: str) -> PinId | None:
    pin: PinId | None = data.get(key)
    if pin is not None:
        _check_pin(path, key, pin)
    return pin


def _check_pin(path: Path, key: str, pin: object) -> None:
    number = isinstance(pin, int) and within(pin, 0, _HIGHEST_PIN)
    if not number and not (isinstance(pin, str) and _PIN_NAME.match(pin)):
        raise ConfigurationError(f"{path}: {key}: {shown_value(pin)} is not a pin number or name")


def _jump(path: Path, data: dict[str, Any]) -> int | None:
    value = data.get("clock_jump_us")
    if value is not None and (type(value) is not int or not 0 < value < 1 << 28):
        raise ConfigurationError(f"{path}: clock_jump_us must be a number of microseconds")
    return value


def _flag(path: Path, data: dict[str, Any], key: str) -> bool:
    value = data.get(key, False)
    if not isinstance(value, bool):
        raise ConfigurationError(f"{path}: {key} must be true or false")
    return value


def _edges(path: Path, data: dict[str, Any]) -> dict[str, str]:
    table = data.get("edges", {})
    if not isinstance(table, dict) or len(table) > _MAX_PINS:
        raise ConfigurationError(f"{path}: edges must be a table, CHANNEL = LINE")
    lines: dict[str, str] = {}
    for channel, line in table.items():
        if not isinstance(line, str):
            raise ConfigurationError(f"{path}: edges.{channel}: the name of a line is a text")
        add_line(f"{path}: edges", lines, channel, line)
    return lines


def _ints(path: Path, data: dict[str, Any], key: str) -> tuple[int, ...]:
    value = data.get(key, [])
    if not isinstance(value, list) or len(value) > _MAX_PINS:
        raise ConfigurationError(f"{path}: {key} must be a list of {_MAX_PINS} numbers at most")
    for number in value:
        if type(number) is not int or not within(number, *_TIMERS):
            allowed = f"must be whole numbers from {_TIMERS[0]} to {_TIMERS[1]}"
            raise ConfigurationError(f"{path}: {key}: {shown_value(number)}: {allowed}")
    return tuple(value)
