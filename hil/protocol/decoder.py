"""The stream of one capture: bytes in, frames, log lines and losses out; without I/O.

Frames with a wrong checksum never yield anything but a fault. What is lost is known from the
sequence numbers (which frames) and from the index in every stamp frame (which stamps).
"""

from __future__ import annotations

import bisect
from array import array
from collections import Counter
from copy import copy, deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.model.captures import CaptureIssue
from hil.protocol.capture_limits import MAX_FIELDS, USUAL_FIELDS, CaptureLimits
from hil.protocol.channel_quota import ChannelQuota
from hil.protocol.channels import TextFrame, read_channels
from hil.protocol.device_log import DeviceLog
from hil.protocol.fault_list import MAX_FAULTS, FaultList
from hil.protocol.frame_sequence import check_sequence
from hil.protocol.frames import (
    MARK,
    MAX_FRAME,
    TEXT_KINDS,
    is_sound,
    looks_like_frame,
    parse_fields,
    pieces,
    sequence_of,
)
from hil.protocol.log_lines import split_log_line
from hil.protocol.stamp_blocks import Collected, parse_block

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.protocol.channels import RawChannel
    from hil.protocol.frame_sequence import Loss, SequenceCheck

_UNLIMITED = CaptureLimits()


@dataclass(frozen=True, slots=True)
class Decoded:
    """Everything that was in a stream; ``channels`` by name, the rest in order of arrival."""

    texts: tuple[TextFrame, ...]
    channels: Mapping[str, RawChannel]
    log: tuple[str, ...]
    faults: tuple[CaptureIssue, ...]
    frames: int
    received_bytes: int


