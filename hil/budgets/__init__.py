"""Budgets: the limits that a timing run is judged by, read strictly from TOML.

A file holds tables named after technique and load, with ``any`` for all of them::

    [budgets.timer_hard.idle]
    lateness_p99_us = 2000            # in the metric's unit
    tie_pp_us = "0.5 period"          # or a multiple of the task's period
    missed = "1 %"                    # counts: a share of the activations that were due

    [board."Pico*".timer_hard.any]    # for boards whose name fits the pattern (* and ?)
    lateness_p99_us = 300

The most specific line wins, metric by metric: a board pattern before no pattern (of several that
fit, the one with the most literal characters, then the later one), then a named technique before
``any``, then a named load before ``any``. ``"none"`` lifts a budget that a less specific line sets.

A metric whose sense is *lower* has a largest allowed value, *higher* a smallest one, and
*magnitude* (``schedule_drift_ppm``, ``clock_skew_ppm``) a largest distance from zero.
"""

from hil.budgets.judging import failure_message, judge, judge_all, straddles
from hil.budgets.model import Budget, Budgets
from hil.budgets.reading import default_budgets, default_budgets_path, load_budgets

__all__ = [
    "Budget",
    "Budgets",
    "default_budgets",
    "default_budgets_path",
    "failure_message",
    "judge",
    "judge_all",
    "load_budgets",
    "straddles",
]
