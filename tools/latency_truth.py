"""Whether latencies are true: boards in virtual time whose costs are drawn, and their exact edges.

    python -m tools.latency_truth [--runs 500] [--processes 2] [--markdown FILE]

Each run is a board of its own. What a clock read, a pin's write, the entry of a handler, the store
of a stamp and a jump of the main program cost is drawn from the seed, and so are the latency, the
clock's step and its phase. Calibration and capture are those of any board; nothing is taken from
the knobs. The truth comes from the board's own nanoseconds, which code noted at no cost in virtual
time: at the edge, where the handler and the deferred code begin, and where they are scheduled.

Counted is how often the true medians lie within their bounds, and the exit status is 0 if both of a
run do in at least 93 % of the runs.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from hil.analysis.clock import instrument
from hil.boards.backends.registry import parse_board
from hil.experiments.evaluation import summarise_capture
from hil.experiments.plan import Case, calibration_plan, capture_job
from hil.experiments.session import Session
from hil.model.captures import CapturePlan, TaskPlan
from hil.recording.capture_reader import read_capture
from tools.truth.rows import LATENCIES, sections_from

GOAL = 0.93
EVENTS = 200
_LINE = "hil:truth "
STEPS_US = (1.0, 1.0, 1.0, 2.0, 4.0, 10.0, 30.5, 1e6 / 32768)
PROBE = """\
import micropython, sim_now, sim_pin
from array import array
hil_at = array("q", bytes(8 * 20000))
hil_n = array("l", (0,))
hil_edge = sim_pin.Pin._interrupt
hil_irq = sim_pin.Pin.irq
hil_schedule = micropython.schedule
hil_run = [None, None]
def hil_note(kind):
    i = hil_n[0]
    hil_at[i] = sim_now.ns * 4 + kind
    hil_n[0] = i + 1
def hil_noted_edge(pin):
    hil_note(0)
    hil_edge(pin)
def hil_noted_handler(pin):
    hil_note(1)
    hil_run[0](pin)
def hil_noted_irq(pin, handler=None, **options):
    hil_run[0] = handler
    return hil_irq(pin, handler=handler and hil_noted_handler, **options)
def hil_noted_deferred(i):
    hil_note(3)
    hil_run[1](i)
def hil_noted_schedule(deferred, i):
    hil_note(2)
    hil_run[1] = deferred
    hil_schedule(hil_noted_deferred, i)
