"""Which runs stay: one policy for folders of runs and for the history alike.

A policy is a list of steps, from the newest runs to the oldest: ``all 30d, weekly 1y, monthly``.
Within a step of a week, the newest run of each board's week stays, and so on; what is older than
the last step goes, unless that one has no end. Only times and lines of runs are looked at here,
nothing is removed.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hil.model.errors import ConfigurationError
from hil.model.numbers import shown_text
from hil.model.printable import escaped_line

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable

ALL = "all"
_PERIODS = {
    ALL: "%Y%m%dT%H%M%S%f",
    "daily": "%Y%j",
    "weekly": "%G%V",
    "monthly": "%Y%m",
    "yearly": "%Y",
}
_USUAL_DAYS = {ALL: 30, "daily": 90, "weekly": 365, "monthly": 5 * 365, "yearly": 20 * 365}
"""How far back a step reaches that is not the last and says no age."""
_UNITS = {"d": 1, "day": 1, "w": 7, "week": 7, "m": 30, "month": 30, "y": 365, "year": 365}
_STEP = re.compile(
    r"(?:then )?(?:keep )?(?P<period>[a-z]+)"
    r"(?: (?:for )?(?P<count>[0-9]{1,5}) ?(?P<unit>[a-z]+?)s?)?"
)
_MOST_STEPS = 10
_MAX_TEXT = 200
_HELP = "give steps from new to old, for example: all 30d, weekly 1y, monthly"


@dataclass(frozen=True, slots=True)
class Step:
    """One run of each board's ``period`` stays, up to an age of ``days``; ``None`` has no end."""

    period: str
    days: int | None

    @property
    def text(self) -> str:
        """As it can be given."""
        return self.period if self.days is None else f"{self.period} {self.days}d"


@dataclass(frozen=True, slots=True)
class DatedRun:
    """A run to be judged: when it began, in UTC, and the lines that it belongs to, its boards.

    ``moment`` is ``None`` where that is unknown: such a run stays.
    """

    name: str
    moment: datetime | None
    lines: Collection[Hashable]


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """A run stays where any of the three keeps it: a step, ``newest`` of its line, ``since``."""

    steps: tuple[Step, ...] = ()
    newest: int | None = None
    since: datetime | None = None

    @property
    def text(self) -> str:
        """As it can be given, for a person."""
        parts = [", ".join(step.text for step in self.steps)] if self.steps else []
        parts += [] if self.newest is None else [f"the newest {self.newest} of each board"]
        parts += [] if self.since is None else [f"since {self.since:%Y-%m-%dT%H:%M:%SZ}"]
        return "; ".join(parts)

    def old(
        self, runs: Iterable[DatedRun], now: datetime, pinned: Collection[str] = ()
    ) -> list[str]:
        """The names of the runs that nothing keeps, the oldest first; ``pinned`` ones stay.

        ``runs`` come with the newest first, as their order is known; a run of several lines stays
        where one of them keeps it.
        """
        if not self.steps and self.newest is None and self.since is None:
            return []
        counts: Counter[Hashable] = Counter()
        taken: set[tuple[Hashable, str, str]] = set()
        removed = []
        for run in runs:
            keeps = self._keeps(run, now, counts, taken)
            if not keeps and run.name not in pinned:
                removed.append(run.name)
        return removed[::-1]

    def _keeps(
        self,
        run: DatedRun,
        now: datetime,
        counts: Counter[Hashable],
        taken: set[tuple[Hashable, str, str]],
    ) -> bool:
        if run.moment is None:
            return True
        keeps = self.since is not None and run.moment >= self.since
        step = self._step(now - run.moment)
        for line in run.lines or (None,):
            counts[line] += 1
            keeps |= self.newest is not None and counts[line] <= self.newest
            # every step's period is taken by its newest run, in whatever step that itself is: what
            # stays is the same run from night to night
            for each in self.steps:
                period = run.moment.strftime(_PERIODS[each.period])
                first = (line, each.period, period) not in taken
                taken.add((line, each.period, period))
                keeps |= each is step and (first or each.period == ALL)
        return keeps

    def _step(self, age: timedelta) -> Step | None:
        return next(
            (s for s in self.steps if s.days is None or age <= timedelta(days=s.days)), None
        )


def parse_steps(text: str) -> tuple[Step, ...]:
    """The steps of ``all 30d, weekly 1y, monthly``; also ``all 30 days, then weekly``.

    A step without an age reaches as far back as is usual for it, the last one without end. Raises
    :class:`~hil.model.errors.ConfigurationError` in one line.
    """
    parts = [" ".join(part.split()).lower() for part in text.split(",")]
    if len(text) > _MAX_TEXT or len(parts) > _MOST_STEPS:
        raise ConfigurationError(f"keep: too long for a policy; {_HELP}")
    steps: list[Step] = []
    for number, part in enumerate(parts, 1):
        step = _step_of(part, last=number == len(parts))
        before = steps[-1].days if steps else 0
        if before is None or (step.days is not None and step.days <= before):
            raise ConfigurationError(
                f"keep: {step.text} does not reach farther back than {steps[-1].text}; {_HELP}"
                if steps
                else f"keep: {step.text} reaches back to nothing; {_HELP}"
            )
        steps.append(step)
    return tuple(steps)


def _step_of(part: str, *, last: bool) -> Step:
    match = _STEP.fullmatch(part)
    shown = shown_text(escaped_line(part))
    if match is None or match["period"] not in _PERIODS:
        raise ConfigurationError(
            f"keep: {shown}: not one of {', '.join(_PERIODS)}, with an age or not; {_HELP}"
        )
    if match["count"] is None:
        return Step(match["period"], None if last else _USUAL_DAYS[match["period"]])
    if match["unit"] not in _UNITS:
        raise ConfigurationError(
            f"keep: {shown}: an age is in days, weeks, months or years; {_HELP}"
        )
    return Step(match["period"], int(match["count"]) * _UNITS[match["unit"]])


def period_of(period: str, moment: datetime) -> tuple[str, str]:
    """The first day of the day, week, month or year of ``moment``, and the first one behind it."""
    day = moment.date()
    if period == "weekly":
        day -= timedelta(days=day.weekday())
    elif period == "monthly":
        day = day.replace(day=1)
    elif period == "yearly":
        day = day.replace(month=1, day=1)
    longest = {"daily": 1, "weekly": 7, "monthly": 31, "yearly": 366}[period]
    try:
        following = day + timedelta(days=longest)
    except OverflowError:
        return day.isoformat(), "9999-99"
    if period in ("monthly", "yearly"):
        following = following.replace(day=1)
    return day.isoformat(), following.isoformat()


def parse_moment_utc(text: str) -> datetime | None:
    """A time in UTC as runs have it; ``None`` for what is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
