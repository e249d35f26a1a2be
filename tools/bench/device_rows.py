"""What a stamp costs on the board, and what it costs on the wire."""

from __future__ import annotations

import math
import statistics
import time

import numpy as np

from hil.agents import bundle
from hil.boards.backends.sim import VirtualBoard
from hil.boards.raw_repl import RawRepl
from hil.protocol.decoder import StreamDecoder
from hil.recording.interfaces import Deadline
from tools.bench.board import BYTES_S, paced_port, prompt
from tools.bench.table import Goal, Paired, Row, at_least, at_most, size

LIBRARY = ("lib/recorder.py", "lib/frames.py", "lib/console.py")
RECORDER = LIBRARY[0]
FAST = (RECORDER, "lib/frames_fast.py")
"""Sent once more with what becomes machine code."""
BYTECODE = "HIL_PLAIN = Channel.make"
SIGMA_US = 50.0

STAMP = """
import gc, time
from array import array
hil_n = 4000
hil_a = array("l", range(hil_n))
def hil_bare(us):
    a = hil_a
    for i in range(hil_n):
        a[i] = us()
def hil_call(stamp):
    for i in range(hil_n):
        stamp()
def hil_print(us):
    for i in range(hil_n):
        print(us())
def hil_time(f, arg):
    gc.collect()
    t = time.ticks_us()
    f(arg)
    return time.ticks_diff(time.ticks_us(), t)
def hil_make(make):
    Channel.make = make
    return Channel("x", "ticks", hil_n)
hil_native = Channel.make
hil_channels = [hil_make(HIL_PLAIN), hil_make(hil_native)]
def hil_round(times):
    row = [hil_time(hil_bare, time.ticks_us)]
    for c in hil_channels:
        c.seek(0, hil_n)
        row.append(hil_time(hil_call, c.stamper()))
    row.append(hil_time(hil_print, time.ticks_us))
    times.append(row)
hil_times = []
for hil_i in range(ROUNDS):
    hil_round(hil_times)
print("=", hil_times)
"""

STREAM = """
import gc, time
from array import array
hil_noise = array("l", (0,) * 1024)
hil_seed = 7
for hil_i in range(1024):
    hil_sum = 0
    for _ in range(12):
        hil_seed = (hil_seed * 1103515245 + 12345) & 0x7FFFFFFF
        hil_sum += (hil_seed >> 8) % 10000
    hil_noise[hil_i] = (hil_sum - 59994) * 50 // 10000
hil_k = 0
hil_t = 1000000
def hil_us():
    # a clock that a 1 kHz task with white noise of 50 us would read
    global hil_k, hil_t
    hil_k = hil_k + 1 & 1023
    hil_t = hil_t + 1000
    return (hil_t + hil_noise[hil_k]) & 0x3FFFFFFF
def hil_stream(seconds):
    writer = FrameWriter(stdout_write())
    writer.text("C", "i=0;name=task0;kind=ticks")
    channel = Channel("task0", "ticks", 2048, True)
    stamp, channel.seek = Channel.make(channel.buf, hil_us, channel.full)
    channel.seek(0, channel.size)
    start = time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), start) < seconds * 1000:
        for i in range(1024):
            stamp()
        channel.send(writer, 0, 1 << 20)
    channel.send(writer, 0)
    writer.text("T", "i=0;n=%d;dropped=%d" % (channel.n, channel.dropped))
def hil_ascii(seconds):
    start = time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), start) < seconds * 1000:
        for i in range(50):
            print(time.ticks_us() & 0x3FFFFFFF | 0x10000000)
"""


def stamp_rows(rounds: int) -> list[Row]:
    """One stamp against a bare store and against print()."""
    with VirtualBoard() as board:
        with prompt(board.port, RECORDER) as repl:
            repl.exec(BYTECODE)
            load(repl, RECORDER)
            output = repl.exec(STAMP.replace("ROUNDS", str(rounds)), timeout_s=300)
        with paced_port(board.port) as port, prompt(port) as repl:
            repl.exec(STREAM, timeout_s=30)
            lines, took = receive(repl, "hil_ascii(3)")
    times = np.array(eval(output.rpartition(b"=")[2]), dtype=float)
    bare, plain, native, printed = times.T
    each = statistics.median(native) / 4
    line = took / lines.count(b"\n") * 1e9
    return [
        Row(
            "cost of a stamp on the embedded board",
            (at_most(2, "a bare a[i] = ticks_us() loop", Paired.of(native, bare)),),
            f"as bytecode {np.median(plain / bare):.2f}x",
            f"{each:.0f} ns; the native stamper, which is sent to every port that has native code",
        ),
        Row(
            "cost of a stamp against print(ticks_us())",
            (
                Goal(">=", 30, "cheaper at 115,200 baud", line / each),
                at_least(5, "cheaper into memory alone", Paired.of(printed, native)),
            ),
            "",
            f"into a pseudo-terminal's memory a print takes {np.median(printed) / 4000:.1f} us, a "
            f"system call or two: even the bare store is only {np.median(printed / bare):.0f}x "
            "cheaper. No board has such a line; on one of 115,200 baud every print waits for the "
            "one before",
        ),
    ]


