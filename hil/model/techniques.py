"""The tables of scheduling techniques, background loads and compared methods.

A leaf: nothing is read from files, so that a budgets file, a stored ``results.json`` and the report
are checked against the same list.
"""

from __future__ import annotations

TECHNIQUES: dict[str, str] = {
    "round_robin": "one endless loop calls every task in turn, then sleeps a fixed delay (naive)",
    "round_robin_irq": "the same loop for the soft tasks, the urgent task in an interrupt",
    "timer_soft": "a periodic timer's soft callback, one timer per task",
    "timer_hard": "a periodic timer's hard callback, one timer per task",
    "timer_oneshot": "a one-shot timer that re-arms itself to the next absolute deadline",
    "periodic_operator": "a periodic timer started and stopped through a wrapper object",
    "thread": "a thread of its own that toggles, then sleeps one period (naive)",
    "event_irq": "a pin interrupt, the work deferred by micropython.schedule",
    "cooperative": "a task table driven by one timer tick",
    "asyncio_sleep": "a coroutine that toggles, then awaits a sleep of one period (naive)",
    "asyncio_deadline": "a coroutine that sleeps to an absolute deadline",
    "asyncio_flag": "a coroutine that waits for a ThreadSafeFlag set by a timer",
    "aioschedule": "a job of the persistent asynchronous scheduler",
}
"""Technique name -> where the task runs, in the order in which they are shown."""
NAIVE_TECHNIQUES = frozenset({"round_robin", "thread", "asyncio_sleep"})
"""Written as the usual tutorials write them: their drift is a finding, not a fault."""
MILLISECOND_TECHNIQUES = frozenset({"asyncio_sleep", "asyncio_deadline"})
"""They wait by asyncio's clock of whole milliseconds: where in one they begin is chance, and so is
that much of their lateness."""
LOADS: dict[str, str] = {
    "idle": "nothing else runs",
    "cpu": "arithmetic in the main program",
    "gc": "garbage is made and collected",
    "print": "text is printed all the time",
    "flash": "the file system is written",
    "irq": "other interrupts fire",
    "web": "a small web server answers requests",
}
"""Load name -> what goes on beside the task, in the order in which they are shown."""
NAIVE_METHODS = frozenset({"schedule/drifting", "schedule/usual"})
"""Variants that drift by the way they are written, as naive techniques do."""
VARIANT_METHODS = ("callback/", "timer/", "critical/", "asyncio/", "schedule/", "survival/")
"""How the methods begin that compare variants beside a technique: findings, without a budget."""


def is_variant(method: str | None) -> bool:
    """Whether a figure compares a variant, and is no figure of the technique itself."""
    return method is not None and method.startswith(VARIANT_METHODS)


def technique_rank(name: str) -> tuple[int, str]:
    """Sort key: the known techniques in their order, then the others by name."""
    return _rank(list(TECHNIQUES), name)


def load_rank(name: str) -> tuple[int, str]:
    """Sort key: the known loads in their order, then the others by name."""
    return _rank(list(LOADS), name)


def _rank(order: list[str], name: str) -> tuple[int, str]:
    return (order.index(name) if name in order else len(order), name)


METHOD_DESCRIPTIONS: dict[str, str] = {
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


def describe_method(method: str) -> str:
    """What a method varies, in plain words."""
    kind, _, rest = method.partition("/")
    if kind == "critical":
        return f"main program keeps interrupts off for {rest.removesuffix('us')} us at a time"
    if kind == "asyncio":
        way, _, more = rest.partition("/")
        rates, _, companions = more.partition("/")
        return f"{way}, two blinkers at {rates}, {companions} busy companions"
    return METHOD_DESCRIPTIONS.get(method, "")
