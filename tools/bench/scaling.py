"""Time and memory of the work over the number of stamps, each point in a process of its own."""

from __future__ import annotations

import math
import os
from pathlib import Path
from tempfile import TemporaryDirectory

from tools import synthetic_captures
from tools.bench.child import in_child

WORKS = ("decode", "analyse", "adev", "mtie")
NAMES = {
    "decode": "decode, CRC, unwrap",
    "analyse": "file to all figures",
    "adev": "ADEV over octaves",
    "mtie": "MTIE over octaves",
}
Points = dict[str, list[dict[str, float]]]


def measure(decades: int = 8) -> Points:
    """Each work at 1e4 … 1e8 stamps, short ones the best of three; printed as it comes."""
    points: Points = {work: [] for work in WORKS}
    print("| work | stamps | seconds | ns a stamp | ns a stamp and log2 n | peak MB |")
    print("|---|--:|--:|--:|--:|--:|")
    with TemporaryDirectory(dir=os.environ.get("HIL_BENCH_TMP")) as folder:
        for power in range(8, 2 * decades + 1):
            n = round(10 ** (power / 2))
            file = Path(folder, "scale.hilcap")
            for work in WORKS:
                if work == "analyse":
                    file.unlink(missing_ok=True)
                    synthetic_captures.store_stream(file, n)
                argument = str(file) if work == "analyse" else n
                tries = [in_child(work, argument) for _ in range(3 if n < 5e6 else 1)]
                point = min(tries, key=lambda point: point["seconds"])
                each = point["seconds"] / n * 1e9
                points[work].append(point)
                print(
                    f"| {NAMES[work]} | {n:,} | {point['seconds']:.4f} | {each:.1f} | "
                    f"{each / math.log2(n):.2f} | {point['peak'] / 1e6:.0f} |",
                    flush=True,
                )
    return points


def draw(points: Points, path: str) -> None:
    """Two plots on log scales, with lines of slope one."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for work, entries in points.items():
        n = [point["n"] for point in entries]
        seconds = [point["seconds"] for point in entries]
        left.loglog(n, seconds, marker="o", ms=3, label=NAMES[work])
        right.loglog(n, [point["peak"] / 1e6 for point in entries], marker="o", ms=3)
    ends = [1e4, 1e8]
    left.loglog(ends, [2e-4, 2.0], color="0.6", ls=":", label="proportional to n")
    right.loglog(ends, [8 * n / 1e6 for n in ends], color="0.6", ls=":", label="8 bytes a stamp")
    left.set(xlabel="stamps", ylabel="seconds", title="time")
    right.set(xlabel="stamps", ylabel="MB", title="peak memory of the process", ylim=(10, 4000))
    left.legend(fontsize=8)
    right.legend(fontsize=8)
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
