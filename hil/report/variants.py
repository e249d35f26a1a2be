"""The table of variants: what was compared beside a technique, one row for each method and task."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hil.metrics import is_variant, load_rank, technique_rank
from hil.records import Measurement

COLUMNS: tuple[tuple[str, str], ...] = (
    ("lateness_p50_us", "lateness p50"),
    ("lateness_p99_us", "lateness p99"),
    ("lateness_max_us", "lateness max"),
    ("period_jitter_rms_us", "jitter rms"),
    ("schedule_drift_ppm", "drift"),
    ("missed", "missed"),
    ("callback_bytes", "heap a call"),
    ("callback_errors", "no memory"),
    ("callbacks_after_stop", "after its end"),
    ("jobs_lost", "jobs lost"),
    ("jobs_run_twice", "run twice"),
    ("jobs_late", "run late"),
    ("wake_error_us", "wake error"),
)
ABOUT: dict[str, str] = {
    "callback/global": "state in global variables",
    "callback/closure": "state in a closure",
    "callback/bound_method": "method of an object, bound once; two objects, pins and rates",
    "callback/allocating": "takes heap, catches MemoryError and goes on",
    "callback/swapped": "replaced half-way by init(): before (0), after (1)",
    "timer/virtual": "a virtual timer, Timer(-1)",
    "timer/numbered": "a numbered timer, Timer(n)",
    "timer/one_shot": "a one-shot timer, re-armed by its callback; a lost callback ends it",
    "survival/soft_reset": "its stored plan, interrupted and reset softly at random moments",
    "survival/kill": "its stored plan, the board killed at random moments, mostly in a save",
    "survival/deepsleep": "its stored plan on a board that boots, runs what is due and sleeps",
    "schedule/planned": "the scheduler beside a busy and a slow job: runs planned, jobs apart",
    "schedule/drifting": "the same, the next run counted from the last late start",
    "schedule/serial": "the same, one job after the other",
    "schedule/usual": "the same, drifting and serial, as the usual library does it",
}


@dataclass(frozen=True, slots=True)
class VariantRow:
    """One variant; ``cells`` by metric."""

    where: str
    method: str
    about: str
    task: int
    n: int
    cells: dict[str, Measurement]


def variant_rows(measurements: Iterable[Measurement]) -> list[VariantRow]:
    """Rows in the order of boards, loads, techniques and methods.

    Figures of a variant without a task stand in the row of its first task.
    """
    groups: dict[tuple[str, str, str, str], dict[int, dict[str, Measurement]]] = {}
    for one in measurements:
        if one.method is not None and is_variant(one.method):
            tasks = groups.setdefault((one.board, one.load, one.technique, one.method), {})
            tasks.setdefault(one.task or 0, {})[one.metric] = one
    rows = []
    boards = list(dict.fromkeys(key[0] for key in groups))
    for key in sorted(
        groups,
        key=lambda key: (boards.index(key[0]), load_rank(key[1]), technique_rank(key[2]), key[3]),
    ):
        board, load, technique, method = key
        for task, cells in sorted(groups[key].items()):
            n = max((one.n for one in cells.values() if one.metric.startswith("late")), default=0)
            n = n or max(one.n for one in cells.values())
            where = f"{technique}, {load}, {board}"
            rows.append(VariantRow(where, method, about(method), task, n, cells))
    return rows


def about(method: str) -> str:
    """What a method varies, in plain words."""
    kind, _, rest = method.partition("/")
    if kind == "critical":
        return f"main program keeps interrupts off for {rest.removesuffix('us')} us at a time"
    if kind == "asyncio":
        way, _, more = rest.partition("/")
        rates, _, companions = more.partition("/")
        return f"{way}, two blinkers at {rates}, {companions} busy companions"
    return ABOUT.get(method, "")
