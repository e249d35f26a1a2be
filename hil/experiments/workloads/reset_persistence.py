"""A board that is reset again and again while it runs a stored schedule.

After the window of ``aioschedule`` the board gets the scheduler once more, with a small schedule in
a file of its own. It restores the schedule, runs what is due, saves, and reports each step in a
line. The host resets it at a random moment (a soft reset; on the embedded board also a kill), or
the board sleeps deeply by itself; then it boots again. The reports go into the capture as numbers,
see :mod:`hil.model.reset_rows`. The files are removed at the end.
"""

from __future__ import annotations

import contextlib
import random
from array import array
from typing import TYPE_CHECKING

from hil.agents import bundle
from hil.agents.upload import execute_checked, load_upload
from hil.analysis.metric_sheet import MetricSheet
from hil.experiments.workload import Workload, by_profile, is_trial
from hil.model.board import SMALL_HEAP
from hil.model.errors import (
    BoardResetError,
    BoardTimeoutError,
    HilError,
    LinkLostError,
    RemoteCodeError,
)
from hil.model.reset_rows import (
    ASLEEP,
    BOOT,
    DEEP_SLEEP,
    KILL,
    LOST,
    PLANNED,
    REPORT,
    RESET_CHANNELS,
    RESET_MODES,
    RESET_OPTIONS,
    ROW_LENGTH,
    RUN,
    SOFT_RESET,
    SPEED_CHANNELS,
    reset_count,
)
from hil.protocol import frames
from hil.protocol.frames import integer_field
from hil.protocol.log_lines import LineReader
from hil.recording.capture_loop import INTERRUPT_KEY
from hil.recording.interfaces import seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hil.analysis.clock import Instrument
    from hil.boards.connection import Connection
    from hil.experiments.plan import Case, Profile
    from hil.experiments.workload import ChannelWriter, MeasuredBoard, Options
    from hil.model.captures import Capture
    from hil.recording.interfaces import Prompt

_PROGRAM = "workloads/reset_persistence.py"
_JOBS = 3
_MOST_ON_A_CHIP = 20
"""Flash wears out: no more resets than this on a real board."""
_ANSWER_S, _SLEEP_SLACK_S = 20.0, 10.0
_ALIVE_S = 0.3
"""The longest time between two resets: a little more than the schedule's shortest period at its
speed."""
_MAX_LINE = 500
_SERIES_S, _RESET_S = 60.0, 20.0
_USUAL_RESET_S = 0.4
_LONGEST_SLEEP_S = 60.0
_MOST_AT_ONCE = 1_000_000


