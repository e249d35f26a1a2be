"""From sound frames to channels: who was announced, whose stamps follow, where some are missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hil.records import Gap, IntArray
from hil.wire.blocks import Block, decode_blocks

OnFault = Callable[[str, str, int], None]
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
    texts: Sequence[TextFrame], blocks: Mapping[int, list[Block]], fault: OnFault
) -> dict[str, RawChannel]:
    """All announced channels by name, with the values of ``blocks`` (by channel index).

    ``fault(kind, detail, offset)`` is told what is left out.
    """
    announced = _announced(texts, fault)
    channels: dict[str, RawChannel] = {}
    for index in sorted(set(blocks) | set(announced)):
        own = blocks.get(index, [])
        if index in announced:
            name, kind = announced[index]
            channels[name] = _channel(index, name, kind, own, fault)
        elif own:
            text = f"stamps of channel {index}, which was never announced, are left out"
            fault("incomplete", text, own[0].offset)
    return channels


def _announced(texts: Sequence[TextFrame], fault: OnFault) -> dict[int, tuple[str, str]]:
    announced: dict[int, tuple[str, str]] = {}
    names: set[str] = set()
    for frame in texts:
        if frame.kind != "C":
            continue
        index, name, kind = (frame.fields.get(key, "") for key in ("i", "name", "kind"))
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


def _channel(index: int, name: str, kind: str, blocks: list[Block], fault: OnFault) -> RawChannel:
    blocks = _in_order(name, blocks, fault)
    values, bad = decode_blocks(blocks)
    if bad:
        for at in bad:
            fault("damaged", f"a block of {name[:40]!r} has no digits", blocks[at].offset)
        unusable = set(bad)
        blocks = [block for at, block in enumerate(blocks) if at not in unusable]
        values, bad = decode_blocks(blocks)
    gaps = []
    end = position = 0
    for block in blocks:
        if block.first_index > end:
            gaps.append(Gap(position, block.first_index - end))
        end = block.first_index + block.size
        position += block.size
    return RawChannel(index, name, kind, values, tuple(gaps), end)


def _in_order(name: str, blocks: list[Block], fault: OnFault) -> list[Block]:
    # by index; of two blocks that claim the same place only the first stays
    kept: list[Block] = []
    end = 0
    for block in sorted(blocks, key=lambda block: block.first_index):
        if block.first_index < end:
            text = f"a block of {name[:40]!r} overlaps another one and is left out"
            fault("damaged", text, block.offset)
            continue
        end = block.first_index + block.size
        kept.append(block)
    return kept
