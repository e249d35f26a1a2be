"""Decoding and analysis on the host, beside what a user would write."""

from __future__ import annotations

import io
import os
import threading
import tracemalloc
import tty
from pathlib import Path
from tempfile import TemporaryDirectory

import allantools
import numpy as np
import serial
import synthetic
from child import in_child
from table import Row, in_turn, ratio

from hil.analysis import deviations
from hil.analysis.summary import measure
from hil.wire.assemble import assemble
from hil.wire.decoder import StreamDecoder

DAY = 86_400_000


def decode_row(n: int, rounds: int) -> Row:
    """Stamps a second from bytes to unwrapped times, and of a loop over lines."""
    data = b"".join(synthetic.stream(n))
    pieces = [data[at : at + 65536] for at in range(0, len(data), 65536)]
    few = min(n, 1_000_000)
    lines = b"".join(b"%d\r\n" % (2**29 + 1000 * i) for i in range(few))

    def ours() -> None:
        decoder = StreamDecoder()
        for piece in pieces:
            decoder.feed(piece)
        capture = assemble(decoder.finish(), synthetic.identity(), synthetic.plan_of(n))
        assert capture.tracks[0].stamps_us.size == n

    def loop() -> None:
        file = io.BytesIO(lines)
        stamps = []
        while line := file.readline():
            stamps.append(int(line))

    times = in_turn(rounds, {"ours": ours, "loop": loop})
    rate = n / times["ours"].median
    memory = rate / (few / times["loop"].median)
    on_port = serial_rate(lines[: 12 * 20_000])
    return Row(
        f"decode + CRC + unwrap, {n / 1e6:.0f} million stamps",
        ">= 30 million/s, >= 50x readline + int()",
        f"{rate / 1e6:.0f} million/s ({times['ours'].spread}); {rate / on_port:,.0f}x "
        f"pyserial's readline + int(), {memory:.1f}x the same loop over bytes in memory",
        rate >= 30e6 and rate >= 50 * on_port,
        f"a port's readline() + int() takes {on_port:,.0f} lines/s. The same loop over bytes in "
        f"memory: {few / times['loop'].median / 1e6:.1f} million/s; 50x that would be more bytes a "
        "second than this memory takes, 8 for each stamp",
    )


def serial_rate(lines: bytes) -> float:
    """Lines a second of ``int(port.readline())`` on a pseudo-terminal that is always full."""
    import time

    master, slave = os.openpty()
    tty.setraw(slave)

    def write() -> None:
        at = 0
        while at < len(lines):
            at += os.write(master, lines[at : at + 2048])

    thread = threading.Thread(target=write)
    with serial.Serial(os.ttyname(slave), 115200, timeout=5) as port:
        thread.start()
        start = time.perf_counter()
        count = lines.count(b"\n")
        stamps = [int(port.readline()) for _ in range(count)]
        took = time.perf_counter() - start
    thread.join()
    os.close(master)
    os.close(slave)
    return len(stamps) / took


def plain(stamps: np.ndarray) -> list[float]:
    """What one would type at a prompt: the same figures with no bounds and no stability."""
    late = stamps - np.arange(stamps.size) * synthetic.PERIOD_US
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
    capture = synthetic.capture(n)
    stamps = capture.tracks[0].stamps_us
    times = in_turn(rounds, {"ours": lambda: measure(capture), "plain": lambda: plain(stamps)})
    tracemalloc.start()
    measure(capture)
    peak = tracemalloc.get_traced_memory()[1] / stamps.nbytes + 1
    tracemalloc.stop()
    over, spread = ratio(times, "ours", "plain")
    took = times["ours"].median
    return Row(
        f"all metrics with bounds, {n / 1e6:.0f} million stamps",
        "< 3 s, < 6x the raw data in memory",
        f"{took:.2f} s ({times['ours'].spread}), {over:.2f}x the numpy one-liners ({spread}); "
        f"memory {peak:.1f}x, the raw data included",
        took < 3.0 and peak < 6.0,
        "the one-liners have no bounds and no ADEV, TDEV and MTIE",
    )


def stability_rows(n: int, rounds: int) -> list[Row]:
    """ADEV and TDEV over octaves against allantools, MTIE on a part that it can do."""
    x = np.random.default_rng(2).normal(0.0, synthetic.SIGMA_US, n)
    factors = deviations.octaves(n)
    args = {"rate": 1.0, "data_type": "phase", "taus": factors}

    def tdev() -> list[float]:
        sums = deviations.running_sum(deviations.without_line(x))
        return [deviations.tdev(x, m, sums) for m in factors]

    times = in_turn(
        rounds,
        {
            "adev": lambda: deviations.adevs(x, 1.0, factors),
            "oadev": lambda: allantools.oadev(x, **args),
            "tdev": tdev,
            "their tdev": lambda: allantools.tdev(x, **args),
        },
    )
    np.testing.assert_allclose(
        deviations.adevs(x, 1.0, factors)[:20], allantools.oadev(x, **args)[1][:20], rtol=1e-9
    )
    adev, adev_spread = ratio(times, "oadev", "adev")
    tdevs, tdev_spread = ratio(times, "their tdev", "tdev")
    part = x[: n // 100]
    few = deviations.octaves(part.size)
    mtie_args = {"rate": 1.0, "data_type": "phase", "taus": few}
    both = in_turn(
        1,
        {
            "mtie": lambda: deviations.mtie(part, few),
            "theirs": lambda: allantools.mtie(part, **mtie_args),
        },
    )
    mties, _ = ratio(both, "theirs", "mtie")
    whole = in_turn(rounds, {"mtie": lambda: deviations.mtie(x, factors)})["mtie"].median
    per = whole / n / np.log2(n) / (both["mtie"].median / part.size / np.log2(part.size))
    return [
        Row(
            f"ADEV over {len(factors)} octaves, {n / 1e6:.0f} million stamps",
            ">= 10x faster than allantools",
            f"{adev:.1f}x ({adev_spread}); {times['adev'].median:.3f} s",
            adev >= 10.0,
        ),
        Row(
            "TDEV and MTIE over octaves",
            "MTIE in O(n log n)",
            f"TDEV {tdevs:.1f}x ({tdev_spread}), MTIE {mties:.0f}x allantools (on {part.size:,}); "
            f"MTIE's time by n log n grows {per:.2f}x from {part.size:,} to {n:,}",
            per < 3.0,
            "the larger one does not fit into the processor's cache",
        ),
    ]


def day_row(n: int = DAY) -> Row:
    """A capture of 24 h at 1 kHz, from its file to all figures, in a process of its own."""
    with TemporaryDirectory(dir=os.environ.get("HIL_BENCH_TMP")) as folder:
        path = Path(folder, "day.hilcap")
        synthetic.store(path, n)
        size = path.stat().st_size
        got = in_child("analyse", str(path))
    return Row(
        f"a 24 h capture at 1 kHz ({n / 1e6:.1f} million stamps) analysed",
        "< 1 GB",
        f"peak {got['peak'] / 1e9:.2f} GB resident (raw stamps {8 * n / 1e9:.2f} GB, file "
        f"{size / 1e9:.2f} GB); {got['seconds']:.0f} s, of it reading {got['read_s']:.0f} s",
        got["peak"] < 1e9,
    )
