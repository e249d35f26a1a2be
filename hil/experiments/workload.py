"""The protocol of a workload: one experiment beside a technique, in its place, or after it.

A workload knows everything about itself: for which cases it is planned and with which options, its
code on the board, its channels, its time, what the host does for it, and its figures. Implement it
by inheriting from :class:`Workload`, and add an instance to
:data:`hil.experiments.registry.WORKLOADS`. What has a body here is the usual case and need not be
written anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from hil.recording.interfaces import Companion

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hil.analysis.clock import Instrument
    from hil.analysis.metric_sheet import MetricSheet
    from hil.boards.backend import BoardTraits
    from hil.boards.connection import Connection
    from hil.experiments.plan import Case, Profile
    from hil.model.board import BoardIdentity, Wiring
    from hil.model.captures import Capture, CapturePlan, Channel
    from hil.model.errors import HilError
    from hil.model.program_files import ProgramFile

_T = TypeVar("_T")
Options = Mapping[str, int | str]
"""Options of a plan by name: they go to the board, and into the capture."""
ChannelWriter = Callable[["Channel", Sequence[int]], None]
"""Stores numbers that the host took in a channel of values or records."""

TRIAL_US = 1_000_000
"""Windows that are together shorter than this are trials: little is measured after them."""


@dataclass(frozen=True, slots=True)
class MeasuredBoard:
    """An open board as a workload sees it.

    Before a workload resets the board it calls ``before_reset``: nothing of the harness is on it
    afterwards. ``why_missing`` says of capability words why this board lacks them.
    """

    identity: BoardIdentity
    wiring: Wiring
    connection: Connection
    before_reset: Callable[[], None]
    why_missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def traits(self) -> BoardTraits:
        """What to know of the board beside its capabilities."""
        return self.connection.traits


@dataclass(frozen=True, slots=True)
class AgentSetup:
    """What a workload adds to the agent that is started, beside its options; nothing is stored.

    ``program`` is the program that runs in the technique's place, ``statements`` are executed
    before it is started, ``config`` is added to the agent's configuration. ``interrupt``: the
    program does not end by itself, and may leave timers running. ``files`` are stored with the
    capture, so that it can be explained later.
    """

    config: Mapping[str, object] = field(default_factory=dict, repr=False)
    program: str | None = None
    statements: tuple[str, ...] = ()
    interrupt: bool = False
    files: tuple[ProgramFile, ...] = ()


class WorkloadCompanion(Companion, Protocol):
    """The host's part while the window is open."""

    def close(self) -> None:
        """End it, and wait until it has ended."""

    def keep(self, keep: ChannelWriter) -> None:
        """Store what it took; called once it is closed."""


class Workload(Protocol):
    """One experiment. ``name`` is two or three plain words.

    ``needs`` are capability words beside those in the first line of ``device_file``; a board that
    lacks one of them does not run it. ``device_file`` follows the window on the board: a file below
    ``device_agents`` with a function ``after(job, run)``. ``option_names`` are the names of its
    options, the first of which switches it on. ``channels`` are those that it writes, on the board
    or on the host. One that ``runs_last`` follows the others on the board: either would disturb the
    other. A case is measured in several windows; the options are those of the last one only, so
    that what it leaves behind disturbs no other, unless it belongs to ``every_window``.
    """

    name: str
    needs: tuple[str, ...] = ()
    device_file: str | None = None
    option_names: tuple[str, ...] = ()
    channels: tuple[Channel, ...] = ()
    runs_last: bool = False
    every_window: bool = False

    def options(self, case: Case, profile: Profile) -> Options | None:
        """The options of a case that a run plans unasked; ``None`` if it does not belong to it."""
        return None

    def chosen(self, case: Case) -> Options | None:
        """Its own options among those of a planned case; ``None`` where it has no part in it."""
        given = case.plan.options
        if not self.option_names or not given.get(self.option_names[0]):
            return None
        return {name: given[name] for name in self.option_names if name in given}

    def in_window(self, options: Options, number: int) -> Options:
        """Its options in window ``number`` of a case, where they are not the same in each."""
        return options

    def limit_s(self, options: Options) -> float:
        """The longest time that it may take beside the window; be generous."""
        return 0.0

    def usual_s(self, options: Options) -> float:
        """How long it usually takes beside the window, for who waits; no limit follows from it."""
        return 0.0

    def after_limit_s(self, options: Options) -> float:
        """The longest time that :meth:`after` may take on a usual board; be generous."""
        return 0.0

    def setup(self, board: MeasuredBoard, case: Case) -> AgentSetup:
        """What the agent needs for it beside its options.

        Raises :class:`~hil.model.errors.ConfigurationError` for a file of the user's that is wrong.
        """
        return AgentSetup()

    def companion(self, board: MeasuredBoard, options: Options) -> WorkloadCompanion | None:
        """The host's part while the window is open."""
        return None

    def after(self, board: MeasuredBoard, keep: ChannelWriter, options: Options) -> None:
        """The host's part once the agent has ended; raises the kinds of ``HilError``."""
        return

    def refusal(self, error: HilError, files: Sequence[ProgramFile]) -> str:
        """What to say in the place of ``error`` where a board does not take its code.

        ``files`` are those of the job. Often nothing.
        """
        return ""

    def hint(self, error: HilError, plan: CapturePlan) -> str:
        """What its user can do about an error of a capture that it has a part in; often nothing."""
        return ""

    def analyse(self, capture: Capture, cost: Instrument) -> Iterable[MetricSheet]:
        """Its figures, reasons for absent ones, and notices; nothing for a capture without it.

        Series of activations and events have their figures without it. It is called for every
        capture, also for those that were taken when the workload did not exist.
        """
        return ()


def by_profile(profile: Profile, *, quick: _T, **amounts: _T) -> _T:
    """The amount for a profile by its name; ``quick`` for one that is not named."""
    return amounts.get(profile.name, quick)


def is_trial(case: Case) -> bool:
    """Whether the case's windows are together so short that little is measured after them."""
    return case.plan.windows * (case.plan.duration_us + 1) <= TRIAL_US  # a third is rounded down


def option_count(options: Options, name: str) -> int:
    """An option as a number: how many texts it lists where it is a text, 0 if absent."""
    value = options.get(name, 0)
    return value if isinstance(value, int) else len(value.split(","))
