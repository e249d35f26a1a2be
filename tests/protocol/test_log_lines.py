"""A chip's own log lines in the middle of frames: the frames are whole, the lines are text."""

from __future__ import annotations

import random

import pytest

from hil.protocol.decoder import StreamDecoder
from hil.protocol.encoder import StreamEncoder
from hil.protocol.frames import frame
from hil.protocol.log_lines import LineReader, split_log_line
from hil.recording.clock_exchange import PING, ClockExchange

LINES = (
    b"\x1b[0;32mI (1234) wifi:state: run -> init (0x3c0)\x1b[0m\r\n",
    b"W (99) wifi:idx:0\n",
    b"E (12:34:56.789) task_wdt: x\r\n",
)


def stream() -> bytes:
    encoder = StreamEncoder()
    encoder.text("H", v=1, tp=1 << 30, tasks=1)
    encoder.text("C", i=0, name="task0", kind="ticks")
    encoder.raw(b"a program's own (text)\r\n")
    for block in range(6):
        encoder.stamps(0, [1000 * k for k in range(100)], first_index=100 * block)
    encoder.text("T", i=0, n=600, dropped=0)
    encoder.text("E", us0=0, us1=1, ms0=0, ms1=1, status="ok")
    return encoder.data


def decoded(data: bytes, chance: random.Random | None = None):
    decoder = StreamDecoder()
    while data:
        size = len(data) if chance is None else chance.randint(1, 40)
        decoder.feed(data[:size])
        data = data[size:]
    return decoder.finish()


def content(result):
    texts = [(text.kind, dict(text.fields)) for text in result.texts]
    return texts, {name: list(channel.values) for name, channel in result.channels.items()}


@pytest.mark.parametrize("seed", range(40))
def test_frames_that_log_lines_part_are_whole(seed):
    chance = random.Random(seed)
    clean = stream()
    positions = sorted(chance.randrange(len(clean) + 1) for _ in range(chance.randint(1, 12)))
    mixed, last = b"", 0
    for position in positions:
        mixed += clean[last:position] + chance.choice(LINES)
        last = position
    result = decoded(mixed + clean[last:], chance)
    assert result.faults == ()
    assert content(result) == content(decoded(clean))
    assert sum("wifi:" in line or "task_wdt" in line for line in result.log) == len(positions)
    assert result.received_bytes == len(mixed) + len(clean) - last


def test_a_frame_that_something_else_parts_is_lost_as_before():
    clean = stream()
    position = clean.index(b"~S") + 30
    result = decoded(clean[:position] + b"line 5 of a program (that prints)\r\n" + clean[position:])
    assert [fault.kind for fault in result.faults] != []
    assert content(result) != content(decoded(clean))


def test_a_damaged_frame_is_not_made_whole():
    """Its rest is there, but one byte of it is another: the checksum decides."""
    clean = bytearray(stream())
    position = clean.index(b"~S") + 30
    clean[position + 3] ^= 1
    result = decoded(bytes(clean[:position]) + LINES[0] + bytes(clean[position:]))
    assert any(fault.kind != "text" for fault in result.faults)


@pytest.mark.parametrize(
    ("line", "head"),
    [
        (b"~Sabc\x1b[0;32mI (1) a: b\x1b[0m\r", b"~Sabc"),
        (b"~SabcEI (1) a: b", b"~SabcE"),
        (b"I (1) a: b", b""),
        (b"~Sabc", b"~Sabc"),
        (b"I was (1) here", b"I was (1) here"),
    ],
)
def test_a_log_line_is_told_from_what_stands_before_it(line, head):
    assert split_log_line(line) == (head, line[len(head) :])


@pytest.mark.parametrize("position", range(0, 30, 3))
def test_a_request_for_pings_that_a_log_line_parts_is_answered(position):
    sent, pairs = [], []
    exchange = ClockExchange(sent.append, lambda *pair: pairs.append(pair))
    request, answer = frame("R", 0, b"n=1"), frame("P", 1, b"n=0;rx=1;tx=2")
    position = min(position, len(request))
    exchange.feed(request[:position] + LINES[0] + request[position:], 5)
    assert sent == [PING]
    exchange.feed(answer[:position] + LINES[1], 6)
    exchange.feed(LINES[2] + answer[position:], 7)
    assert len(pairs) == 1


@pytest.mark.parametrize("seed", range(20))
def test_lines_are_read_whole_whatever_parts_them(seed):
    chance = random.Random(seed)
    clean = b"".join(frame("L", number, b"run=%d" % number) for number in range(9)) + b"its rest"
    positions = sorted(chance.randrange(len(clean) + 1) for _ in range(chance.randint(1, 6)))
    mixed, last = b"", 0
    for position in positions:
        mixed += clean[last:position] + chance.choice(LINES)
        last = position
    mixed += clean[last:]
    reader = LineReader(200)
    lines: list[bytes] = []
    while mixed:
        size = chance.randint(1, 30)
        lines += reader.feed(mixed[:size])
        mixed = mixed[size:]
    assert [*lines, reader.rest] == clean.split(b"\n")


def test_a_line_without_an_end_is_bounded():
    reader = LineReader(100)
    for _ in range(50):
        assert list(reader.feed(b"x" * 40)) == []
        assert list(reader.feed(b"~L" + LINES[1])) == []
    assert len(reader.rest) <= 100
