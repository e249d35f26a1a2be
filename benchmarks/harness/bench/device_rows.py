"""What a stamp costs on the board, and what it costs on the wire."""

from __future__ import annotations

import math
import statistics
import threading
import time

import numpy as np
from board import BYTES_S, paced_port, prompt
from table import Row

from hil.transport.raw_repl import RawRepl
from hil.transport.vm import VirtualBoard
from hil.wire.decoder import StreamDecoder

LIBRARY = ("lib/recorder.py", "lib/frames.py", "lib/console.py")
FAST = ("lib/recorder_native.py", "lib/frames_fast.py")
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
        c.place(0, hil_n)
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
    stamp, channel.place = Channel.make(channel.buf, hil_us, channel.full)
    channel.place(0, channel.size)
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
        with prompt(board.port, *LIBRARY[:1]) as repl:
            repl.exec(BYTECODE)
            load(repl, FAST[0])
            output = repl.exec(STAMP.replace("ROUNDS", str(rounds)), timeout_s=300)
        with paced_port(board.port) as port, prompt(port) as repl:
            repl.exec(STREAM, timeout_s=30)
            lines, took = receive(repl, "hil_ascii(3)")
    times = np.array(eval(output.rpartition(b"=")[2]), dtype=float)
    bare, plain, native, printed = times.T
    over = native / bare
    prints = printed / native
    each = statistics.median(native) / 4
    line = took / lines.count(b"\n") * 1e9
    nearest = float(np.median(printed / bare))
    return [
        Row(
            "cost of a stamp on the embedded board",
            "<= 2x a bare a[i] = ticks_us() loop",
            f"{np.median(over):.2f}x (rounds {np.quantile(over, 0.1):.2f} to "
            f"{np.quantile(over, 0.9):.2f}); as bytecode {np.median(plain / bare):.2f}x",
            float(np.median(over)) <= 2.0,
            f"{each:.0f} ns; the native stamper, which is sent to every port that has native code",
        ),
        Row(
            "cost of a stamp against print(ticks_us())",
            ">= 30x cheaper",
            f"{line / each:,.0f}x at 115,200 baud; {np.median(prints):.0f}x (rounds "
            f"{np.quantile(prints, 0.1):.0f} to {np.quantile(prints, 0.9):.0f}) into a "
            "pseudo-terminal's memory",
            line / each >= 30.0 and float(np.median(prints)) >= 30.0,
            f"into memory a print takes {np.median(printed) / 4000:.1f} us, a system call or two: "
            f"even the bare store is only {nearest:.0f}x cheaper. No board has "
            "such a line; on one of 115,200 baud every print waits for the one before",
            bound=nearest < 30.0,
        ),
    ]


def load(repl: RawRepl, path: str) -> None:
    """One more device file."""
    from hil import agents

    for piece in agents.pieces(path):
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
    from hil.transport.deadline import Deadline

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


def link_rows(seconds: int) -> list[Row]:
    """Bytes a stamp and stamps a second, over a link of 11,520 bytes a second and over none."""
    entropy = math.log2(SIGMA_US * math.sqrt(2) * math.sqrt(2 * math.pi * math.e)) / 8
    with VirtualBoard() as board:
        with prompt(board.port, *LIBRARY) as repl:
            repl.exec(BYTECODE)
            repl.exec(STREAM, timeout_s=30)
            plain = free_rate(repl)
            for path in FAST:
                load(repl, path)
            fast = free_rate(repl)
        with paced_port(board.port) as port, prompt(port, *LIBRARY, *FAST) as repl:
            repl.exec(STREAM, timeout_s=30)
            data, took = receive(repl, f"hil_stream({seconds})")
            lines, ascii_took = receive(repl, f"hil_ascii({seconds})")
    count, lost = streamed(data)
    rate = count / took
    ascii_lines = lines.count(b"\n")
    ascii_rate = ascii_lines / ascii_took
    each = len(data) / count
    return [
        Row(
            "bytes a stamp, 1 kHz with 50 us of white noise, everything included",
            f"<= 1.5x entropy ({entropy:.2f} B), <= 1.5 B",
            f"{each:.3f} B, {each / entropy:.2f}x entropy; ASCII lines "
            f"{len(lines) / ascii_lines:.1f} B",
            each <= 1.5 and each <= 1.5 * entropy,
            "entropy of the differences of neighbours, which a code of differences can't go below",
        ),
        Row(
            "stamps a second over 115,200 baud, lossless",
            ">= 7,000/s, >= 6x ASCII lines",
            f"{rate:,.0f}/s, {rate / ascii_rate:.1f}x ({ascii_rate:,.0f} lines/s); {lost} lost of "
            f"{count:,} in {took:.1f} s",
            rate >= 7000 and rate >= 6 * ascii_rate and lost == 0,
            f"paced to {BYTES_S} bytes/s; the link carried {len(data) / took:,.0f}",
        ),
        Row(
            "stamps a second over an unpaced pseudo-terminal",
            ">= 200,000/s",
            f"machine code {fast[0]:,.0f}/s, bytecode {plain[0]:,.0f}/s; {fast[1] + plain[1]} lost",
            min(fast[0], plain[0]) >= 200_000 and fast[1] + plain[1] == 0,
            "recorded, encoded, sent and received in one loop of one program",
        ),
    ]


def free_rate(repl: RawRepl) -> tuple[float, int]:
    """Stamps a second at full speed, median of three; stamps lost in all of them."""
    rates, lost = [], 0
    for _ in range(3):
        data, took = receive(repl, "hil_stream(2)")
        count, missing = streamed(data)
        rates.append(count / took)
        lost += missing
    return statistics.median(rates), lost


if __name__ == "__main__":
    from table import text_of

    print(text_of([*stamp_rows(20), *link_rows(10)]), threading.active_count())