sim_pin.Pin._interrupt = hil_noted_edge
sim_pin.Pin.irq = hil_noted_irq
micropython.schedule = hil_noted_schedule
"""
TELL = f"print({_LINE!r}, ' '.join(str(hil_at[i]) for i in range(hil_n[0])))"


@dataclass(frozen=True, slots=True)
class Drawn:
    """One board: its knobs, and how its events are answered."""

    seed: int
    knobs: str
    hard: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """One figure of one run against its truth, in us."""

    what: str
    seed: int
    step_us: float
    truth: float
    value: float
    lo: float | None
    hi: float | None

    @property
    def held(self) -> bool:
        """Whether both ends are there and hold the truth."""
        return self.lo is not None and self.hi is not None and self.lo <= self.truth <= self.hi

    @property
    def width(self) -> float:
        """How far the ends are apart."""
        return float("inf") if self.lo is None or self.hi is None else self.hi - self.lo


def draw(seed: int) -> Drawn:
    """The board of a seed; costs from those of fast chips to those of slow ones."""
    rng = random.Random(seed)
    scale = rng.choice((0.3, 1.0, 3.0))
    step = rng.choice(STEPS_US)
    knobs = {
        "read_us": scale * rng.uniform(0.4, 2.0),
        "pin_us": scale * rng.uniform(0.2, 3.0),
        "store_us": scale * rng.uniform(0.3, 3.0),
        "entry_us": scale * rng.uniform(0.5, 8.0),
        "turn_us": scale * rng.uniform(0.2, 1.0),
        "tick_us": step,
        "phase_us": rng.uniform(0.0, 2.0 * step),
    }
    text = ",".join(f"{name}={value:.3f}" for name, value in knobs.items())
    latency = rng.choice((0, 0, rng.randrange(1, 10), rng.randrange(10, 300)))
    return Drawn(
        seed, f"sim:clock=virtual,{text},latency_us={latency},seed={seed}", rng.random() < 0.5
    )


def run(seed: int, events: int = EVENTS) -> list[Judged]:
    """The latency and the deferral of one board, judged."""
    drawn = draw(seed)
    with tempfile.TemporaryDirectory() as folder, Session(parse_board(drawn.knobs)) as session:
        path = Path(folder, "calibration.hilcap")
        session.capture(capture_job(Case(calibration_plan(loopback=True)), session.board), path)
        calibrated = read_capture(path)
        tools = instrument(calibrated)
        session.identity = replace(session.identity, tick_resolution_us=tools.tick_us)
        kind = "hard" if drawn.hard else "soft"
        plan = CapturePlan(
            *("event_irq", "idle", (TaskPlan(0, 5_000),), 20_000),
            options={"isr_events": events, "variant": kind},
        )
        job = capture_job(Case(plan), session.board)
        path = Path(folder, "events.hilcap")
        session.capture(replace(job, statements=(*job.statements, PROBE)), path)
        told = session.run(TELL).decode()
        taken = replace(read_capture(path), calibration=calibrated.calibration)
    noted = np.array(told.partition(_LINE)[2].split(), np.int64)
    figures = {
        (figure.metric, figure.method): figure for figure in summarise_capture(taken).measurements
    }
    judged = []
    for what, metric, begin, end in (
        (f"isr, {kind}", "isr_latency_p50_us", 0, 1),
        (f"defer, {kind}", "defer_latency_p50_us", 2, 3),
    ):
        figure = figures[metric, f"loopback/{kind}"]
        truth = _median_us(noted, begin, end, events)
        ends = (figure.lo, figure.hi)
        judged.append(Judged(what, seed, tools.tick_us, truth, figure.value, *ends))
    return judged


def _median_us(noted: np.ndarray, begin: int, end: int, events: int) -> float:
    """The median time from one kind of note to the other, of the first ``events`` pairs."""
    kinds, ns = noted % 4, noted // 4
    from_ns, to_ns = ns[kinds == begin][:events], ns[kinds == end][:events]
    if not len(from_ns) == len(to_ns) == events:
        raise RuntimeError(f"noted {len(from_ns)} and {len(to_ns)} of {events} events")
    return float(np.median(to_ns - from_ns)) / 1000.0


def runs(seeds: Iterable[int], processes: int = 2, events: int = EVENTS) -> list[Judged]:
    """Every figure of all these boards."""
    with ProcessPoolExecutor(processes) as pool:
        return [
            figure for judged in pool.map(partial(run, events=events), seeds) for figure in judged
        ]


def table(judged: Sequence[Judged]) -> list[str]:
    """How often each figure's bounds held the truth and how wide they were, as Markdown."""
    rows = [
        "| figure | clock's step | runs | truth within the bounds | median width | "
        "median distance of the value |",
        "|---|---|---|---|---|---|",
    ]
    for what in (*sorted({figure.what for figure in judged}), "all"):
        for name, low, high in (("up to 4 us", 0.0, 5.0), ("10 to 30.5 us", 5.0, 99.0)):
            some = [j for j in judged if what in (j.what, "all") and low <= j.step_us < high]
            if some:
                held = sum(j.held for j in some)
                width = float(np.median([j.width for j in some]))
                off = float(np.median([abs(j.value - j.truth) for j in some]))
                rows.append(
                    f"| {what} | {name} | {len(some)} | {held} ({100 * held / len(some):.1f} %) "
                    f"| {width:.2f} us | {off:.2f} us |"
                )
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.latency_truth", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--markdown", metavar="FILE", help="write the table there as well")
    args = parser.parse_args()
    judged = runs(range(args.first, args.first + args.runs), args.processes)
    lines = table(judged)
    print("\n".join(lines))
    for figure in judged:
        if not figure.held:
            ends = f"[{figure.lo}, {figure.hi}]"
            print(f"seed {figure.seed}, {figure.what}: {figure.truth:.3f} not in {ends}")
    whole = len({figure.seed for figure in judged if not figure.held})
    share = 1.0 - whole / args.runs
    print(f"\n{args.runs} runs, both figures true in {100 * share:.1f} %")
    if args.markdown:
        page = Path(args.markdown)
        text = page.read_text(encoding="utf-8") if page.exists() else ""
        before = text.removesuffix(sections_from(page, LATENCIES)).rstrip("\n")
        told = (
            f"{args.runs} boards in virtual time, {EVENTS} events each; of {100 * share:.1f} % both"
        )
        section = (
            f"{LATENCIES}\n\nPrinted by `tox -e latency`: {told} true medians lie within their "
            "bounds. How they are made: [latency](latency.md)."
        )
        page.write_text("\n".join((before, "", section, "", *lines, "")), encoding="utf-8")
    return 0 if share >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
