"""Decoding and analysis on the host, beside what a user would write."""

from __future__ import annotations

import io
import math
import os
import threading
import time
import tracemalloc
import tty
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory

import allantools
import numpy as np
import serial

from hil.analysis import stability
from hil.experiments.evaluation import summarise_capture
from hil.protocol.decoder import StreamDecoder
from hil.protocol.reassembly import assemble
from tools import synthetic_captures
from tools.bench.child import in_child
from tools.bench.table import Goal, Paired, Row, at_least, at_most, in_turn, ratio, size

DAY = 86_400_000


LINK_BYTES_S = 12_000_000 / 8


def decode_row(n: int, rounds: int) -> Row:
    """From bytes to unwrapped times, against what nobody can leave out, a link, and lines."""
    data = b"".join(synthetic_captures.stream(n))
    pieces = [data[at : at + 65536] for at in range(0, len(data), 65536)]
    few = min(n, 1_000_000)
    lines = b"".join(b"%d\r\n" % (2**29 + 1000 * i) for i in range(few))
    port_lines = 20_000
    board, plan = synthetic_captures.board(), synthetic_captures.stream_plan(n)

    def ours() -> None:
        decoder = StreamDecoder()
        for piece in pieces:
            decoder.feed(piece)
        capture = assemble(decoder.finish(), board, plan)
        assert capture.tracks[0].stamps_us.size == n

    def loop() -> None:
        file = io.BytesIO(lines)
        stamps = []
        while line := file.readline():
            stamps.append(int(line))

    def port() -> None:
        read_port(lines[: 12 * port_lines])

    works = {"ours": ours, "bare": lambda: bare(data, n), "loop": loop, "port": port}
    times = in_turn(rounds, works, time.process_time)
    seconds = times["ours"].seconds
    link = Paired.of((n / s for s in seconds), (LINK_BYTES_S / (len(data) / n) for _ in seconds))
    on_port = Paired.of((s / port_lines for s in times["port"].seconds), (s / n for s in seconds))
    in_memory = Paired.of((s / few for s in times["loop"].seconds), (s / n for s in seconds))
    return Row(
        f"decode + CRC + unwrap, {n / 1e6:.0f} million stamps",
        (
            at_most(
                12,
                "a CRC and three numpy passes: bytes in, running sum out",
                ratio(times, "ours", "bare"),
            ),
            at_least(10, "what 12 Mbit/s carry", link),
            at_least(50, "pyserial's readline + int()", on_port),
        ),
        f"{n / times['ours'].median / 1e6:.0f} million/s; {in_memory.median:.1f}x the same loop "
        "over bytes in memory",
        f"the passes take {times['bare'].median * 1e9 / n:.1f} ns a stamp, a whole frame of 512 "
        f"{times['ours'].median * 512e6 / n:.0f} us",
    )


