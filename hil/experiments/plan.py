"""What a run measures: profiles, cases, the job of each capture, and the request of a run."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hil.agents import bundle
from hil.agents.deploy import agent_config
from hil.experiments.registry import chosen_workloads, unasked_options, window_options
from hil.model.board import SMALL_HEAP
from hil.model.captures import CALIBRATE, CapturePlan, TaskPlan
from hil.model.errors import CapabilityMissing, ConfigurationError
from hil.model.known_names import unknown_name
from hil.model.techniques import loads_of_profile, why_no_pace
from hil.protocol.capture_limits import MAX_STAMPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from hil.boards.backend import BoardSpec
    from hil.boards.fault_injection import FaultSpec
    from hil.experiments.workload import MeasuredBoard, Options, Workload
    from hil.experiments.workloads.user_program import UserProgram
    from hil.history.location import HistoryLocation
    from hil.model.board import Wiring
    from hil.model.budgets import Budgets
    from hil.model.edge_sources import EdgeSourceSpec
    from hil.model.program_files import ProgramFile
    from hil.model.user_programs import PeriodSource

LOOPBACK = "loopback"
STREAMING_FROM_US = 60_000_000
"""A window longer than this sends its stamps while it is open."""
WINDOWS, MOST_WINDOWS = 3, 10
"""In how many windows a case is measured unasked, and at most."""
LEAST_PERIODS = 3
"""The least periods that a window holds."""
LEAST_PROGRAM_US = 5_000_000
"""How long a program of the user's own runs unasked in each window, at least.

It is started anew for each of them, so what begins late in it is seen in no shorter one.
"""
MIN_PERIOD_MS, MAX_PERIOD_MS = 1, 60_000
MAX_DURATION_S = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Profile:
    """How long a case is measured, and under which loads; each workload says how much by the name.

    ``duration_us`` is the time of all windows of a case together.
    """

    name: str
    period_us: int
    duration_us: int

    @property
    def loads(self) -> tuple[str, ...]:
        """The loads that it measures unasked."""
        return loads_of_profile(self.name)


PROFILES: Mapping[str, Profile] = {
    "quick": Profile("quick", 10_000, 5_100_000),
    "nightly": Profile(
        *("nightly", 10_000, 60_000_000),
    ),
    "soak": Profile("soak", 10_000, 3_600_000_000),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One technique under one load, as a test parameter; ``plan`` says how it is captured.

    It is measured in ``plan.windows`` windows of ``plan.duration_us`` each, :meth:`in_window` is
    one of them. ``program`` is the user's own, which is measured in the technique's place. A stored
    case was measured ``attempts`` times.
    """

    plan: CapturePlan = field(hash=False)
    program: UserProgram | None = field(default=None, compare=False, repr=False)
    attempts: int = field(default=1, compare=False)

    @property
    def id(self) -> str:
        """The case's name in test ids: ``technique-load``."""
        return f"{self.plan.technique}-{self.plan.load}"

    @property
    def measured_s(self) -> float:
        """The length of all windows together, in seconds."""
        return self.plan.windows * self.plan.duration_us / 1e6

    def in_attempt(self, number: int) -> Case:
        """The same once more, after it was measured ``number`` times."""
        return replace(self, plan=replace(self.plan, attempt=number))

    def in_window(self, number: int) -> Case:
        """What is measured in window ``number``, from 0 on; what follows a window, in the last."""
        options = window_options(self, number)
        return replace(self, plan=replace(self.plan, window=number, options=options))


def find_profile(name: str) -> Profile:
    """The profile called ``name``; :class:`~hil.model.errors.ConfigurationError` if there is
    none."""
    try:
        return PROFILES[name]
    except KeyError:
        raise ConfigurationError(
            f"--hil-profile: {unknown_name('profile', name, PROFILES)}"
        ) from None


