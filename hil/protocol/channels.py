"""From sound frames to channels: announced, received, and what is missing of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.model.captures import Gap
from hil.protocol.capture_limits import MAX_NAME
from hil.protocol.frames import integer_field
from hil.protocol.stamp_blocks import Collected

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from hil.model.captures import IntArray
    from hil.protocol.frames import OnFault

KINDS = ("ticks", "slots", "value")


@dataclass(frozen=True, slots=True)
class TextFrame:
    """A frame of ``key=value`` pairs.

    ``offset`` is the stream position of its ``~``, ``line_end`` that of the newline behind it.
    """

    kind: str
    fields: Mapping[str, str]
    offset: int
    line_end: int


@dataclass(frozen=True, slots=True)
class RawChannel:
    """The values of one channel as the board sent them (ticks still wrapped), int64.

    ``gaps`` says where values of the channel are missing; ``end_index`` is the channel's index
    behind the last value.
    """

    index: int
    name: str
    kind: str
    values: IntArray
    gaps: tuple[Gap, ...]
    end_index: int


def read_channels(
    texts: Sequence[TextFrame],
    collected: Mapping[int, Collected],
    keep: NDArray[np.bool_],
    fault: OnFault,
) -> dict[str, RawChannel]:
    """All announced channels by name, with what was ``collected`` of them (by channel index).

    ``keep`` flags the sound frames of the stream that are to be used;
    ``fault(kind, detail, offset)`` is told what is left out.
    """
    announced = _announced(texts, fault)
    channels: dict[str, RawChannel] = {}
    for index in sorted(set(collected) | set(announced)):
        own = collected.get(index, Collected())
        if index in announced:
            name, kind = announced[index]
            values, gaps, end = own.in_order(name, keep, fault)
            channels[name] = RawChannel(index, name, kind, values, gaps, end)
        elif (offset := own.first_used(keep)) is not None:
            text = f"stamps of channel {index}, which was never announced, are left out"
            fault("incomplete", text, offset)
    return channels


def _announced(texts: Sequence[TextFrame], fault: OnFault) -> dict[int, tuple[str, str]]:
    announced: dict[int, tuple[str, str]] = {}
    names: set[str] = set()
    for frame in texts:
        if frame.kind != "C":
            continue
        index, whole_name, kind = (frame.fields.get(key, "") for key in ("i", "name", "kind"))
        name = whole_name[:MAX_NAME]
        if name != whole_name:
            text = (
                f"the name of channel {index[:20]!r} has {len(whole_name):,} characters: it is cut"
            )
            fault("damaged", text, frame.offset)
        if not (index.isascii() and index.isdigit() and len(index) <= 2 and int(index) <= 90):
            fault("damaged", f"channel index {index[:20]!r} is not 0..90", frame.offset)
        elif kind not in KINDS or not name:
            text = f"channel {index} has no name or the unknown kind {kind[:20]!r}"
            fault("damaged", text, frame.offset)
        elif int(index) in announced or name in names:
            text = f"channel {index} ({name[:40]!r}) was announced before"
            fault("duplicate", text, frame.offset)
        else:
            announced[int(index)] = (name, kind)
            names.add(name)
    return announced


@dataclass(frozen=True, slots=True)
class Total:
    """Stamps ``dropped`` at the channel's end because the buffer was full, and all ``gaps``.

    Together they are every stamp that is not among the values, each counted once; a gap at the
    end is among ``gaps``.
    """

    dropped: int
    gaps: tuple[Gap, ...]


def read_totals(
    texts: Sequence[TextFrame],
    channels: Mapping[str, RawChannel],
    complete: bool,
    fault: Callable[..., None],
) -> dict[str, Total]:
    """The losses of every channel by name; a channel without its totals (T frame) is a fault."""
    by_index = {channel.index: channel for channel in channels.values()}
    totals: dict[str, Total] = {}
    for frame in texts:
        if frame.kind != "T":
            continue
        try:
            channel = by_index.get(integer_field(frame.fields, "i", high=90))
            recorded = integer_field(frame.fields, "n", high=1 << 48)
            dropped = integer_field(frame.fields, "dropped", high=1 << 48)
        except ValueError as error:
            fault("damaged", f"the totals of a channel: {error}", frame.offset)
            continue
        if channel is None:
            fault("missing", "there are totals of a channel that was never announced", frame.offset)
            continue
        tail = recorded + dropped - channel.end_index
        if tail < 0:
            text = f"{channel.name[:40]!r} has more stamps than the board counted"
            fault("damaged", text, frame.offset)
            tail = 0
        at_end = min(dropped, tail)
        gaps = channel.gaps
        if tail > at_end:
            gaps += (Gap(len(channel.values), tail - at_end),)
        totals[channel.name] = Total(at_end, gaps)
    for name, channel in channels.items():
        if name not in totals:
            totals[name] = Total(0, channel.gaps)
            if complete:
                fault(
                    "incomplete",
                    f"the totals of {name[:40]!r} are lost: its last stamps may be too",
                )
    return totals
