from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.experiments.budget_files import default_budgets, default_budgets_path, load_budgets
from hil.model.budget_file import TomlLines
from hil.model.budgets import (
    Budget,
    Budgets,
    judge_measurement,
    judge_measurements,
    unmatched_budgets,
)
from hil.model.captures import CapturePlan, TaskPlan
from hil.model.errors import ConfigurationError
from hil.model.metrics import METRICS, find_metric
from hil.model.results import Measurement
from hil.model.techniques import TECHNIQUES


def measured(metric="lateness_p99_us", value=100.0, lo=None, hi=None, n=500, **more):
    known = find_metric(metric)
    fields = {"board": "sim", "technique": "timer_hard", "load": "idle", "task": 0, **more}
    return Measurement(metric=metric, unit=known.unit, value=value, lo=lo, hi=hi, n=n, **fields)


def budgets(tmp_path: Path, text: str) -> Budgets:
    path = tmp_path / "b.toml"
    path.write_text(text)
    return load_budgets(path)


LAYERED = """
[budgets.any.any]
lateness_p99_us = 1
missed = 7
[budgets.any.idle]
lateness_p99_us = 2
[budgets.timer_hard.any]
lateness_p99_us = 3
[budgets.timer_hard.idle]
lateness_p99_us = 4
[board."Pico*".any.any]
lateness_p99_us = 5
[board."Pico W*".any.any]
lateness_p99_us = 6
"""


@pytest.mark.parametrize(
    ("board", "technique", "load", "limit"),
    [
        ("sim", "thread", "gc", 1),
        ("sim", "thread", "idle", 2),
        ("sim", "timer_hard", "gc", 3),
        ("sim", "timer_hard", "idle", 4),
        ("Pico 2", "timer_hard", "idle", 5),
        ("Pico W", "timer_hard", "idle", 6),
    ],
)
def test_the_most_specific_line_wins(tmp_path, board, technique, load, limit) -> None:
    measurement = measured(board=board, technique=technique, load=load)
    rules = budgets(tmp_path, LAYERED)
    assert judge_measurement(measurement, rules).budget == limit
    missed = measured("missed", board=board, technique=technique, load=load)
    assert judge_measurement(missed, rules).budget == 7


def test_none_lifts_a_budget(tmp_path) -> None:
    rules = budgets(
        tmp_path, '[budgets.any.any]\nmissed = 0\n[budgets.thread.any]\nmissed = "none"\n'
    )
    assert judge_measurement(measured("missed", 3), rules).verdict == "fail"
    assert judge_measurement(measured("missed", 3, technique="thread"), rules).verdict == "none"


def test_relative_limits(tmp_path) -> None:
    rules = budgets(tmp_path, '[budgets.any.any]\nlateness_p99_us = "0.5 period"\nmissed = "2 %"\n')
    assert judge_measurement(measured(), rules, period_us=10_000).budget == 5_000
    assert judge_measurement(measured(), rules).verdict == "none"
    # n counts the activations that came; what was due is those and the missed ones
    assert judge_measurement(measured("missed", 10, n=490), rules).verdict == "pass"
    assert judge_measurement(measured("missed", 11, n=489), rules).verdict == "fail"
    assert judge_measurement(measured("missed", 500, n=0), rules).verdict == "fail"
    events = measured("missed", 11, n=540, method="loopback/hard")
    assert judge_measurement(events, rules).budget == pytest.approx(10.8)


def test_judge_all_takes_the_period_from_the_plan(tmp_path) -> None:
    rules = budgets(tmp_path, '[budgets.any.any]\nlateness_p99_us = "1 period"\n')
    plan = CapturePlan("timer_hard", "idle", (TaskPlan(0, 300), TaskPlan(1, 50)), 1000)
    figures = [measured(task=0), measured(task=1), measured(task=None)]
    assert [measurement.budget for measurement in judge_measurements(figures, rules, plan)] == [
        300,
        50,
        50,
    ]