def chosen_names(option: str, text: str | None, known: Sequence[str]) -> tuple[str, ...]:
    """The comma-separated names in ``text``, checked against ``known``; all of them if empty."""
    if not text:
        return tuple(known)
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    for name in names:
        if name not in known:
            raise ConfigurationError(
                f"{option}: {unknown_name(option.rpartition('-')[2], name, known)}"
            )
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
    windows: int = WINDOWS,
) -> tuple[Case, ...]:
    """Every technique under every load with the railroad lights: two equal tasks in antiphase.

    ``duration_s`` is the time of a case in all; where it holds fewer than three periods for each of
    ``windows``, there are fewer windows. Raises :class:`~hil.model.errors.ConfigurationError` when
    it holds no three periods, or when one of the numbers is out of its range.
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
    _check_windows(windows)
    if duration_us < LEAST_PERIODS * period_us:
        raise ConfigurationError(
            f"--hil-duration-s={duration_us / 1e6:g}: too short for three periods "
            f"of {period_us / 1000:g} ms"
        )
    tasks = (TaskPlan(0, period_us), TaskPlan(1, period_us))
    count = window_count(duration_us, period_us, windows)
    length_us = duration_us // count
    stamps = len(tasks) * (length_us // period_us)
    if stamps > MAX_STAMPS:
        raise ConfigurationError(
            f"--hil-duration-s={duration_us / 1e6:g}: {stamps:,} stamps in a window are more than "
            f"the {MAX_STAMPS:,} that it may have; use a longer period or more --hil-windows"
        )
    streaming = length_us > STREAMING_FROM_US
    bare = (
        Case(CapturePlan(technique, load, tasks, length_us, streaming=streaming, windows=count))
        for load in loads
        for technique in techniques
    )
    return tuple(Case(replace(case.plan, options=unasked_options(case, profile))) for case in bare)


def _check_windows(windows: int) -> None:
    if not 1 <= windows <= MOST_WINDOWS:
        raise ConfigurationError(f"--hil-windows={windows}: must lie between 1 and {MOST_WINDOWS}")


def window_count(duration_us: int, period_us: int, wanted: int) -> int:
    """In how many of ``wanted`` windows a case is measured: each holds three periods at least."""
    return max(1, min(wanted, duration_us // (LEAST_PERIODS * period_us)))


def extra_s(case: Case) -> float:
    """Generous time for what a case measures beside its window, in seconds."""
    return _limit_s(chosen_workloads(case))


def _limit_s(workloads: Iterable[tuple[Workload, Options]]) -> float:
    """The longest time that these workloads take beside the window, one after the other."""
    return sum(workload.limit_s(options) for workload, options in workloads)


def agent_case(
    program: UserProgram,
    profile: Profile,
    *,
    period_ms: float | None = None,
    duration_s: float | None = None,
    windows: int = WINDOWS,
) -> Case:
    """The case of a user's own program, at the periods that it says of itself, if it does.

    ``duration_s`` is how long it runs in each window, for which it is started anew. Errors as for
    :func:`make_cases`.
    """
    if period_ms is not None and len(program.periods_us) > 1:
        raise ConfigurationError(
            f"--hil-period-ms={period_ms:g}: {program.file} names its own periods, one a task; "
            "leave the option out"
        )
    given = period_ms is not None or not program.periods_us
    shortest = period_ms if given else min(program.periods_us) / 1000
    _check_windows(windows)
    unasked_us = max(LEAST_PROGRAM_US, profile.duration_us // windows)
    (case,) = make_cases(
        *(profile, [program.name], ["idle"]),
        period_ms=shortest,
        duration_s=unasked_us / 1e6 if duration_s is None else duration_s,
        windows=1,
    )
    periods = [case.plan.tasks[0].period_us] if given else list(program.periods_us)
    length_us = case.plan.duration_us
    if length_us < LEAST_PERIODS * max(periods):
        raise ConfigurationError(
            f"{program.file}: the window of {length_us / 1e6:g} s is too short for "
            f"three periods of {max(periods) / 1000:g} ms; use --hil-duration-s"
        )
    names = program.names or ("",) * len(periods)
    tasks = tuple(
        TaskPlan(index, period, name=name)
        for index, (period, name) in enumerate(zip(periods, names, strict=True))
    )
    source: PeriodSource = "option" if period_ms is not None else "profile" if given else "header"
    # nothing follows a program of the user's
    options = {"pings": case.plan.options["pings"], **program.options(source)}
    plan = replace(case.plan, tasks=tasks, windows=windows, streaming=False, options=options)
    return Case(plan, program)


def calibration_plan(*, loopback: bool = False) -> CapturePlan:
    """The capture in which the instrument measures itself, at the start of a run.

    With ``loopback`` it also writes the loopback's output many times. Nothing else does that in a
    run without events, and what is connected there may mind.
    """
    return CapturePlan(CALIBRATE, "idle", (), 0, options={"set_pin": 1} if loopback else {})


def uses_loopback(case: Case) -> bool:
    """Whether the case makes events over the loopback; a program of the user's own does not."""
    technique = case.plan.technique
    known = technique in bundle.technique_names()
    return known and LOOPBACK in bundle.needed_capabilities(technique)


_WINDOW_SLACK_S = 30.0
_IDLE_SLACK_S = 15.0
_PROGRAM_S, _PROGRAM_PER_SLOWNESS_S, _PROGRAM_BITS = 30.0, 20.0, 2_000_000
"""How long a program may be on its way to a board: 100 kB, twice as slow as its line is."""
_STAGES = 4
"""On a small heap a capture is several programs, one after the other."""
_BITS_PER_BYTE = 10
_BYTES_PER_STAMP = 4
_STREAM_STAMPS = 2048
"""Room of a streaming recorder, both halves together."""