def load(repl: RawRepl, path: str) -> None:
    """A device file with its machine code, behind what is there already."""
    for piece in bundle.pieces(path, in_native=True):
        repl.exec(piece)


def receive(repl: RawRepl, code: str) -> tuple[bytes, float]:
    """What ``code`` printed, and the seconds between its first and its last byte."""
    repl.start(code)
    parts: list[bytes] = []
    first = last = 0.0
    while True:
        data = repl.read(5.0)
        now = time.perf_counter()
        first = first or now
        body, end, rest = data.partition(b"\x04")
        parts.append(body)
        if end or not data:
            repl.unread(rest)
            break
        last = now
    repl.end_of_program(Deadline(5))
    return b"".join(parts), last - first


def streamed(data: bytes) -> tuple[int, int]:
    """Stamps that came, and how many are missing or were dropped."""
    decoder = StreamDecoder()
    decoder.feed(data)
    decoded = decoder.finish()
    channel = decoded.channels["task0"]
    totals = next(frame.fields for frame in decoded.texts if frame.kind == "T")
    missing = int(totals["n"]) + int(totals["dropped"]) - len(channel.values)
    return len(channel.values), missing + sum(gap.count for gap in channel.gaps)


def link_rows(rounds: int) -> list[Row]:
    """Bytes a stamp and stamps a second, over a link of 11,520 bytes a second and over none."""
    entropy = math.log2(SIGMA_US * math.sqrt(2) * math.sqrt(2 * math.pi * math.e)) / 8
    with VirtualBoard() as board:
        with prompt(board.port, *LIBRARY) as repl:
            repl.exec(BYTECODE)
            repl.exec(STREAM, timeout_s=30)
            plain = Turns(repl, rounds, 0.6)
            for path in FAST:
                load(repl, path)
            fast = Turns(repl, rounds, 0.6)
        with paced_port(board.port) as port, prompt(port, *LIBRARY) as repl:
            for path in FAST:
                load(repl, path)
            repl.exec(STREAM, timeout_s=30)
            paced = Turns(repl, rounds, 3)
    each, line = paced.bytes_each, paced.bytes_a_line
    free_lost = fast.lost + plain.lost
    return [
        Row(
            "bytes a stamp, 1 kHz with 50 us of white noise, everything included",
            (
                Goal("<=", 1.5, f"entropy ({entropy:.2f} B)", each / entropy),
                size(1.5, " B", each),
            ),
            f"ASCII lines {line:.1f} B",
            "entropy of the differences of neighbours, which a code of differences can't go below",
        ),
        Row(
            "stamps a second over 115,200 baud, lossless",
            (
                at_least(6, "ASCII lines", Paired.of(paced.rates, paced.ascii_rates)),
                at_least(0.95, "the bytes of ASCII lines", paced.fill),
                size(0, "", paced.lost, "lost"),
            ),
            f"{statistics.median(paced.rates):,.0f}/s ({statistics.median(paced.ascii_rates):,.0f} "
            f"lines/s), {paced.count:,} stamps",
            f"paced to {BYTES_S} bytes/s, lines and frames in turn: both fill the link",
        ),
        Row(
            "stamps a second over an unpaced pseudo-terminal, lossless",
            (
                at_least(
                    4, "ASCII lines, in machine code", Paired.of(fast.rates, fast.ascii_rates)
                ),
                at_least(1.5, "as bytecode", Paired.of(plain.rates, plain.ascii_rates)),
                size(0, "", free_lost, "lost"),
            ),
            f"{statistics.median(fast.rates):,.0f}/s, as bytecode "
            f"{statistics.median(plain.rates):,.0f}/s ({statistics.median(plain.ascii_rates):,.0f} "
            "lines/s)",
            "recorded, encoded, sent and received in one loop of one program",
        ),
    ]


class Turns:
    """Frames and ASCII lines in turn over one link, ``seconds`` of each in a round."""

    def __init__(self, repl: RawRepl, rounds: int, seconds: float) -> None:
        self.rates: list[float] = []
        self.ascii_rates: list[float] = []
        self.count = self.lost = 0
        frame_bytes = line_bytes = lines = 0
        fill: list[float] = []
        for _ in range(rounds):
            data, took = receive(repl, f"hil_stream({seconds})")
            text, text_took = receive(repl, f"hil_ascii({seconds})")
            count, lost = streamed(data)
            self.rates.append(count / took)
            self.ascii_rates.append(text.count(b"\n") / text_took)
            fill.append(len(data) / took / (len(text) / text_took))
            self.count += count
            self.lost += lost
            frame_bytes += len(data)
            line_bytes += len(text)
            lines += text.count(b"\n")
        self.fill = Paired(tuple(fill))
        self.bytes_each = frame_bytes / self.count
        self.bytes_a_line = line_bytes / lines
