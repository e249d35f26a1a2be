"""Evidence a person can read: what was injected, what came out, and whether the interval held it.

    python -m tools.truth [--short] [--only knobs|metrics] [--markdown FILE]

This prints two tables. The first puts something known wrong with the embedded
board (its knobs) and looks for it in the figures; where the host's own noise is in the way, the
difference to a run without the knob is taken. The second sends synthetic stamps with known
properties through the whole way (encoder, decoder, assembly, analysis), one row for every metric.

An interval at 95 % misses one time in twenty, and there are some sixty rows. ``ok`` therefore asks
whether the truth lies within the interval stretched for all rows together (Bonferroni: 1.7 times as
far from the value); figures without an interval must agree exactly, or within the stated step.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tools.truth.knobs import knob_rows
from tools.truth.metrics import metric_rows
from tools.truth.rows import LATENCIES, Row, print_table, sections_from


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.truth", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--short", action="store_true", help="15 s instead of 60 s for the clock")
    parser.add_argument("--only", choices=("knobs", "metrics"), help="one of the two tables")
    parser.add_argument("--markdown", metavar="FILE", help="write the tables there as well")
    args = parser.parse_args()
    parts: list[tuple[str, list[Row]]] = []
    if args.only != "metrics":
        parts.append(("Knobs of the embedded board", knob_rows(15 if args.short else 60)))
    if args.only != "knobs":
        parts.append(("Metrics, from synthetic stamps", metric_rows()))
    for title, rows in parts:
        print_table(title, rows, sys.stdout)
    if args.markdown:
        page = Path(args.markdown)
        others = sections_from(page, LATENCIES)
        with page.open("w", encoding="utf-8") as file:
            file.write("# Injected and recovered\n\nPrinted by `tox -e truth`.\n")
            for title, rows in parts:
                print_table(f"## {title}\n", rows, file, markdown=True)
            file.write(others)
    wrong = sum(not row.ok for _, rows in parts for row in rows)
    total = sum(len(rows) for _, rows in parts)
    print(f"\n{total} rows, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