@dataclass(frozen=True, slots=True)
class CaptureJob:
    """Everything that a capture needs, settled before anything is sent to the board.

    ``program`` is the technique or what takes its place, ``after_files`` follow its window,
    ``statements`` are executed before it is started with ``config``. ``interrupt``: it does not end
    by itself. ``files`` are stored with the capture. ``limit_s`` bounds the whole capture,
    ``idle_limit_s`` the time without a frame in it; a slow board's own time may be slow, too, so
    both have its factor throughout. ``case_limit_s`` bounds all of the job, from the first byte of
    the program to the end of what follows the window.
    """

    plan: CapturePlan
    program: str
    config: Mapping[str, object] = field(repr=False)
    workloads: tuple[tuple[Workload, Options], ...]
    after_files: tuple[str, ...]
    statements: tuple[str, ...]
    interrupt: bool
    files: tuple[ProgramFile, ...]
    limit_s: float
    idle_limit_s: float
    case_limit_s: float


def post_window_files(workloads: Iterable[tuple[Workload, Options]]) -> tuple[str, ...]:
    """The device files that follow the window, in their order."""
    return tuple(
        workload.device_file for workload, _ in workloads if workload.device_file is not None
    )


def capture_job(case: Case, board: MeasuredBoard) -> CaptureJob:
    """What is to be done on ``board`` for ``case``; nothing is sent.

    Raises :class:`~hil.model.errors.CapabilityMissing` when the board can't run it,
    :class:`~hil.model.errors.BoardBrokenError` when it was given up, and
    :class:`~hil.model.errors.ConfigurationError` for a file of the user's that is wrong.
    """
    board.connection.check()
    plan = case.plan
    have = set(board.identity.capabilities)
    workloads = tuple(
        (workload, options)
        for workload, options in chosen_workloads(case)
        if have.issuperset(needed_words(workload))
    )
    setups = [workload.setup(board, case) for workload, _ in workloads]
    program = next((setup.program for setup in setups if setup.program), plan.technique)
    bundle.require_capabilities(program, plan.load, have, board.why_missing)
    times_us = [time for task in plan.tasks for time in (task.period_us, task.phase_us)]
    if (reason := why_no_pace(program, times_us)) is not None:
        raise CapabilityMissing(reason)
    config = dict(agent_config(plan, board.wiring, board.identity))
    for setup in setups:
        config.update(setup.config)
    window_s, slow = plan.duration_us / 1e6, board.connection.repl.slowness
    more_s = _limit_s(workloads)
    baudrate = board.connection.spec.baudrate
    limit_s = (2 * window_s + more_s + _WINDOW_SLACK_S) * slow + _transfer_s(plan, baudrate)
    after_s = sum(workload.after_limit_s(options) for workload, options in workloads)
    stages = _STAGES if SMALL_HEAP in have else 1
    statements = tuple(code for setup in setups for code in setup.statements)
    return CaptureJob(
        plan=plan,
        program=program,
        config=config,
        workloads=workloads,
        after_files=post_window_files(workloads),
        statements=statements,
        interrupt=any(setup.interrupt for setup in setups),
        files=tuple(file for setup in setups for file in setup.files),
        limit_s=limit_s,
        idle_limit_s=(min(window_s, _silent_s(plan)) + more_s + _IDLE_SLACK_S) * slow,
        case_limit_s=stages * limit_s
        + _PROGRAM_S
        + (_PROGRAM_PER_SLOWNESS_S + after_s) * slow
        + (_PROGRAM_BITS + 2 * _BITS_PER_BYTE * sum(map(len, statements))) / baudrate,
    )


def needed_words(workload: Workload) -> tuple[str, ...]:
    """The capability words that a workload and its device file ask for."""
    file = workload.device_file
    return (*workload.needs, *(bundle.file_needs(file) if file else ()))


def _silent_s(plan: CapturePlan) -> float:
    """How long an agent may send nothing in its window: one that streams fills a half meanwhile."""
    if not plan.streaming:
        return math.inf
    longest_us = max((task.period_us for task in plan.tasks), default=0)
    stamps = int(plan.options.get("capacity", _STREAM_STAMPS))
    return stamps * longest_us / 1e6


def _transfer_s(plan: CapturePlan, baudrate: int) -> float:
    """Generous time to send the stamps over a slow UART after the window."""
    stamps = sum(plan.duration_us // task.period_us + 1 for task in plan.tasks)
    return 3 * stamps * _BYTES_PER_STAMP * _BITS_PER_BYTE / baudrate


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line asked for, checked."""

    boards: tuple[BoardSpec, ...]
    profile: Profile
    cases: tuple[Case, ...]
    out: Path
    budgets: Budgets
    wiring: Wiring | None
    faults: FaultSpec | None = None
    history: HistoryLocation | None = None
    compare: str | None = None
    seed: int | None = None
    """Of the order in which the windows are measured; by the run's id where it is not given."""
    undecided_fails: bool = False
    edges: tuple[EdgeSourceSpec, ...] = ()
    """The instruments that see edges, and the files that are recorded beside the run."""
    expected: tuple[str, ...] = ()
    """The boards that have to be there, by any of their names; one that is not is an error."""