@pytest.mark.parametrize(
    ("metric", "value", "limit", "verdict"),
    [
        ("lateness_p99_us", 100, 100, "pass"),
        ("lateness_p99_us", 100.5, 100, "fail"),
        ("lateness_p99_us", -500, 100, "pass"),
        ("schedule_drift_ppm", -99, 100, "pass"),
        ("schedule_drift_ppm", -101, 100, "fail"),
        ("background_share", 0.4, 0.5, "fail"),
        ("background_share", 0.6, 0.5, "pass"),
        ("missed", 0, 0, "pass"),
    ],
)
def test_verdict_follows_the_sense(tmp_path, metric, value, limit, verdict) -> None:
    rules = budgets(tmp_path, f"[budgets.any.any]\n{metric} = {limit}\n")
    assert judge_measurement(measured(metric, value, value, value), rules).verdict == verdict


OWN = """
[budgets.any.any]
lateness_p99_us = 1
[budgets.own.any]
lateness_p99_us = 2
[budgets.own.idle]
lateness_p99_us = 3
[budgets.blink.any]
lateness_p99_us = 4
"""


@pytest.mark.parametrize(
    ("technique", "load", "limit"),
    [
        ("thread", "idle", 1),
        ("flicker", "gc", 2),
        ("flicker", "idle", 3),
        ("blink", "idle", 4),
    ],
)
def test_own_is_every_technique_that_is_not_in_the_table(tmp_path, technique, load, limit) -> None:
    path = tmp_path / "b.toml"
    path.write_text(OWN)
    rules = load_budgets(path, techniques=(*TECHNIQUES, "blink"))
    measurement = measured(technique=technique, load=load)
    assert judge_measurement(measurement, rules).budget == limit


def test_a_name_of_a_program_is_known_where_it_is_measured_only(tmp_path) -> None:
    with pytest.raises(ConfigurationError, match="unknown technique 'blink'"):
        budgets(tmp_path, OWN)


UNMATCHED = """
[budgets.any.any]
missed = 1
lateness_p999_us = 5
[budgets.thread.any]
overruns = 1
[budgets.timer_hard.idle]
tie_pp_us = "none"
[board."Pico*".any.any]
missed = 0
dropped = 0
[board."s*".any.any]
missed = 0
"""


def test_budgets_that_speak_of_nothing_in_the_run_are_named_once(tmp_path) -> None:
    rules = budgets(tmp_path, UNMATCHED)
    figures = [measured("missed", 0), measured("lateness_p99_us")]
    path = tmp_path / "b.toml"
    assert unmatched_budgets(rules, figures) == [
        f"{path}:10: 'Pico*' fits no board of this run (sim)",
        f"{path}:4: no figure of lateness_p999_us in this run",
    ]
    on_pico = [*figures, measured("lateness_p999_us", board="Pico W")]
    assert unmatched_budgets(rules, on_pico) == [
        f"{path}:10: no figure of missed in this run",
        f"{path}:11: no figure of dropped in this run",
    ]
    assert unmatched_budgets(rules, []) == []


BAD = {
    "[budgets.any.any]\nlateness_p98_us = 3\n": "'lateness_p98_us'; did you mean lateness_p",
    "\n[budgets.timer_hrad.idle]\nmissed = 0\n": (
        "b.toml:2: unknown technique 'timer_hrad'; did you mean timer_hard"
    ),
    "[budgets.thread.ilde]\nmissed = 0\n": "b.toml:1: unknown load 'ilde'; did you mean idle?",
    "[budgets.owm.idle]\nmissed = 0\n": "b.toml:1: unknown technique 'owm'; did you mean own?",
    "[budgets.any.any]\nmissed = true\n": "b.toml:2: missed: not a number but bool",
    "[budgets.any.any]\nmissed = [1]\n": "b.toml:2: missed: not a number but list",
    "[budgets.any.any]\nmissed = -1\n": "b.toml:2: missed: -1 is not a number from 0 to 1e+15",
    "[budgets.any.any]\nmissed = nan\n": "b.toml:2: missed: nan is not a number from 0 to 1e+15",
    "[budgets.any.any]\nmissed = inf\n": "b.toml:2: missed: inf is not a number from 0 to 1e+15",
    '[budgets.any.any]\nmissed = "2 period"\n': "b.toml:2: missed: '2 period' is none of",
    '[budgets.any.any]\ntie_pp_us = "2 %"\n': "b.toml:2: tie_pp_us: '2 %' is none of",
    "[budgets.any.any]\nperiod_mean_us = 3\n": "b.toml:2: period_mean_us has no better direction",
    "[budgets.any]\nmissed = 0\n": "b.toml:2: unknown load 'missed'",
    "[budgets]\nany = 0\n": "b.toml:2: 'budgets.any' is not a table",
    "[budget.any.any]\nmissed = 0\n": "b.toml:1: unknown table [budget]",
    "missed = 0\n": "b.toml:1: unknown table [missed]",
    '[board."P*".any.any]\nx = 0\n': "b.toml:2: unknown metric 'x'",
    "[budgets.any.any]\nmissed = 0\nmissed = 1\n": "b.toml:3: malformed TOML: Cannot overwrite",
    "[budgets.any.any\n": "b.toml:1: malformed TOML",
    "[budgets.any.any]\nmissed = \n": "b.toml:2: malformed TOML",
}


