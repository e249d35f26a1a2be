"""What ``--hil-edges`` names: an instrument outside the board, and its lines. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, get_args
from urllib.parse import unquote

from hil.model.edges import LOOP_LINE, RESPONSE_LINE, SYNC_LINE, task_line
from hil.model.errors import ConfigurationError
from hil.model.known_names import unknown_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

EdgeSourceKind = Literal["file", "sigrok", "saleae", "board", "sim", "pico"]
EDGE_OPTION = "--hil-edges"
EDGE_FORMS = (
    "FILE.vcd|.sr|.csv, sigrok:DRIVER[:CONNECTION], saleae:, saleae:HOST:PORT, board:PORT, sim "
    "or pico"
)
RECORDING_SUFFIXES = (".vcd", ".sr", ".csv")
"""How the name of a file that a run is going to be recorded in must end; its content decides."""
MAX_TASK_LINES = 16
EDGE_LINES = (
    *map(task_line, range(MAX_TASK_LINES)),
    *(LOOP_LINE, RESPONSE_LINE, SYNC_LINE),
)
"""All names that a channel may be given."""
_KINDS: tuple[str, ...] = get_args(EdgeSourceKind)[1:]
_ALONE = ("sim", "pico")
_RATED = ("file", "sigrok", "saleae")
_RATE = "rate"
_FACTORS = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}
_RATE_TEXT = re.compile(r"(\d{1,12}(?:\.\d{1,9})?) ?([kmg]?)(?:hz)?", re.ASCII | re.IGNORECASE)
_MAX_RATE_HZ = 100_000_000_000
_CHANNEL_NUMBER = re.compile(r"(?:ch|d|gp)?(\d{1,3})", re.ASCII | re.IGNORECASE)
_LAST_NUMBER = re.compile(r".*?(\d{1,3})", re.ASCII)
_MAX_CHANNEL_NAME = 60


@dataclass(frozen=True, slots=True)
class EdgeSourceSpec:
    """One ``--hil-edges`` text: ``sigrok:DRIVER[:conn]``, ``board:PORT``, a file, ...

    ``target`` is what follows the kind's word (driver, port, path). ``lines`` maps the instrument's
    channel names to those of :mod:`hil.model.edges` (``?ch0=task0&ch3=loop``); empty where the
    wiring file or the names themselves say it. ``rate_hz`` is the sample rate that was asked for
    (``?rate=24M``). ``number`` counts those of one name, from 1 on.
    """

    text: str
    kind: EdgeSourceKind
    target: str = ""
    lines: Mapping[str, str] = field(default_factory=dict, hash=False)
    rate_hz: float | None = None
    number: int = 1

    @property
    def name(self) -> str:
        """The ``source`` of figures that come of it: letters, digits, ``-`` and ``_`` only."""
        words = {"file": "recording", "board": "witness"}
        name = words.get(self.kind, self.kind)
        if self.kind == "sigrok":
            driver = self.target.partition(":")[0]
            name += "-" + re.sub(r"[^A-Za-z0-9_-]+", "-", driver)[:20]
        return name if self.number == 1 else f"{name}-{self.number}"


def parse_edge_sources(texts: Iterable[str]) -> tuple[EdgeSourceSpec, ...]:
    """The meaning of every ``--hil-edges``; those of one name are numbered.

    Raises :class:`~hil.model.errors.ConfigurationError` in one line for the first that is wrong.
    """
    specs: list[EdgeSourceSpec] = []
    for text in texts:
        spec = _parse(text.strip())
        if any((other.kind, other.target) == (spec.kind, spec.target) for other in specs):
            raise ConfigurationError(f"{EDGE_OPTION}={text}: it is given twice")
        same = sum(replace(other, number=1).name == spec.name for other in specs)
        specs.append(replace(spec, number=1 + same))
    return tuple(specs)


def _parse(text: str) -> EdgeSourceSpec:
    head, _, query = text.rpartition("?") if "?" in text else (text, "", "")
    word, colon, target = head.partition(":")
    kind: EdgeSourceKind
    if head in _ALONE:
        kind, target = ("sim" if head == "sim" else "pico"), ""
    elif colon and word in _KINDS:
        kind = next(known for known in get_args(EdgeSourceKind) if known == word)
        _check_target(text, kind, target)
    else:
        kind, target = "file", head
        if not head or "\0" in head:
            raise ConfigurationError(f"{EDGE_OPTION} needs a value: {EDGE_FORMS}")
    lines, rate_hz, others = _parse_query(text, kind, query)
    if others:
        target += "?" + "&".join(others)
    return EdgeSourceSpec(text, kind, target, lines, rate_hz)


def _check_target(text: str, kind: EdgeSourceKind, target: str) -> None:
    if kind in _ALONE:
        raise ConfigurationError(f"{EDGE_OPTION}={text}: {kind} stands alone, without a colon")
    if kind == "board" and not target:
        raise ConfigurationError(f"{EDGE_OPTION}={text}: board: needs a port behind it")
    if kind == "sigrok" and not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}(:[^\s:]{1,200})?", target):
        raise ConfigurationError(
            f"{EDGE_OPTION}={text}: sigrok: needs a driver behind it, for example sigrok:fx2lafw "
            "(`sigrok-cli --list-supported` lists them)"
        )
    if kind == "saleae" and target:
        host, _, port = target.rpartition(":")
        if not host or not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
            raise ConfigurationError(f"{EDGE_OPTION}={text}: give saleae: or saleae:HOST:PORT")


def _parse_query(
    text: str, kind: EdgeSourceKind, query: str
) -> tuple[dict[str, str], float | None, list[str]]:
    """The lines by channel, the sample rate, and what belongs to the board behind ``board:``."""
    lines: dict[str, str] = {}
    rate_hz: float | None = None
    others: list[str] = []
    for part in query.split("&") if query else ():
        key, equals, value = (unquote(piece).strip() for piece in part.partition("="))
        if not key or not equals or not value or len(key) > _MAX_CHANNEL_NAME:
            raise ConfigurationError(
                f"{EDGE_OPTION}={text}: behind the ? give CHANNEL=LINE, for example ch0=task0"
            )
        if key.lower() == _RATE and kind in _RATED:
            rate_hz = parse_rate(f"{EDGE_OPTION}={text}", value)
        elif kind == "board" and value not in EDGE_LINES and not _CHANNEL_NUMBER.fullmatch(key):
            others.append(part)
        else:
            add_line(f"{EDGE_OPTION}={text}", lines, key, value)
    return lines, rate_hz, others


def add_line(where: str, lines: dict[str, str], channel: str, line: str) -> None:
    """Map a channel to a line in ``lines``.

    Raises :class:`~hil.model.errors.ConfigurationError`, which begins with ``where``, for a line
    that does not exist and for what is there already.
    """
    if line not in EDGE_LINES:
        known = (*EDGE_LINES[:2], LOOP_LINE, RESPONSE_LINE, SYNC_LINE)
        raise ConfigurationError(f"{where}: {unknown_name('line', line, known)}")
    if line in lines.values() or channel in lines:
        twice = line if line in lines.values() else channel
        raise ConfigurationError(f"{where}: {twice} is given twice")
    lines[channel] = line


def parse_rate(where: str, text: str) -> float:
    """A sample rate such as ``24M``, ``500 kHz`` or ``1000000``, in Hz.

    Raises :class:`~hil.model.errors.ConfigurationError`, which begins with ``where``.
    """
    match = _RATE_TEXT.fullmatch(text.strip())
    rate_hz = float(match[1]) * _FACTORS[match[2].lower()] if match else 0.0
    if not 0 < rate_hz <= _MAX_RATE_HZ:
        raise ConfigurationError(f"{where}: {text[:40]!r} is no sample rate; give it as rate=24M")
    return rate_hz


def map_channels(
    where: str, channels: Sequence[str], lines: Mapping[str, str], fallback: Mapping[str, str]
) -> dict[int, str]:
    """The line of each channel that has one, by the channel's index in ``channels``.

    ``lines`` say it, or else ``fallback`` (the wiring file's table), or else the channels' own
    names. A channel is given by its name, or by its number: ``ch3``, ``D3`` and ``3`` are the one
    whose name ends with 3. Raises :class:`~hil.model.errors.ConfigurationError`, which begins with
    ``where``, for a channel that is not there and where nothing says which line any is.
    """
    given = lines or fallback
    if not given:
        own = {index: name for index, name in enumerate(channels) if name in EDGE_LINES}
        if own and len(set(own.values())) == len(own):
            return own
        raise ConfigurationError(
            f"{where}: say which channel is which line, for example ?{_shown(channels[0])}=task0"
            if channels
            else f"{where}: it has no channels"
        )
    mapped: dict[int, str] = {}
    for key, line in given.items():
        index = _find_channel(key, channels)
        if index is None:
            shown = ", ".join(map(_shown, channels[:16])) or "none"
            raise ConfigurationError(f"{where}: no channel {_shown(key)}; it has {shown}")
        if index in mapped:
            raise ConfigurationError(f"{where}: channel {_shown(channels[index])} is given twice")
        mapped[index] = line
    return mapped


def _find_channel(key: str, channels: Sequence[str]) -> int | None:
    names = [name.strip().lower() for name in channels]
    if names.count(key.strip().lower()) == 1:
        return names.index(key.strip().lower())
    number = _CHANNEL_NUMBER.fullmatch(key.strip())
    if number is None:
        return None
    same = [
        index
        for index, name in enumerate(names)
        if name not in EDGE_LINES
        and (match := _LAST_NUMBER.fullmatch(name)) is not None
        and int(match[1]) == int(number[1])
    ]
    return same[0] if len(same) == 1 else None


def _shown(name: str) -> str:
    text = name[:_MAX_CHANNEL_NAME]
    return text if text.isprintable() else ascii(text)
