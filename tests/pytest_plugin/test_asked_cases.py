"""Which cases a run was asked for, by the names of its tests."""

from types import SimpleNamespace

import pytest

from hil.model.captures import CapturePlan, TaskPlan
from hil.pytest_plugin.asked_cases import SelectedCases


class Config:
    def __init__(self, *boards):
        self.getoption = lambda name, default=None: list(boards) or default


def case(technique, load="idle"):
    plan = CapturePlan(technique, load, (TaskPlan(0, 10_000),), 1_000_000)
    return SimpleNamespace(plan=plan, id=f"{technique}-{load}")


def selected(*boards):
    specs = [SimpleNamespace(text=board) for board in boards if board != "auto"]
    specs = specs or [SimpleNamespace(text="/dev/ttyUSB0")]
    cases = (case("timer_soft"), case("timer_soft", "gc"), case("thread"))
    return SelectedCases(Config(*boards), SimpleNamespace(boards=specs, cases=cases))


NAMES = ("s.py::test_a[sim-timer_soft-idle]", "s.py::test_a[x-sim-thread-idle-3]", "s.py::test_b")


def test_the_names_of_the_tests_tell_the_cases():
    plugin = selected("sim", "sim:ppm=4")
    plugin.pytest_xdist_node_collection_finished(None, NAMES)
    assert plugin.asked.cases == {("sim", "timer_soft", "idle"), ("sim", "thread", "idle")}
    assert not plugin.asked.every_board


def test_skipped_tests_ask_for_nothing():
    items = [
        SimpleNamespace(nodeid=name, iter_markers=lambda _, skip=skip: iter([1] * skip))
        for name, skip in zip(NAMES, (True, False, False), strict=True)
    ]
    plugin = selected("sim")
    plugin.pytest_collection_finish(SimpleNamespace(items=items))
    assert plugin.asked.cases == {("sim", "thread", "idle")}


@pytest.mark.parametrize("boards", [("auto",), ("sim", "auto")])
def test_auto_asks_for_every_board(boards):
    assert selected(*boards).asked.every_board


def test_where_workers_collect_there_are_no_items():
    plugin = selected("sim")
    plugin.pytest_collection_finish(SimpleNamespace())
    assert plugin.asked.cases == frozenset()
