"""What a policy keeps: by times alone, the same runs from night to night."""

from datetime import UTC, datetime, timedelta

import pytest

from hil.history.retention_policy import DatedRun, RetentionPolicy, Step, parse_steps
from hil.model.errors import ConfigurationError

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def nights(count, line="pico", at=NOW):
    """The newest first, one a night."""
    moments = [at - timedelta(days=number, hours=10) for number in range(count)]
    return [DatedRun(f"{line} {m:%Y-%m-%d}", m, (line,)) for m in moments]


def retained(policy, runs, now=NOW):
    gone = set(policy.old(runs, now))
    return [run for run in runs if run.name not in gone]


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("all", [("all", None)]),
        ("all 30d, weekly 1y, monthly", [("all", 30), ("weekly", 365), ("monthly", None)]),
        (
            "keep all 30 days, then weekly, then monthly",
            [("all", 30), ("weekly", 365), ("monthly", None)],
        ),
        ("All for 2 weeks,  daily 90d", [("all", 14), ("daily", 90)]),
        ("daily 1 day", [("daily", 1)]),
    ],
)
def test_policies_that_are_understood(text, steps):
    assert parse_steps(text) == tuple(Step(*step) for step in steps)


@pytest.mark.parametrize(
    "text",
    [
        *("", ",", "all 30", "all 30x", "hourly", "all 30d, weekly 7d", "all, weekly 0d", "all 0d"),
        *("all -1d", "all 30d,", "all 99999999d", "a" * 300, ",".join(["all 1d"] * 20), "всё"),
    ],
)
def test_policies_that_are_refused_in_one_line(text):
    with pytest.raises(ConfigurationError, match="keep:") as caught:
        parse_steps(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_all_then_weekly_then_monthly():
    policy = RetentionPolicy(parse_steps("all 30d, weekly 26w, monthly"))
    left = retained(policy, nights(900))
    ages = [(NOW - run.moment).days for run in left]
    assert ages[:30] == list(range(30))
    weekly = [run.moment for run in left if 30 < (NOW - run.moment).days < 182]
    assert {moment.isocalendar().weekday for moment in weekly} == {7}
    monthly = [run.moment for run in left if (NOW - run.moment).days > 183]
    assert all((moment + timedelta(days=1)).day == 1 for moment in monthly)
    assert len(monthly) == 23  # from June 2024 to April 2026
    assert len(left) < 30 + 23 + 25


def test_an_end_of_the_last_step_is_an_end():
    policy = RetentionPolicy(parse_steps("all 3d, weekly 4w"))
    assert max((NOW - run.moment).days for run in retained(policy, nights(100))) <= 28


def test_pruning_every_night_leaves_one_of_each_week_and_month():
    policy = RetentionPolicy(parse_steps("all 10d, weekly 8w, monthly"))
    stored = []
    for night in reversed(nights(400)):
        stored = retained(policy, [night, *stored], night.moment + timedelta(hours=1))
    assert retained(policy, stored) == stored
    ages = [(NOW - run.moment).days for run in stored]
    assert ages[:10] == list(range(10))
    weekly = [run.moment for run in stored if 10 < (NOW - run.moment).days < 55]
    assert len(weekly) == len({moment.isocalendar().week for moment in weekly}) >= 6
    monthly = [f"{run.moment:%Y-%m}" for run in stored if (NOW - run.moment).days > 57]
    assert monthly == [
        *("2026-09", "2026-08", "2026-07", "2026-06", "2026-05", "2026-04"),
        *("2026-03", "2026-02", "2026-01", "2025-12", "2025-11", "2025-10"),
    ]


def test_each_board_has_weeks_of_its_own_and_a_shared_run_stays_for_one():
    policy = RetentionPolicy(parse_steps("weekly"))
    first, other = nights(3)[0], DatedRun("both", nights(3)[1].moment, ("pico", "esp32"))
    assert retained(policy, [first, other]) == [first, other]
    assert retained(policy, [first, nights(3)[1]]) == [first]


def test_a_run_without_a_time_or_from_the_future_and_a_pinned_one_stay():
    policy = RetentionPolicy(parse_steps("all 1d"), newest=0)
    future = DatedRun("future", NOW + timedelta(days=9), ("a",))
    unknown, old = DatedRun("unknown", None, ("a",)), nights(9)[-1]
    assert retained(policy, [future, unknown, old]) == [future, unknown]
    assert policy.old([old], NOW, pinned={old.name}) == []


def test_without_a_rule_everything_stays():
    assert RetentionPolicy().old(nights(9), NOW) == []
