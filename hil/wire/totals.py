"""What the recorder counted of each channel, against what came."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hil.records import Gap
from hil.wire.channels import RawChannel, TextFrame
from hil.wire.fields import integer


@dataclass(frozen=True, slots=True)
class Total:
    """``dropped`` at the channel's end for want of room, and all ``gaps``, that at the end too.

    Together they are every stamp that is not among the values, each counted once.
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
            channel = by_index.get(integer(frame.fields, "i", high=90))
            recorded = integer(frame.fields, "n", high=1 << 48)
            dropped = integer(frame.fields, "dropped", high=1 << 48)
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
