"""How fast the harness is, beside what one would do without it: prints a table of goals.

    python -m tools.bench [--short] [--only WORD,...] [--plot FILE]

Every goal is a ratio of two things that run in turn in this one process, or in children that it
starts, or it is a size: they mean the same on any machine. Seconds are told beside them.
``--short`` takes a tenth of the stamps. ``--plot`` adds time and memory over the number of stamps
up to 1e8 (needs 3 GB). The exit status is 1 if a goal is missed that was in reach.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable

from tools.bench import device_rows, host_rows, page_rows, scaling, suite_rows, virtual_rows
from tools.bench.table import Row, text_of


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.bench", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--short", action="store_true", help="a tenth of the stamps")
    parser.add_argument("--only", default="", help="parts whose name contains one of these words")
    parser.add_argument("--plot", metavar="FILE", help="draw time and memory over n")
    options = parser.parse_args()
    part = 10 if options.short else 1
    n = 10_000_000 // part
    parts: dict[str, Callable[[], list[Row]]] = {
        "import": lambda: [suite_rows.import_row(15)],
        "first": lambda: [suite_rows.first_stamp_row(7)],
        "stamp": lambda: device_rows.stamp_rows(20),
        "link": lambda: device_rows.link_rows(5),
        "decode": lambda: [host_rows.decode_row(n, 5)],
        "analysis": lambda: [host_rows.analysis_row(n, 3)],
        "stability": lambda: host_rows.stability_rows(3 if options.short else 5),
        "virtual": lambda: virtual_rows.virtual_rows(7),
        "day": lambda: [host_rows.day_row(host_rows.DAY // part)],
        "page": lambda: [page_rows.page_row(1 if options.short else 3)],
        "wall": lambda: [suite_rows.wall_row()],
    }
    words = [word for word in options.only.split(",") if word]
    rows: list[Row] = []
    begin = time.monotonic()
    for name, work in parts.items():
        if words and not any(word in name for word in words):
            continue
        print(f"... {name} ({time.monotonic() - begin:.0f} s)", file=sys.stderr, flush=True)
        rows += work()
    if rows:
        print(f"load average at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors\n")
        print(text_of(rows))
    if options.plot:
        scaling.draw(scaling.measure(7 if options.short else 8), options.plot)
    return 0 if all(row.in_order for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
