"""The tables of scheduling techniques, background loads and compared methods.

Nothing is read from files, so that a budgets file, a stored ``results.json`` and the report are
checked against the same tables. A new technique or load is a row here and a file of its name in
``device_agents/techniques`` or ``device_agents/loads``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Releases = Literal["queued", "in order"]
ProfileName = Literal["quick", "nightly", "soak"]
ASYNCIO_STEP_US = 1000.0
"""asyncio waits by a clock of whole milliseconds."""


@dataclass(frozen=True, slots=True)
class Technique:
    """One way of scheduling; ``description`` says where the task runs.

    ``releases``: ``in order`` where the task itself waits and then runs again, so that the n-th
    activation answers the n-th release however late; ``queued`` where a release that finds its
    queue full is lost. ``resolution_us`` is the step of the clock that it waits by: where in one
    step a run begins is chance, and so is that much of its lateness (0: the board's own clock).
    A ``naive`` one is written as the usual tutorials write it: its drift is a finding, not a fault.
    ``most_hz``: something makes its pace whose frequency is a whole number of hertz, so many at
    most (0: it takes any period).
    """

    name: str
    description: str
    releases: Releases = "queued"
    resolution_us: float = 0.0
    naive: bool = False
    most_hz: int = 0


@dataclass(frozen=True, slots=True)
class Load:
    """What goes on beside the task, and the profiles that measure it unasked."""

    name: str
    description: str
    profiles: frozenset[ProfileName] = frozenset({"nightly"})


@dataclass(frozen=True, slots=True)
class Method:
    """How figures beside a technique's own were measured.

    ``pattern`` matches whole names (a regular expression); ``description`` may refer to its groups.
    A ``variant`` is compared with others: it is a finding, and no figure of the technique itself.
    ``releases`` and ``resolution_us`` are those of its series (:class:`Technique`).
    """

    pattern: str
    description: str
    variant: bool = True
    releases: Releases = "queued"
    resolution_us: float = 0.0


_TECHNIQUES = (
    Technique(
        "round_robin",
        "one endless loop calls every task in turn, then sleeps a fixed delay (naive)",
        releases="in order",
        naive=True,
    ),
    Technique(
        "round_robin_irq", "the same loop for the soft tasks, the urgent task in an interrupt"
    ),
    Technique("timer_soft", "a periodic timer's soft callback, one timer per task"),
    Technique("timer_hard", "a periodic timer's hard callback, one timer per task"),
    Technique(
        "timer_oneshot", "a one-shot timer that re-arms itself to the next absolute deadline"
    ),
    Technique("periodic_operator", "a periodic timer started and stopped through a wrapper object"),
    Technique(
        "thread",
        "a thread of its own that toggles, then sleeps one period (naive)",
        releases="in order",
        naive=True,
    ),
    Technique("event_irq", "a pin interrupt, the work deferred by micropython.schedule"),
    Technique(
        "pio_irq", "a PIO state machine's interrupt; it sets the pace, one state machine per task"
    ),
    Technique(
        "pwm_irq",
        "a hard pin interrupt by a looped-back PWM output, whose edges set the pace",
        releases="in order",
        most_hz=5000,
    ),
    Technique("cooperative", "a task table driven by one timer tick"),
    Technique(
        "asyncio_sleep",
        "a coroutine that toggles, then awaits a sleep of one period (naive)",
        releases="in order",
        resolution_us=ASYNCIO_STEP_US,
        naive=True,
    ),
    Technique(
        "asyncio_deadline",
        "a coroutine that sleeps to an absolute deadline",
        resolution_us=ASYNCIO_STEP_US,
    ),
    Technique("asyncio_flag", "a coroutine that waits for a ThreadSafeFlag set by a timer"),
    Technique("aioschedule", "a job of the persistent asynchronous scheduler"),
)
TECHNIQUES: dict[str, Technique] = {technique.name: technique for technique in _TECHNIQUES}
"""The techniques by name, in the order in which they are shown."""
_LOADS = (
    Load("idle", "nothing else runs", frozenset({"quick", "nightly", "soak"})),
    Load("cpu", "arithmetic in the main program"),
    Load("gc", "garbage is made and collected"),
    Load("print", "text is printed all the time"),
    Load("flash", "the file system is written"),
    Load("irq", "other interrupts fire"),
    Load("web", "a small web server answers requests"),
)
LOADS: dict[str, Load] = {load.name: load for load in _LOADS}
"""The loads by name, in the order in which they are shown."""

PWM_REFERENCE = "reference/pwm"
"""The method of the figures of a PWM's own edges."""
METHODS = (
    Method("callback/global", "state in global variables"),
    Method("callback/closure", "state in a closure"),
    Method("callback/bound_method", "method of an object, bound once; two objects, pins and rates"),
    Method("callback/allocating", "takes heap, catches MemoryError and goes on"),
    Method("callback/swapped", "replaced half-way by init(): before (0), after (1)"),
    Method("timer/virtual", "a virtual timer, Timer(-1)"),
    Method("timer/numbered", "a numbered timer, Timer(n)"),
    Method("timer/one_shot", "a one-shot timer, re-armed by its callback; a lost callback ends it"),
    Method(
        "survival/soft_reset", "its stored plan, interrupted and reset softly at random moments"
    ),
    Method(
        "survival/kill", "its stored plan, the board killed at random moments, mostly in a save"
    ),
    Method(
        "survival/deepsleep", "its stored plan on a board that boots, runs what is due and sleeps"
    ),
    Method(
        "schedule/planned", "the scheduler beside a busy and a slow job: runs planned, jobs apart"
    ),
    Method(
        "schedule/drifting",
        "the same, the next run counted from the last late start",
        releases="in order",
    ),
    Method("schedule/serial", "the same, one job after the other"),
    Method(
        "schedule/usual",
        "the same, drifting and serial, as the usual library does it",
        releases="in order",
    ),
    Method(r"critical/(.*?)(?:us)?", r"main program keeps interrupts off for \1 us at a time"),
    Method(
        "asyncio/([^/]*)/?([^/]*)/?(.*)",
        r"\1, two blinkers at \2, \3 busy companions",
        resolution_us=ASYNCIO_STEP_US,
    ),
    Method(
        PWM_REFERENCE,
        "the edges of the PWM itself, by an instrument: the best that the chip can do",
        releases="in order",
    ),
    *(Method(f"{kind}/.*", "") for kind in ("callback", "timer", "survival", "schedule")),
    Method("web/loop/.*", "a loop with sockets", variant=False),
    Method("web/asyncio/.*", "asyncio", variant=False),
)
"""The methods that have a meaning of their own; the first that matches counts."""
_PLAIN = Method(".*", "", variant=False)


def find_technique(name: str) -> Technique:
    """The technique of this name; a user's own program counts as one that may lose releases."""
    return TECHNIQUES.get(name) or Technique(name, "")


def why_no_pace(technique: str, times_us: Iterable[int]) -> str | None:
    """Why a technique can't keep these periods and phases, ``None`` if it can."""
    most_hz = find_technique(technique).most_hz
    base_us = math.gcd(*times_us)
    if not most_hz or 1_000_000 // math.gcd(base_us, 1_000_000) <= most_hz:
        return None
    return (
        f"no whole number of hertz up to {most_hz} has an edge every {base_us / 1000:g} ms; "
        "choose another --hil-period-ms"
    )


@lru_cache(maxsize=1024)
def find_method(name: str | None) -> Method:
    """What is known of a method; ``None`` is the technique itself."""
    for method in METHODS if name else ():
        if re.fullmatch(method.pattern, name or "", re.DOTALL):
            return method
    return _PLAIN


def is_variant(method: str | None) -> bool:
    """Whether a figure compares a variant, and is no figure of the technique itself."""
    return find_method(method).variant


def describe_method(name: str) -> str:
    """What a method varies, in plain words."""
    method = find_method(name)
    match = re.fullmatch(method.pattern, name, re.DOTALL)
    return match.expand(method.description) if match else ""


def method_rank(name: str) -> tuple[int, str]:
    """Sort key: methods in the order of their rows, those of one row by name."""
    patterns = [method.pattern for method in METHODS]
    pattern = find_method(name).pattern
    return (patterns.index(pattern) if pattern in patterns else len(patterns), name)


def is_queued(technique: str, method: str | None) -> bool:
    """Whether releases may be lost: of a technique, or of a series beside it by its method."""
    return find_technique(technique).releases == find_method(method).releases == "queued"


@lru_cache(maxsize=1024)
def resolution_us(technique: str, method: str | None) -> float:
    """The step of the clock that a figure's series waited by, in us (0: the board's own clock)."""
    return (find_method(method) if method else find_technique(technique)).resolution_us


def loads_of_profile(profile: str) -> tuple[str, ...]:
    """The loads that a profile measures unasked, in their order."""
    return tuple(load.name for load in LOADS.values() if profile in load.profiles)


def technique_rank(name: str) -> tuple[int, str]:
    """Sort key: the known techniques in their order, then the others by name."""
    return _rank(TECHNIQUES, name)


def load_rank(name: str) -> tuple[int, str]:
    """Sort key: the known loads in their order, then the others by name."""
    return _rank(LOADS, name)


def _rank(table: dict[str, Technique] | dict[str, Load], name: str) -> tuple[int, str]:
    names = list(table)
    return (names.index(name) if name in table else len(names), name)
