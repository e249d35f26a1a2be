"""Made fleets: boards whose figures are drawn, a run each and night, without any stamps."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import runs

from hil.history.run_writer import add_run
from hil.history.stored_records import HistoryBoard, HistoryCase, HistoryRun
from hil.model.expected_boards import MISSING_BOARD
from hil.model.results import ErrorRecord, Measurement, RunInfo

PICO, ESP32 = "Raspberry Pi Pico with RP2040", "ESP32 module with ESP32"
TECHNIQUES = ("timer_soft", "timer_hard", "asyncio_sleep")
P99 = "lateness_p99_us"


@dataclass
class Fleet:
    """Boards ``b00``, ``b01``, … with names ``rack-00``, …, the even ones Picos."""

    boards: int = 24
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(1))

    def run(self, board, day, *, factor=1.0, hour=2, firmware="v1.24.1", **more):
        """One board's run of a night; all its latenesses are ``factor`` times the usual."""
        of = runs.board(
            f"rack-{board:02d}",
            unique_id=f"b{board:02d}",
            machine=ESP32 if board % 2 else PICO,
            micropython=firmware,
        )
        cases = []
        for number, technique in enumerate(TECHNIQUES):
            level = 100.0 * (number + 1) * (1 + board % 2) * factor
            figures = [
                Measurement(of.name, technique, "idle", task, P99, "us", value, value, value, 500)
                for task, value in enumerate(level * np.exp(0.05 * self.rng.normal(size=2)))
            ]
            skew = 10.0 + self.rng.normal()
            figures.append(
                Measurement(of.name, technique, "idle", None, "clock_skew_ppm", "ppm", skew, skew,
                            skew, 500)
            )  # fmt: skip
            cases.append(HistoryCase(technique, "idle", 5_000_000, "10000", tuple(figures)))
        begun = f"{day}T{hour:02d}:{board % 60:02d}:00Z"
        info = RunInfo(
            id=f"{begun.replace('-', '').replace(':', '')}_{of.name}",
            started_utc=begun,
            duration_s=60.0,
            profile="nightly",
            harness_version="0.1.0",
            host="Linux",
            source="hardware",
        )
        more.setdefault("verdict", "pass")
        return HistoryRun(
            info, f"{begun}-{board}", boards=(HistoryBoard(of, tuple(cases)),), **more
        )

    def store(self, history):
        """Two nights; in the second, 27 November, each trouble once.

        7 is missing, 3 fails and 4 is sound in its second run, 5 is over a limit, 6 worse, 8 three
        times as late as the other Picos; 20 has new firmware. A bench misses ``id:lost``.
        """
        for board in range(self.boards):
            add_run(history, self.run(board, "2026-11-26"))
        for board in set(range(self.boards)) - {7}:
            more = {}
            if board in (3, 4):
                lost = ErrorRecord(f"rack-{board:02d}", "timer_hard", "idle", "nothing came", "")
                more = {"errors": (lost,), "verdict": "error"}
            if board == 5:
                more = {"verdict": "fail"}
            if board == 9:
                gone = ErrorRecord("id:lost", "", "", MISSING_BOARD, "")
                more = {"errors": (gone,), "verdict": "error"}
            factor = 3.0 if board == 8 else 1.0
            firmware = "v1.25.0" if board == 20 else "v1.24.1"
            run = self.run(board, "2026-11-27", factor=factor, firmware=firmware, **more)
            add_run(history, run, worse=2 if board == 6 else 0)
        add_run(history, self.run(4, "2026-11-27", hour=3), worse=0)
