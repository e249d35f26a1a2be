"""What a run measures: profiles, cases, and the request of a run as the options give it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hil.model.captures import CALIBRATE, CapturePlan, TaskPlan
from hil.model.errors import ConfigurationError
from hil.model.reset_rows import DEEP_SLEEP, KILL, RESET_OPTIONS, SOFT_RESET
from hil.model.techniques import loads_of_profile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hil.boards.backend import BoardSpec
    from hil.boards.fault_injection import FaultSpec
    from hil.experiments.workloads.user_program import UserProgram
    from hil.history.location import HistoryLocation
    from hil.model.board import Wiring
    from hil.model.budgets import Budgets

STREAMING_FROM_US = 60_000_000
POST_WINDOW_FROM_US = 1_000_000
"""Windows shorter than this are trials: nothing is measured after them."""
MIN_PERIOD_MS, MAX_PERIOD_MS = 1, 60_000
MAX_DURATION_S = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Profile:
    """How long and how much: ``isr_events`` are interrupt events per handler kind.

    ``lives`` is how often a stored plan is cut off, by the way (:mod:`hil.model.reset_rows`).
    """

    name: str
    period_us: int
    duration_us: int
    isr_events: int
    clock_pings: int
    restarts: int = 40
    callbacks: int = 390
    share: int = 6
    ways: tuple[str, ...] = ("run/2:1/10",)
    way_us: int = 1_000_000
    lives: Mapping[str, int] = field(
        default_factory=lambda: {SOFT_RESET: 6, KILL: 10, DEEP_SLEEP: 6}
    )

    @property
    def loads(self) -> tuple[str, ...]:
        """The loads that it measures unasked."""
        return loads_of_profile(self.name)


PROFILES: Mapping[str, Profile] = {
    "quick": Profile("quick", 10_000, 5_000_000, 2_000, 100),
    "nightly": Profile(
        *("nightly", 10_000, 60_000_000, 10_000, 200),
        restarts=200,
        callbacks=1000,
        share=12,
        ways=tuple(
            f"{way}/{rates}/{companions}"
            for way in ("run", "run_forever")
            for rates in ("2:1", "7:11")
            for companions in (1, 10, 50)
        ),
        way_us=4_000_000,
        lives={SOFT_RESET: 60, KILL: 520, DEEP_SLEEP: 20},
    ),
    "soak": Profile("soak", 10_000, 3_600_000_000, 100_000, 500),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One technique under one load, as a test parameter; ``plan`` says how it is captured."""

    plan: CapturePlan = field(hash=False)

    @property
    def id(self) -> str:
        """The case's name in test ids: ``technique-load``."""
        return f"{self.plan.technique}-{self.plan.load}"


def find_profile(name: str) -> Profile:
    """The profile called ``name``; :class:`~hil.model.errors.ConfigurationError` if there is
    none."""
    try:
        return PROFILES[name]
    except KeyError:
        raise ConfigurationError(
            f"--hil-profile={name}: unknown profile; known are {', '.join(PROFILES)}"
        ) from None


def chosen_names(option: str, text: str | None, known: Sequence[str]) -> tuple[str, ...]:
    """The comma-separated names in ``text``, checked against ``known``; all of them if empty."""
    if not text:
        return tuple(known)
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    for name in names:
        if name not in known:
            raise ConfigurationError(f"{option}: unknown {name!r}; known are {', '.join(known)}")
    if not names:
        raise ConfigurationError(f"{option}: name at least one of {', '.join(known)}")
    return names