@pytest.mark.parametrize("text", BAD, ids=lambda text: repr(text))
def test_bad_files_get_one_line_with_the_place(tmp_path, text) -> None:
    with pytest.raises(ConfigurationError) as caught:
        budgets(tmp_path, text)
    assert BAD[text] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unreadable_files(tmp_path) -> None:
    with pytest.raises(ConfigurationError, match="can't read the budgets file"):
        load_budgets(tmp_path / "none.toml")
    with pytest.raises(ConfigurationError, match="is a folder, not a file; give a budgets file"):
        load_budgets(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b"# \xe9\n")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        load_budgets(tmp_path / "latin.toml")


@given(st.text(alphabet=st.sampled_from('[]."*=any \nbudgetsmissed0%#')))
def test_any_text_is_read_or_refused(tmp_path_factory, text) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.toml"
    path.write_text(text)
    with suppress(ConfigurationError):
        load_budgets(path)


def test_find_line_reads_headers_and_dotted_keys() -> None:
    lines = ["# x", "[budgets]", "any.any.missed = 3", '[board."a.b".any]', "idle = {missed = 1}"]
    assert TomlLines(lines).find(("budgets", "any", "any", "missed")) == 3
    assert TomlLines(lines).find(("board", "a.b", "any", "idle", "missed")) == 5
    assert TomlLines(lines).find(("nothing",)) is None


def test_shipped_budgets_judge_every_board_and_all_but_the_naive_ones() -> None:
    rules = load_budgets()
    assert default_budgets_path().name == "budgets.toml"
    for technique in TECHNIQUES:
        naive = technique in ("round_robin", "round_robin_irq", "thread", "asyncio_sleep")
        for board in ("/dev/ttyACM0", "sim:clock=virtual", "sim"):
            late = measured(value=19_000, technique=technique, board=board)
            judged = judge_measurement(late, rules, period_us=10_000)
            assert (judged.verdict == "none") == (naive or (board == "sim")), (technique, board)
            missed = measured("missed", 400, technique=technique, board=board)
            assert (judge_measurement(missed, rules).verdict == "none") == naive
        dropped = measured("dropped", 1, technique=technique)
        assert judge_measurement(dropped, rules).verdict == "fail"


def test_every_metric_name_ends_with_its_unit() -> None:
    for metric in METRICS.values():
        if metric.unit not in ("1", "count"):
            assert metric.name.endswith(f"_{metric.unit}")
    assert find_metric("mtie_10ms_us") is not None
    assert find_metric("adev_2p5s") is not None
    assert find_metric("adev_") is None
    assert find_metric("tdev_1s") is None


def test_shipped_budgets_are_found_in_an_installed_package(tmp_path, monkeypatch) -> None:
    suite = tmp_path / "hil" / "suite"
    suite.mkdir(parents=True)
    (suite / "budgets.toml").write_text("[budgets.any.any]\nmissed = 3\n")
    monkeypatch.setattr("hil.__file__", str(tmp_path / "hil" / "__init__.py"))
    assert default_budgets_path() == suite / "budgets.toml"
    assert default_budgets().entries[0].amount == 3
    (suite / "budgets.toml").unlink()
    with pytest.raises(ConfigurationError, match=r"budgets\.toml is missing"):
        default_budgets()


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ('lateness_p99_us = "1 %"',
         'lateness_p99_us: \'1 %\' is none of a number, "none", "0.5 period"'),
        ('missed = "1 period"', 'missed: \'1 period\' is none of a number, "none", "1 %"'),
        ('schedule_drift_ppm = "1 %"', 'schedule_drift_ppm: \'1 %\' is none of a number, "none"'),
        ("lateness_p98_us = 1", "unknown metric 'lateness_p98_us'; did you mean lateness_p"),
        ("zzz = 1", "unknown metric 'zzz'; known are "),
        ("missed = true", "missed: not a number but bool"),
        ("missed = []", "missed: not a number but list"),
        ("missed = -1", "missed: -1 is not a number from 0 to 1e+15"),
        ("missed = inf", "missed: inf is not a number from 0 to 1e+15"),
    ],
)  # fmt: skip
def test_what_a_limit_can_not_be_is_said(tmp_path, line, text) -> None:
    path = tmp_path / "b.toml"
    path.write_text(f"[budgets.any.idle]\n{line}\n")
    with pytest.raises(ConfigurationError) as caught:
        load_budgets(path)
    assert str(caught.value).startswith(f"{path}:2: {text}")
    assert len(str(caught.value)) == len(f"{path}:2: {text}") or text[-1] in "p "