class ResetPersistence(Workload):
    """A stored schedule over resets of its board; a board that can't keep one is left out."""

    name = "reset persistence"
    needs = ("asyncio", "fs")
    option_names = tuple(RESET_OPTIONS.values())
    channels = (*RESET_CHANNELS.values(), *SPEED_CHANNELS.values())

    def options(self, case: Case, profile: Profile) -> Options | None:
        """After the scheduler's window, without a load: it would be gone with the first reset."""
        if case.plan.technique != "aioschedule" or case.plan.load != "idle" or is_trial(case):
            return None
        counts = {
            SOFT_RESET: by_profile(profile, quick=6, nightly=60),
            KILL: by_profile(profile, quick=10, nightly=520),
            DEEP_SLEEP: by_profile(profile, quick=6, nightly=20),
        }
        return {RESET_OPTIONS[mode]: count for mode, count in counts.items()}

    def chosen(self, case: Case) -> Options | None:
        """Its options where there is a reset at all."""
        given = case.plan.options
        if not any(reset_count(mode, given) for mode in RESET_MODES):
            return None
        return {name: given[name] for name in self.option_names if name in given}

    def usual_s(self, options: Options) -> float:
        """By the number of resets, as the embedded board takes."""
        return _USUAL_RESET_S * sum(reset_count(mode, options) for mode in RESET_MODES)

    def after_limit_s(self, options: Options) -> float:
        """A boot, an upload and a piece of the schedule for each reset."""
        times = sum(reset_count(mode, options) for mode in RESET_MODES)
        return _SERIES_S * len(RESET_MODES) + _RESET_S * times

    def after(self, board: MeasuredBoard, keep: ChannelWriter, options: Options) -> None:
        """Reset the board as ``options`` say and keep what it reported.

        A way to reset that a board has not is left out; the analysis says so. The board is left at
        its prompt, bare. Raises the kinds of :class:`~hil.model.errors.HilError` when it does not
        come back.
        """
        have = set(board.identity.capabilities)
        if SMALL_HEAP in have:
            return
        board.before_reset()
        possible = {
            SOFT_RESET: True,
            KILL: board.connection.interrupt_power is not None,
            DEEP_SLEEP: "deepsleep" in have,
        }
        for mode in RESET_MODES:
            times = reset_count(mode, options)
            if not board.traits.resets_are_free:
                times = min(times, _MOST_ON_A_CHIP)
            if times and possible[mode]:
                speed = board.traits.plan_speed
                if mode == DEEP_SLEEP:
                    speed = max(1, speed // 2)
                rows = _ResetSeries(board.connection, mode, speed).run(times)
                keep(RESET_CHANNELS[mode], rows)
                keep(SPEED_CHANNELS[mode], (speed,))

    def analyse(self, capture: Capture, cost: Instrument) -> Iterable[MetricSheet]:
        """Jobs lost, run twice and run late, and the error of waking up."""
        from hil.analysis.reset_persistence import measure_reset_persistence  # late: numpy

        sheet = MetricSheet()
        measure_reset_persistence(capture, sheet)
        return (sheet,)


class _ResetSeries:
    """Resets of one kind while one stored schedule runs."""

    def __init__(self, connection: Connection, mode: str, speed: int) -> None:
        self._connection = connection
        self._mode = mode
        self._speed = speed
        self._jobs = 1 if mode == DEEP_SLEEP else _JOBS
        self._rows = array("q")
        self._rng = random.Random(1)

    def run(self, times: int) -> array[int]:
        """The rows of ``times`` resets, and of the boot after the last of them."""
        self._connection.recover()
        self._load()
        path = self._exec("print(hil_free_prefix())").decode("ascii", "replace").strip()
        if not path.isidentifier():
            raise BoardTimeoutError(
                f"{self._connection.port}: the board did not name a free file",
                expected="a name",
                received=path.encode(),
            )
        base = int(self._connection.clock.wall_s() * 1000)
        start = (
            f"hil_run_plan({path!r},{self._jobs},{self._speed},{base},{self._mode == DEEP_SLEEP})"
        )
        try:
            for number in range(times + 1):
                if number:
                    self._load()
                self._repl.start(start)
                boot = _BootSession(self._repl, self._rows)
                boot.follow(until="planned" if number == 0 else "boot")
                if number == times:
                    break
                self._reset(boot)
        finally:
            with contextlib.suppress(HilError):
                self._connection.recover()
                self._load()
                self._exec(f"hil_forget({path!r})")
        self._connection.recover()
        return self._rows

    def _reset(self, boot: _BootSession) -> None:
        if self._mode == DEEP_SLEEP:
            asleep_s = min(boot.follow(until="sleep") / 1000, _LONGEST_SLEEP_S)
            self._wake(asleep_s)
            return
        boot.listen(self._rng.uniform(0.0, _ALIVE_S))
        if self._mode == KILL:
            assert self._connection.interrupt_power is not None
            self._connection.interrupt_power()
            boot.listen(0.0)
            self._connection.rejoin()
        else:
            boot.interrupt()
            self._connection.recover()

    def _wake(self, asleep_s: float) -> None:
        """Wait until the board says something again, or its port is gone: then reach it."""
        clock = self._connection.clock
        end = seconds(clock) + asleep_s + _SLEEP_SLACK_S * self._repl.slowness
        try:
            while not self._repl.read(0.05):
                if seconds(clock) > end:
                    break  # it may boot without a word
        except LinkLostError:
            clock.sleep(asleep_s)
            self._connection.lost()
        self._connection.rejoin()

    def _load(self) -> None:
        load_upload(self._repl)
        for _, pieces in bundle.library(_PROGRAM):
            for piece in pieces:
                execute_checked(self._repl, piece)

    def _exec(self, code: str) -> bytes:
        return self._repl.exec(code, timeout_s=_ANSWER_S)

    @property
    def _repl(self) -> Prompt:
        return self._connection.repl


class _BootSession:
    """Reads a board's reports from one boot to the next reset; the frames are numbered, so that a
    lost line shows."""

    def __init__(self, repl: Prompt, rows: array[int]) -> None:
        self._repl = repl
        self._rows = rows
        self._lines = LineReader(_MAX_LINE)
        self._next = 0
        self._seen: dict[str, int] = {}

    def follow(self, until: str) -> int:
        """Read until a line has this key; its number."""
        deadline = self._repl.deadline(_ANSWER_S * self._repl.slowness)
        while until not in self._seen:
            data = self._repl.read(0.05)
            self._take(data)
            if b"\x04" in data:
                self._repl.unread(data.partition(b"\x04")[2])
                self._repl.end_of_program(deadline)
            if deadline.expired:
                raise BoardTimeoutError(
                    f"{self._repl.port}: the board's plan stands still: {deadline.describe()}",
                    expected=f"a line that says {until}",
                    received=self._lines.rest,
                )
        return self._seen[until]

    def listen(self, duration_s: float) -> None:
        """Read for so long, or only what is there already."""
        clock = self._repl.clock
        end_ns = clock.now_ns() + round(duration_s * 1e9)
        while (left := (end_ns - clock.now_ns()) / 1e9) > 0:
            self._take(self._repl.read(left))
        taken = 0
        while taken < _MOST_AT_ONCE and (data := self._repl.read(0.0)):
            taken += len(data)
            self._take(data)

    def interrupt(self) -> None:
        """Send Ctrl-C and read what came before it took effect."""
        self._repl.write(INTERRUPT_KEY)
        with contextlib.suppress(RemoteCodeError, BoardTimeoutError, BoardResetError):
            self._take(self._repl.finish(self._repl.deadline(2.0 * self._repl.slowness)))

    def _take(self, data: bytes) -> None:
        for line in self._lines.feed(data):
            _, mark, content = line.rpartition(frames.MARK)
            if mark and content[:1] == b"L" and frames.is_sound(content):
                if frames.sequence_of(content) != self._next:
                    self._row(LOST)
                self._next = (frames.sequence_of(content) + 1) % frames.SEQUENCE_PERIOD
                self._say(frames.parse_fields(frames.body_of(content)))

    def _say(self, fields: Mapping[str, str]) -> None:
        """Turn a line into a row; a board that says nonsense has lost a line."""
        try:
            key = next(iter(fields), "")
            first = integer_field(fields, key, low=-1)
            if key == "boot":
                woke_us = integer_field(fields, "woke", low=-1)
                self._row(BOOT, first, integer_field(fields, "unfinished", high=1), woke_us)
            elif key == "planned":
                self._row(PLANNED, first)
            elif key == "run":
                release, due = (integer_field(fields, k) for k in ("release", "due"))
                self._row(RUN, first, release, due, integer_field(fields, "late", low=-(1 << 40)))
            elif key == "sleep":
                self._row(ASLEEP, integer_field(fields, "due"))
            elif key == "report":
                self._row(REPORT)
        except ValueError:
            self._row(LOST)
            return
        self._seen[key] = first

    def _row(self, kind: int, *numbers: int) -> None:
        self._rows.extend((kind, *numbers, *(0,) * (ROW_LENGTH - 1 - len(numbers))))