def bare(data: bytes, n: int) -> np.ndarray:
    """What can't be left out whatever the code is: a look at every byte, and a sum for each stamp.

    The checksum, one pass that makes numbers of bytes, one that widens them to as many as there are
    stamps, and the running sum; in pieces that stay in the cache.
    """
    out = np.empty(n, np.int64)
    last = at = 0
    for start in range(0, len(data), 65536):
        piece = data[start : start + 65536]
        zlib.crc32(piece)
        words = np.frombuffer(piece, "<u2", len(piece) // 2)
        values = words % np.uint16(91)
        end = round(n * min(1.0, (start + 65536) / len(data)))
        part = out[at:end]
        part[: values.size] = values[: part.size]
        part[values.size :] = values[: max(0, part.size - values.size)]
        part[0] += last
        np.cumsum(part, out=part)
        last, at = int(part[-1]), end
    return out


def read_port(lines: bytes) -> list[int]:
    """``int(port.readline())`` for each line, on a pseudo-terminal that is always full."""
    master, slave = os.openpty()
    tty.setraw(slave)

    def write() -> None:
        at = 0
        while at < len(lines):
            at += os.write(master, lines[at : at + 2048])

    thread = threading.Thread(target=write)
    with serial.Serial(os.ttyname(slave), 115200, timeout=5) as port:
        thread.start()
        stamps = [int(port.readline()) for _ in range(lines.count(b"\n"))]
    thread.join()
    os.close(master)
    os.close(slave)
    return stamps


def plain(stamps: np.ndarray) -> list[float]:
    """What one would type at a prompt: the same figures with no bounds and no stability."""
    late = stamps - np.arange(stamps.size) * synthetic_captures.STREAM_PERIOD_US
    gaps = np.diff(stamps)
    change = np.diff(gaps)
    line = np.polyfit(np.arange(stamps.size), late, 1)
    tie = late - np.polyval(line, np.arange(stamps.size))
    return [
        *np.percentile(late, [50, 99, 99.9, 100]),
        gaps.mean(),
        gaps.std(),
        np.ptp(gaps),
        np.sqrt(np.mean(change**2)),
        np.abs(change).max(),
        tie.std(),
        np.ptp(tie),
    ]


def analysis_row(n: int, rounds: int) -> Row:
    """All figures with bounds."""
    capture = synthetic_captures.capture(
        [synthetic_captures.white_noise(n)],
        period_us=synthetic_captures.STREAM_PERIOD_US,
        streaming=True,
    )
    stamps = capture.tracks[0].stamps_us
    works = {
        "ours": lambda: summarise_capture(capture),
        "plain": lambda: plain(stamps),
    }
    times = in_turn(rounds, works, time.process_time)
    tracemalloc.start()
    summarise_capture(capture)
    peak = tracemalloc.get_traced_memory()[1] / stamps.nbytes + 1
    tracemalloc.stop()
    return Row(
        f"all metrics with bounds, {n / 1e6:.0f} million stamps",
        (
            at_most(1.6, "the numpy one-liners", ratio(times, "ours", "plain")),
            size(6, "x", peak, "the raw data in memory"),
        ),
        f"{times['ours'].median:.2f} s",
        "the one-liners have no bounds and no ADEV, TDEV and MTIE",
    )


def stability_rows(rounds: int, n: int = 10_000_000) -> list[Row]:
    """ADEV and TDEV over octaves against allantools, MTIE on a part that it can do."""
    x = np.random.default_rng(2).normal(0.0, synthetic_captures.STREAM_SIGMA_US, n)
    factors = stability.octaves(n)
    args = {"rate": 1.0, "data_type": "phase", "taus": factors}

    def adev() -> list[float]:
        error = stability.error_of(x)
        return [math.sqrt(stability.adev_squares(error, m).mean / 2.0) / m for m in factors]

    def tdev() -> list[float]:
        error = stability.error_of(x)
        return [math.sqrt(stability.tdev_squares(error, m).mean / 6.0) for m in factors]

    part = x[: n // 100]
    few = stability.octaves(part.size)
    times = in_turn(
        rounds,
        {
            "adev": adev,
            "oadev": lambda: allantools.oadev(x, **args),
            "tdev": tdev,
            "their tdev": lambda: allantools.tdev(x, **args),
            "mtie": lambda: stability.mtie(stability.error_of(x), factors),
            "few": lambda: [stability.mtie(stability.error_of(part), few) for _ in range(10)],
        },
        time.process_time,
    )
    np.testing.assert_allclose(adev()[:20], allantools.oadev(x, **args)[1][:20], rtol=1e-9)
    mtie_args = {"rate": 1.0, "data_type": "phase", "taus": few}
    theirs = in_turn(1, {"mtie": lambda: allantools.mtie(part, **mtie_args)}, time.process_time)
    mties = 10 * theirs["mtie"].median / times["few"].median
    amount = x.size * np.log2(x.size) / (10 * part.size * np.log2(part.size))
    grows = Paired(tuple(each / amount for each in ratio(times, "mtie", "few").rounds))
    return [
        Row(
            f"ADEV over {len(factors)} octaves, {n / 1e6:.0f} million stamps",
            (at_least(1.5, "faster than allantools", ratio(times, "oadev", "adev")),),
            f"{times['adev'].median:.3f} s",
            "ours are the sums that bounds need as well; allantools gives none",
        ),
        Row(
            "TDEV and MTIE over octaves",
            (
                at_least(2, "faster than allantools (TDEV)", ratio(times, "their tdev", "tdev")),
                Goal(">=", 20, "(MTIE)", mties),
                at_most(3, f"n log n of {part.size:,} (MTIE of {n:,})", grows),
            ),
            "",
            f"allantools' MTIE is timed once, with {part.size:,}; more than that does not fit into "
            "the processor's cache",
        ),
    ]


def day_row(n: int = DAY) -> Row:
    """A capture of 24 h at 1 kHz, from its file to all figures, in a process of its own."""
    with TemporaryDirectory(dir=os.environ.get("HIL_BENCH_TMP")) as folder:
        path = Path(folder, "day.hilcap")
        synthetic_captures.store_stream(path, n)
        stored = path.stat().st_size
        got = in_child("analyse", str(path))
    more = (got["peak"] - got["before"]) / n
    return Row(
        f"a 24 h capture at 1 kHz ({n / 1e6:.1f} million stamps) analysed",
        (size(12, " B", more, "a stamp in memory (8 are the stamp)"),),
        f"peak {got['peak'] / 1e9:.2f} GB resident (raw stamps {8 * n / 1e9:.2f} GB, file "
        f"{stored / 1e9:.2f} GB); {got['seconds']:.0f} s, of it reading {got['read_s']:.0f} s",
    )
