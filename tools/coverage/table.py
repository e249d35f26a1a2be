"""The tables of the campaign, and whether each cell meets its goals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from hil.analysis.uncertainty.distributions import beta_cdf
from tools.coverage.captures import Outcome
from tools.coverage.kinds import KINDS
from tools.coverage.known import reason_for

HELD, GIVEN, WIDTH = 0.92, 0.85, 2.0
SURELY = 0.001
NEEDED = {"p50": 20.0, "p99": 373.0, "p999": 3740.0, "rms": 150.0, "mean": 8.0, "drift": 8.0}
"""Independent samples from which on both ends are wanted: for a mean square those that carry it."""
HEAD = """# Coverage of the stated bounds

Written by `python -m tools.coverage` ({captures} captures a cell, {minutes:.0f} minutes), which
also says what the truth of each figure is (`tools/coverage/truths.py`) and what each kind of
disturbance (`tools/coverage/kinds.py`). A cell reads *held / both ends + one end / width*: in how
many per cent of the captures with bounds these held the truth; in how many per cent both ends were
given, and in how many one; and the median width of the two-sided ones, over the estimator's own
95 % spread. `-` has no bounds at all. The `n` activations are in three windows, or in one.

Goals: at least 92 % held (binomial test at 0.1 %), width at most 2, both ends in 85 % of the
captures wherever the independent samples support them. A cell that misses one is marked: `!` is a
fault, letters are the reasons below the tables, `~` stands for what can't be seen: events expected
fewer than five times in the data, or windows that differ where there is one. Of such events only
the rarest visible rate can be told, 3 in n. Of fewer than 500 captures a cell the estimator's own
spread is not well known, so that a width may be marked by chance.
"""


@dataclass(slots=True)
class Cell:
    """One metric under one kind, for one length in so many windows."""

    metric: str
    kind: str
    windows: int
    n: int
    outcomes: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """One more capture."""
        self.outcomes.append(outcome)

    @property
    def both(self) -> list[Outcome]:
        """Those with two ends."""
        return [o for o in self.outcomes if o.lo is not None and o.hi is not None]

    @property
    def given(self) -> list[Outcome]:
        """Those with an end at least."""
        return [o for o in self.outcomes if o.lo is not None or o.hi is not None]

    @property
    def width(self) -> float | None:
        """Median width over the estimator's own spread."""
        both = self.both
        if len(both) < 0.1 * len(self.outcomes) or self.metric.endswith("*"):
            return None
        low, high = np.quantile([o.value for o in self.outcomes], (0.025, 0.975))
        wide = float(np.median([o.hi - o.lo for o in both]))
        # no estimator is finer than its clock
        return wide / max(float(high - low), KINDS[self.kind].step_us * self._per_step)

    @property
    def _per_step(self) -> float:
        if "ppm" in self.metric:
            return 100.0 / self.n
        return 1.0 / self.n if "mean" in self.metric else 1.0

    @property
    def unseen(self) -> bool:
        """Whether what makes this kind can't be seen in so little."""
        kind = KINDS[self.kind]
        rare = kind.events is not None and kind.events * self.n < 5.0
        return rare or (kind.between and self.windows == 1)

    def faults(self) -> list[str]:
        """Which goals it misses: ``held``, ``width``, ``both``."""
        missed = []
        given, both = len(self.given), len(self.both)
        if given >= 20:
            held = sum(o.held for o in self.given)
            # P(X <= held) for a coverage of just 92 %
            if held < given and 1.0 - beta_cdf(HELD, held + 1.0, given - held) < SURELY:
                missed.append("held")
        width = self.width
        if width is not None and width > WIDTH:
            missed.append("width")
        worth = float(np.median([o.worth for o in self.outcomes]))
        need = next((v for part, v in NEEDED.items() if part in self.metric), None)
        supported = need is not None and worth >= need and not self.metric.endswith("*")
        if supported and both < GIVEN * len(self.outcomes):
            missed.append("both")
        return missed

    def text(self) -> str:
        """The cell as it stands in the table, without its mark."""
        count = len(self.outcomes)
        given, both = self.given, len(self.both)
        if not given:
            return "-"
        held = 100.0 * sum(o.held for o in given) / len(given)
        width = self.width
        ends = f"{100 * both / count:.0f}+{100 * (len(given) - both) / count:.0f}"
        if self.metric.endswith("*"):
            return f"{held:.1f}"
        return f"{held:.1f} / {ends}" + ("" if width is None else f" / {width:.1f}")


def report(cells: Iterable[Cell], captures: int, seconds: float) -> tuple[str, int]:
    """The page, and how many cells miss a goal without a known reason."""
    tables: dict[tuple[str, int], dict[str, dict[int, Cell]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for cell in cells:
        tables[cell.metric, cell.windows][cell.kind][cell.n] = cell
    lines = [HEAD.format(captures=f"{captures:,}", minutes=seconds / 60.0)]
    reasons: dict[str, str] = {}
    missed = 0
    for metric, windows in sorted(tables, key=lambda key: (key[0], -key[1])):
        rows = tables[metric, windows]
        numbers = sorted({n for row in rows.values() for n in row})
        shown = metric.replace(" *", ", tolerance statement")
        lines += [f"\n## {shown}, {windows} window{'s' if windows > 1 else ''}\n"]
        lines += ["| kind | " + " | ".join(map(str, numbers)) + " |"]
        lines += ["|---|" + "---|" * len(numbers)]
        for kind in (name for name in KINDS if name in rows):
            texts = []
            for n in numbers:
                cell = rows[kind].get(n)
                if cell is None:
                    texts.append("")
                    continue
                mark = ""
                faults = cell.faults()
                if cell.unseen and cell.given:
                    mark = " ~"
                elif faults:
                    marks = [_mark(cell, fault, reasons) for fault in faults]
                    missed += any(each.startswith("!") for each in marks)
                    mark = " " + "".join(dict.fromkeys(marks))
                texts.append(cell.text() + mark)
            lines.append(f"| {kind} | " + " | ".join(texts) + " |")
    lines.append("\n## Reasons\n")
    lines += [f"- **{letter}**: {reason}" for reason, letter in reasons.items()]
    lines.append("\n\\* tolerance statement, one-sided: at least 95 %.")
    return "\n".join(lines) + "\n", missed


def _mark(cell: Cell, fault: str, reasons: dict[str, str]) -> str:
    reason = reason_for(cell.metric, cell.kind, cell.windows, cell.n, fault)
    if reason is None:
        return "!" if fault == "held" else f"!{fault}"
    return reasons.setdefault(reason, chr(ord("a") + len(reasons)))