def make_cases(
    profile: Profile,
    techniques: Sequence[str],
    loads: Sequence[str],
    *,
    period_ms: float | None = None,
    duration_s: float | None = None,
) -> tuple[Case, ...]:
    """Every technique under every load with the railroad lights: two equal tasks in antiphase.

    Raises :class:`~hil.model.errors.ConfigurationError` when the window holds no three periods, or
    when either is out of its range.
    """
    period_us = profile.period_us if period_ms is None else round(period_ms * 1000)
    duration_us = profile.duration_us if duration_s is None else round(duration_s * 1_000_000)
    if not MIN_PERIOD_MS * 1000 <= period_us <= MAX_PERIOD_MS * 1000:
        raise ConfigurationError(
            f"--hil-period-ms={period_us / 1000:g}: "
            f"must lie between {MIN_PERIOD_MS} and {MAX_PERIOD_MS}"
        )
    if duration_us > MAX_DURATION_S * 1_000_000:
        raise ConfigurationError(
            f"--hil-duration-s={duration_us / 1e6:g}: at most {MAX_DURATION_S} (30 days)"
        )
    if duration_us < 3 * period_us:
        raise ConfigurationError(
            f"--hil-duration-s={duration_us / 1e6:g}: too short for three periods "
            f"of {period_us / 1000:g} ms"
        )
    tasks = (TaskPlan(0, period_us), TaskPlan(1, period_us))
    return tuple(
        Case(
            CapturePlan(
                technique=technique,
                load=load,
                tasks=tasks,
                duration_us=duration_us,
                streaming=duration_us > STREAMING_FROM_US,
                options=_options(technique, load, profile, duration_us, period_us),
            )
        )
        for load in loads
        for technique in techniques
    )


def _options(
    technique: str, load: str, profile: Profile, duration_us: int, period_us: int
) -> dict[str, int | str]:
    options: dict[str, int | str] = {"pings": profile.clock_pings}
    if technique == "event_irq":
        options["isr_events"] = profile.isr_events
    if technique == "periodic_operator":
        options["restarts"] = profile.restarts
    if duration_us < POST_WINDOW_FROM_US:
        return options
    if technique in ("timer_soft", "timer_hard"):
        options["callbacks"] = profile.callbacks
    if technique == "timer_hard":
        options["counter_events"] = profile.isr_events
    if technique == "asyncio_sleep":
        options |= {"ways": ",".join(profile.ways), "way_us": profile.way_us}
    if technique == "aioschedule":
        options |= {"schedules": "planned,drifting,serial,usual", "schedule_us": profile.way_us}
        if load == "idle":  # the load is gone with the first reset
            options |= {RESET_OPTIONS[mode]: count for mode, count in profile.lives.items()}
    if load != "web":  # a server that ends and begins with every window would be measured, not left
        options |= {"share": profile.share, "share_us": max(50_000, min(5 * period_us, 1_000_000))}
    return options


_EVENT_S = 4 * 0.005
"""Four series, each event waited for; under a load that rarely gives way it takes milliseconds."""
_CALLBACK_S = 5 * 2 * 0.002
_RESTART_S = 0.05


def extra_s(plan: CapturePlan) -> float:
    """Generous time for what ``plan`` measures beside its window, in seconds."""

    def count(name: str) -> int:
        value = plan.options.get(name, 0)
        return value if isinstance(value, int) else len(value.split(","))

    return (
        (count("isr_events") + count("counter_events")) * _EVENT_S
        + count("callbacks") * _CALLBACK_S
        + count("restarts") * _RESTART_S
        + 2e-6 * count("ways") * count("way_us")
        + 2e-6 * count("schedules") * count("schedule_us")
        + 2e-6 * (2 * count("share") + 1) * count("share_us")
    )


def agent_case(
    name: str,
    periods_us: Sequence[int],
    profile: Profile,
    *,
    period_ms: float | None = None,
    duration_s: float | None = None,
) -> Case:
    """The one case of a user's own program; ``periods_us`` is what it says of itself, if it does.

    Errors as for :func:`make_cases`.
    """
    given = period_ms is not None or not periods_us
    shortest = period_ms if given else min(periods_us) / 1000
    (case,) = make_cases(profile, [name], ["idle"], period_ms=shortest, duration_s=duration_s)
    periods = [case.plan.tasks[0].period_us] if given else list(periods_us)
    tasks = tuple(TaskPlan(index, period) for index, period in enumerate(periods))
    return Case(
        replace(case.plan, tasks=tasks, streaming=False, options={"pings": profile.clock_pings})
    )


def calibration_plan() -> CapturePlan:
    """The capture in which the instrument measures itself, at the start of a run."""
    return CapturePlan(CALIBRATE, "idle", (), 0)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line asked for, checked."""

    boards: tuple[BoardSpec, ...]
    profile: Profile
    cases: tuple[Case, ...]
    out: Path
    budgets: Budgets
    wiring: Wiring | None
    agent: UserProgram | None = None
    faults: FaultSpec | None = None
    history: HistoryLocation | None = None
    compare: str | None = None
