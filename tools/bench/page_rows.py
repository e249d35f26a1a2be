"""The report: how long its analysis and its page take, and how big the page is."""

from __future__ import annotations

import io
import statistics
import time
from itertools import product

import matplotlib
import numpy as np
from matplotlib import pyplot

from hil.experiments.budget_files import default_budgets
from hil.experiments.evaluation import evaluate_run
from hil.model.results import RunInfo
from hil.model.techniques import LOADS, TECHNIQUES
from hil.recording.run_folder import RunRecord
from hil.recording.stored_run import StoredRun
from hil.report.page.page import render_page
from tools.bench.host_rows import plain
from tools.bench.table import Paired, Row, at_most, in_turn, ratio, size
from tools.synthetic_captures import STREAM_PERIOD_US, capture, white_noise

matplotlib.use("Agg")


def page_row(rounds: int, stamps: int = 100_000) -> Row:
    """The page of 13 techniques under 7 loads, from captures in memory."""
    each = stamps // 2
    made = [
        capture(
            [white_noise(each, 2 * number + task) for task in (0, 1)],
            technique=technique,
            load=load,
            period_us=STREAM_PERIOD_US,
        )
        for number, (load, technique) in enumerate(product(LOADS, TECHNIQUES))
    ]
    info = RunInfo("bench", "2026-01-01T00:00:00Z", 1.0, "nightly", "0", "host", "sim")
    stored = StoredRun(RunRecord(info, (), (), True), tuple(made))
    analysed: list[float] = []
    page = ""

    def report() -> None:
        nonlocal page
        start = time.process_time()
        results = evaluate_run(stored, default_budgets())
        analysed.append(time.process_time() - start)
        page = render_page(results, stored.captures)

    def by_hand() -> None:
        """The one-liners, and one picture of two axes a capture; one load's share of them."""
        for taken in made[:: len(LOADS)]:
            figure, axes = pyplot.subplots(1, 2)
            for track in taken.tracks:
                plain(track.stamps_us)
                late = track.stamps_us - np.arange(each) * STREAM_PERIOD_US
                axes[0].hist(late, bins=100)
                axes[1].plot(track.stamps_us, late)
            figure.savefig(io.BytesIO(), format="png")
            pyplot.close(figure)

    works = {"report": report, "by hand": by_hand}
    spent = in_turn(rounds, works, time.process_time)
    over = Paired(tuple(times / len(LOADS) for times in ratio(spent, "report", "by hand").rounds))
    return Row(
        f"report of {len(TECHNIQUES)} techniques x {len(LOADS)} loads x {stamps:,} stamps",
        (
            at_most(1, "numpy one-liners and a matplotlib picture of each capture", over),
            size(5, " MB", len(page.encode()) / 1e6),
        ),
        f"{spent['report'].median:.1f} s (of it analysis {statistics.median(analysed):.1f} s)",
    )
