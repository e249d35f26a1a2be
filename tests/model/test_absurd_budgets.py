"""Limits that are infinite, absurd or endless: one line with the place and what is allowed."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from hil.experiments.budget_files import load_budgets
from hil.model.budgets import judge_measurement, unmatched_budgets
from hil.model.errors import ConfigurationError
from hil.model.metrics import METRICS
from hil.model.results import Measurement

FIGURE = Measurement("sim", "timer_soft", "idle", 0, "missed", "count", 3.0, 3.0, 3.0, 100)

ABSURD = {
    "inf": "from 0 to 1e+15",
    "+inf": "from 0 to 1e+15",
    "-inf": "from 0 to 1e+15",
    "nan": "from 0 to 1e+15",
    "-1": "from 0 to 1e+15",
    "-0.5": "from 0 to 1e+15",
    "1e308": "from 0 to 1e+15",
    "1e400": "1e400 is not a number",
    "1e-400": "1e-400 is not a number",
    "9" * 400: "more than 40 digits",
    "9" * 5000: "more than 1000 digits",
    "-" + "9" * 5000: "more than 1000 digits",
    "0x" + "f" * 5000: "more than 40 digits",
    "9" * 5000 + ".0": "is not a number",
    "true": "not a number but bool",
    "2026-11-27": "not a number but date",
    "2026-11-27T10:00:00Z": "not a number but datetime",
    "[1, 2]": "not a number but list",
    "{ us = 3 }": "not a number but dict",
    '"' + "9" * 5000 + ' periods"': "from 0 to 1e+06 periods",
    '"' + "9" * 400 + '%"': "is none of",
    '"1000001 periods"': "from 0 to 1e+06 periods",
    '"0.' + "0" * 400 + '1 period"': "from 0 to 1e+06 periods",
    '"1_000 us"': "is none of",
    '"inf periods"': "is none of",
    '"-1 period"': "is none of",
    '"1e308 periods"': "is none of",
    '"x\\ny"': "is none of",
}


@pytest.mark.parametrize("written", ABSURD, ids=lambda written: written[:24])
def test_an_absurd_limit_is_one_line(tmp_path, written) -> None:
    path = tmp_path / "b.toml"
    path.write_text(f"# limits\n[budgets.timer_soft.idle]\nlateness_p99_us = {written}\n")
    with pytest.raises(ConfigurationError) as caught:
        load_budgets(path)
    said = str(caught.value)
    assert said.startswith(f"{path}:3: ")
    assert ABSURD[written] in said
    assert "\n" not in said
    assert len(said) < len(str(path)) + 300
    assert "lateness_p99_us" in said or "digits" in said


def test_absurd_shares_are_refused_too(tmp_path) -> None:
    path = tmp_path / "b.toml"
    for number in ("9" * 400, "9" * 5000, "1000001", "0." + "0" * 400 + "1"):
        path.write_text(f'[budgets.any.any]\nmissed = "{number}%"\n')
        with pytest.raises(ConfigurationError, match=r"b\.toml:2: missed: .* from 0 to 1e\+06 %$"):
            load_budgets(path)


FILES = {
    "[a" + ".a" * 100_000 + "]\n": "nested too deeply",
    "a" + ".a" * 100_000 + " = 1\n": "nested too deeply",
    "[budgets.any.any]\nmissed = " + "[" * 20_000 + "]" * 20_000 + "\n": "nested too deeply",
    f"[{'x' * 100_000}]\n": "unknown table",
    f'["{"x" * 100_000}\\n"]\n': "unknown table",
    "[budgets.any.any]\n" + "z" * 100_000 + " = 1\n": "unknown metric",
    f"[budgets.{'z' * 100_000}.any]\nmissed = 1\n": "unknown technique",
    '[board."' + "*" * 50_000 + '\\n".any.any]\nmissed = -1\n': "b.toml",
    "budgets = 3\n": "not a table",
    "[[budgets]]\n": "not a table",
    "[budgets.any.any]\nmissed = 1\nmissed = 1\n": "Cannot overwrite",
    "[budgets.any.any]\nmissed = 0000-00-00\n": "b.toml:2",
}


@pytest.mark.parametrize("text", FILES, ids=lambda text: text[:24])
def test_an_absurd_file_is_one_short_line(tmp_path, text) -> None:
    path = tmp_path / "b.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_budgets(path)
    said = str(caught.value)
    assert FILES[text] in said
    assert "\n" not in said
    assert len(said) < len(str(path)) + 600


def test_what_is_allowed_at_most_is_taken_and_stays_finite(tmp_path) -> None:
    path = tmp_path / "b.toml"
    path.write_text(
        '[budgets.any.any]\nmissed = "1000000 %"\nlateness_p99_us = "1000000 periods"\n'
        "lateness_max_us = 1e15\nextra = 0\n"
    )
    rules = load_budgets(path)
    for metric in ("missed", "lateness_p99_us", "lateness_max_us", "extra"):
        figure = replace(FIGURE, metric=metric, unit=METRICS[metric].unit)
        judged = judge_measurement(figure, rules, period_us=60_000_000.0)
        assert judged.budget is not None
        assert judged.budget < 1e20


def test_tables_without_a_limit_are_no_limits(tmp_path) -> None:
    path = tmp_path / "b.toml"
    path.write_text("[budgets]\n[budgets.any]\n[board]\n[board.x.any.any]\n")
    assert load_budgets(path).entries == ()


def test_thousands_of_limits_take_time_in_proportion(tmp_path) -> None:
    """Ten times the limits take no hundred times as long, to read and to judge by."""
    names = [name for name, metric in METRICS.items() if metric.budget][:20]

    def spent(count: int) -> float:
        path = tmp_path / f"{count}.toml"
        lines = []
        for number in range(count):
            lines.append(f'[board."b{number}*".any.any]')
            lines += [f"{name} = {number}" for name in names]
        path.write_text("\n".join(lines))
        begin = time.process_time()
        rules = load_budgets(path)
        assert len(rules.entries) == count * len(names)
        assert rules.entries[-1].location.endswith(f":{len(lines)}")
        for _ in range(5):
            judge_measurement(FIGURE, rules)
        unmatched_budgets(rules, [FIGURE] * 20)
        return time.process_time() - begin

    spent(20)
    small, large = (min(spent(count) for _ in range(3)) for count in (100, 1000))
    assert large < 40 * small