class StreamDecoder:
    """Decodes a capture's bytes as they arrive: :meth:`feed` any number, then :meth:`finish`.

    Memory: 8 bytes a stamp; log, line length and faults are bounded whatever the board sends, and
    by ``limits`` so are stamps and frames. What is beyond them is a fault of the kind ``excess``
    and left out before it is unpacked.
    """

    def __init__(self, limits: CaptureLimits = _UNLIMITED) -> None:
        self._rest = b""
        self._offset = 0  # of the first byte of _rest
        self._log = DeviceLog()
        self._numbers = array("H")
        self._checks = array("Q")
        self._offsets = array("Q")
        self._channels: dict[int, Collected] = {}
        self._texts: list[tuple[int, TextFrame]] = []
        self._suspects: list[tuple[int, int]] = []  # offset, sound frames before it
        self._parted: tuple[bytes, int, list[bytes]] | None = None  # head, its offset, log lines
        self._faults = FaultList()
        self._limits = limits
        self._quota = ChannelQuota(limits)
        self._text_counts: Counter[str] = Counter()
        self._full = False

    @property
    def stamps(self) -> int:
        """How many values came so far."""
        return self._quota.taken

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        offset = self._offset
        for line in lines:
            if self._parted and self._rejoin(line, offset):
                pass
            elif line[:1] == MARK and is_sound(content := line[1:].removesuffix(b"\r")):
                self._accept(content, offset, offset + len(line))
            else:
                self._mixed_line(line, offset)
            offset += len(line) + 1
        self._offset = offset
        if len(self._rest) > MAX_FRAME:
            self._shorten()

    def finish(self) -> Decoded:
        """The end of the stream: everything that was in it."""
        received = self._offset + len(self._rest)
        self._give_up_parted()
        truncated_at = self._last_line()
        sequence = check_sequence(
            np.array(self._numbers, np.int64), np.array(self._checks, np.int64)
        )
        lost = self._explain(sequence, truncated_at)
        texts = tuple(frame for arrival, frame in self._texts if sequence.keep[arrival])
        channels = read_channels(texts, self._channels, sequence.keep, self._fault)
        self._channels.clear()
        faults = tuple(self._faults.issues())
        log = self._log.lines(lost.__contains__)
        return Decoded(texts, channels, log, faults, len(self._numbers), received)

    def so_far(self) -> Decoded:
        """What is in the stream so far, as if it ended here; :meth:`feed` may go on afterwards.

        Copies all stamps, 8 bytes each.
        """
        twin = copy(self)
        twin._log = self._log.copy()
        twin._faults = self._faults.copy()
        twin._numbers, twin._checks = self._numbers[:], self._checks[:]
        twin._offsets, twin._texts = self._offsets[:], self._texts[:]
        twin._suspects = self._suspects[:]
        twin._channels = {index: own.copy() for index, own in self._channels.items()}
        twin._quota, twin._text_counts = deepcopy(self._quota), self._text_counts.copy()
        return twin.finish()

    def _accept(self, content: bytes, offset: int, line_end: int) -> None:
        number = sequence_of(content)
        if number < 0:
            self._fault("damaged", "a frame has no sequence number", offset)
            return
        arrival = len(self._numbers)
        if arrival >= self._limits.frames:
            self._exceeded(f"more than {arrival:,} frames, which its plan does not need", offset)
            return
        kind = chr(content[0])
        try:
            if kind == "S":
                block = parse_block(content, arrival, offset)
                if excess := self._quota.why_refused(block):
                    self._faults.add("excess", excess, offset)
                else:
                    channel = self._channels.get(block.channel)
                    if channel is None:
                        channel = self._channels[block.channel] = Collected()
                    channel.add(block)
            elif kind in TEXT_KINDS:
                self._accept_text(kind, content, arrival, offset, line_end)
        except ValueError as error:
            self._fault("damaged", f"frame {number} ({kind}) is malformed: {error}", offset)
        self._numbers.append(number)
        self._checks.append(int.from_bytes(content[-6:], "little"))
        self._offsets.append(offset)

    def _accept_text(
        self, kind: str, content: bytes, arrival: int, offset: int, line_end: int
    ) -> None:
        self._text_counts[kind] += 1
        most = self._limits.of_text(kind)
        if self._text_counts[kind] > most:
            if self._text_counts[kind] == most + 1:
                text = f"more than {most:,} frames of the kind {kind}, which no capture has"
                self._faults.add("excess", text, offset)
            return
        fields = parse_fields(content[3:-6], MAX_FIELDS.get(kind, USUAL_FIELDS))
        self._texts.append((arrival, TextFrame(kind, fields, offset, line_end)))
        if kind == "C":
            self._quota.announce(fields)

    def _exceeded(self, text: str, offset: int) -> None:
        if not self._full:
            self._full = True
            self._faults.add("excess", text, offset)

    def _rejoin(self, line: bytes, offset: int) -> bool:
        """Whether ``line`` is the rest of a frame that log lines parted; its checksum tells.

        A line that is parted once more is waited for; else the head is text.
        """
        assert self._parted is not None
        head, begin, texts = self._parted
        rest, text = split_log_line(line)
        content = (head + rest).removesuffix(b"\r")[1:]
        if is_sound(content):
            self._parted = None
            for foreign in (*texts, text) if text else texts:
                self._log.add(foreign)
            self._accept(content, begin, offset + len(line))
            return True
        if text and MARK not in rest and len(content) < MAX_FRAME:
            self._parted = (head + rest, begin, [*texts, text])
            return True
        self._give_up_parted()
        return False

    def _give_up_parted(self) -> None:
        if self._parted is not None:
            head, begin, texts = self._parted
            self._parted = None
            self._mixed_line(head, begin)
            for text in texts:
                self._log.add(text)

    def _mixed_line(self, line: bytes, offset: int) -> None:
        line_end = offset + len(line)
        line, foreign = split_log_line(line)
        at = line.rfind(MARK)
        if foreign and at >= 0 and not is_sound(line[at + 1 :].removesuffix(b"\r")):
            self._parted = (line[at:], offset + at, [foreign])
            line, foreign = line[:at], b""
            if not line:
                return
        self._pieces(line.removesuffix(b"\r"), offset, line_end)
        if foreign:
            self._log.add(foreign)

    def _pieces(self, line: bytes, offset: int, line_end: int) -> None:
        for at, piece in pieces(line):
            if at == 0:
                if piece or not line:
                    self._log.add(piece)
            elif is_sound(piece):
                self._accept(piece, offset + at - 1, line_end)
            elif looks_like_frame(piece):
                self._suspect(piece, offset + at - 1)
            else:
                self._log.add(MARK + piece)

    def _suspect(self, piece: bytes, offset: int) -> None:
        self._log.add(MARK + piece, offset)
        self._suspects.append((offset, len(self._numbers)))
        if len(self._suspects) > 4 * MAX_FAULTS:  # only garbage brings so many
            del self._suspects[2 * MAX_FAULTS :]

    def _shorten(self) -> None:
        # a line without end: keep what may still become a frame
        self._give_up_parted()
        keep = self._rest.rfind(MARK)
        if keep < 0 or len(self._rest) - keep > MAX_FRAME:
            keep = len(self._rest)
        self._mixed_line(self._rest[:keep], self._offset)
        self._rest = self._rest[keep:]
        self._offset += keep

    def _last_line(self) -> int:
        # the unfinished line: returns the offset of a frame that it breaks off in, or -1
        line, self._rest = self._rest, b""
        if not line:
            return -1
        start, piece = list(pieces(line))[-1]
        if start and not is_sound(piece.removesuffix(b"\r")):
            self._mixed_line(line[: start - 1], self._offset) if start > 1 else None
            self._log.add(MARK + piece, self._offset + start - 1)
            return self._offset + start - 1 if not piece or looks_like_frame(piece) else -1
        self._mixed_line(line, self._offset)
        return -1

    def _explain(self, sequence: SequenceCheck, truncated_at: int) -> set[int]:
        # faults for what the sequence lacks; returns the offsets of text that was a frame once
        lost: set[int] = set()
        offsets = self._offsets
        for repeated in sequence.repeated:
            number = self._numbers[repeated]
            self._fault("duplicate", f"frame {number} came twice", offsets[repeated])
        if sequence.conflict is not None:
            self._fault(
                "duplicate",
                f"frame {self._numbers[sequence.conflict]} came again with other content: "
                "everything behind it is from another stream and left out",
                offsets[sequence.conflict],
            )
        for loss in sequence.losses:
            lost |= self._explain_loss(loss)
        ended = any(frame.kind == "E" for _, frame in self._texts)
        if not ended:
            behind = [offset for offset, before in self._suspects if before == len(self._numbers)]
            for offset in behind:
                self._fault("damaged", "a frame has a wrong checksum", offset)
                lost.add(offset)
            if truncated_at >= 0:
                self._fault("truncated", "the stream ends inside a frame", truncated_at)
                lost.add(truncated_at)
        return lost

    def _explain_loss(self, loss: Loss) -> set[int]:
        at = bisect.bisect_right(self._suspects, loss.after, key=lambda suspect: suspect[1])
        suspects: list[int] = []
        while at < len(self._suspects) and len(suspects) < loss.count:
            suspect, before = self._suspects[at]
            if before > loss.before:
                break
            suspects.append(suspect)
            at += 1
        for offset in suspects:
            self._fault("damaged", "a frame has a wrong checksum", offset)
        missing = loss.count - len(suspects)
        if missing:
            self._fault(
                "missing",
                f"{missing} frame{'s' if missing > 1 else ''} lost from number {loss.first} on",
                self._offsets[loss.before],
            )
        return set(suspects)

    def _fault(self, kind: str, detail: str, offset: int) -> None:
        self._faults.add(kind, detail, offset)


def decode(data: bytes) -> Decoded:
    """A whole stream at once."""
    decoder = StreamDecoder()
    decoder.feed(data)
    return decoder.finish()