@pytest.mark.parametrize("metric", ["missed", "overruns", "dropped"])
def test_counts_may_be_shares_of_what_was_due(tmp_path, metric) -> None:
    path = tmp_path / "b.toml"
    path.write_text(f'[budgets.any.idle]\n{metric} = "2.5%"\nlateness_p50_us = "0.5 periods"\n')
    share, periods = load_budgets(path).entries
    assert (share.metric, share.kind, share.amount, share.board) == (metric, "share", 0.025, None)
    assert (periods.kind, periods.amount, periods.location) == ("period", 0.5, f"{path}:3")


def test_a_file_of_just_a_megabyte_is_read(tmp_path) -> None:
    path = tmp_path / "b.toml"
    path.write_text("#" * ((1 << 20) - 1) + "\n")
    assert load_budgets(path).entries == ()
    path.write_text("#" * (1 << 20) + "\n")
    with pytest.raises(ConfigurationError, match="at most 1 MB"):
        load_budgets(path)


@pytest.mark.parametrize(
    ("metric", "method", "verdict"),
    [
        ("lateness_p99_us", "callback/global", "none"),
        ("dropped", "callback/global", "none"),
        ("callback_bytes", "callback/allocating", "fail"),
        ("callback_errors", "callback/allocating", "fail"),
        ("jobs_late", "survival/kill", "fail"),
        ("jobs_run_twice", "survival/kill", "fail"),
        ("wake_error_us", "survival/deepsleep", "fail"),
        ("isr_latency_p99_us", "loopback/hard", "fail"),
    ],
)
def test_a_limit_on_what_only_variants_have_is_judged_there(metric, method, verdict) -> None:
    """No limit that can be written is passed over in silence."""
    rules = Budgets((Budget(metric, "absolute", 5.0),))
    figure = measured(metric, 100.0, 90.0, 110.0, method=method)
    assert judge_measurement(figure, rules).verdict == verdict


@pytest.mark.parametrize(
    ("metric", "verdict"), [("lateness_p99_us", "fail"), ("dropped", "none"), ("missed", "fail")]
)
def test_a_limit_judges_the_pin_too_but_not_what_an_instrument_lost(metric, verdict) -> None:
    rules = Budgets((Budget(metric, "absolute", 5.0),))
    figure = measured(metric, 100.0, 90.0, 110.0, source="witness")
    assert judge_measurement(figure, rules).verdict == verdict


@pytest.mark.parametrize(
    "board", ["Raspberry Pi Pico", "sim:clock=virtual", "sim:ppm=5,clock=virtual"]
)
@pytest.mark.parametrize(
    ("metric", "value", "verdict"),
    [
        ("lateness_p50_us", 19_000.0, "fail"),
        ("lateness_p50_us", 9_000.0, "pass"),
        ("lateness_p99_us", 19_000.0, "fail"),
        ("lateness_p99_us", 9_000.0, "pass"),
        ("missed", 6.0, "fail"),
        ("missed", 5.0, "pass"),
        ("extra", 1.0, "fail"),
        ("extra", 0.0, "pass"),
        ("callbacks_after_stop", 9.0, "none"),
    ],
)
def test_a_program_of_the_users_own_has_limits_unasked(board, metric, value, verdict) -> None:
    figure = measured(metric, value, value, value, n=500, board=board, technique="blink")
    assert judge_measurement(figure, default_budgets(), period_us=20_000).verdict == verdict
