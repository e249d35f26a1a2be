"""The pytest plugin: thin hooks and fixtures around the bench.

The entry point registers it (see ``pytest_hil.py``), or ``-p hil.pytest_plugin.plugin``. It does
nothing unless boards are measured: when one is asked for, or when the tests asked for lie in one of
the ini option's ``hil_suite`` folders. Only then is more of the package imported, by
:mod:`hil.pytest_plugin.measuring`: every pytest run on a machine where hil is installed loads this.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.pytest_plugin.empty_run import asks_for_board
from hil.pytest_plugin.options import (
    add_options,
    asked_boards,
    begin_again,
    clash,
    run_again,
    short_form,
    shorten,
    suite_requested,
)
from hil.pytest_plugin.outermost_guard import OutermostGuard
from hil.pytest_plugin.own_name import OWN_NAME, told_of_other
from hil.report.terminal.standard_streams import reopen_closed_streams

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterable
    from typing import Any

    from hil.experiments.plan import Case
    from hil.experiments.run import Bench
    from hil.pytest_plugin.case_figures import Figures
    from hil.pytest_plugin.internal_failures import InternalFailures
    from hil.pytest_plugin.measuring import MeasuredRun

_RUN: pytest.StashKey[MeasuredRun] = pytest.StashKey()
_MEASURES: pytest.StashKey[bool] = pytest.StashKey()
_MISTAKE: pytest.StashKey[str] = pytest.StashKey()
_NO_BOARD = "no board is measured in this run; give one with {}"
_OTHER = "hil_other"
_OTHER_IN_WORKER: pytest.StashKey[str] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the options, and stand around everything that pytest does in a run."""
    conftests = (getattr(plugin, "__file__", None) for plugin in pluginmanager.get_plugins())
    add_options(parser, late=any(Path(file or "").name == "conftest.py" for file in conftests))
    guard = OutermostGuard(_measures, _internal_failures, _describe)
    if not pluginmanager.has_plugin("hil-guard"):
        pluginmanager.register(guard, "hil-guard")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> Generator[None, None, None]:
    """Around all conftests of others: nothing of ours may stand in their way."""
    OWN_NAME.set_aside()
    reopen_closed_streams()
    again = begin_again(early_config, args)
    yield
    if not again:
        shorten(early_config, parser, args)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Begin again where pytest would have looked for its settings beside a board's port."""
    return run_again(config)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Check the options and say where the run's files go, before other plugins look."""
    config.addinivalue_line(
        "markers",
        "hil(techniques=[...], loads=[...]): this test is only for these techniques and loads",
    )
    if not suite_requested(config):
        return
    config.stash[_MEASURES] = True
    OWN_NAME.take()
    from hil.pytest_plugin.measuring import begin_measuring

    config.stash[_RUN] = begin_measuring(config)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """One line if ``--board`` is somebody else's."""
    line = clash(config)
    return [line] if line else []


@pytest.hookimpl(tryfirst=True)
def pytest_collection() -> None:
    """From here on ``hil`` is what the suite's own imports find."""
    OWN_NAME.offer()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker tells the controlling process of another package ``hil``."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None and OWN_NAME.other:
        output[_OTHER] = OWN_NAME.other


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """What a worker told; one that crashed told nothing."""
    other = getattr(node, "workeroutput", {}).get(_OTHER)
    if other:
        node.config.stash[_OTHER_IN_WORKER] = other


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """One line if the suite has a package ``hil`` of its own, and what no header has said."""
    clashing = clash(config)
    if clashing and config.option.verbose < 0:
        terminalreporter.write_line(clashing)
    other = OWN_NAME.other or config.stash.get(_OTHER_IN_WORKER, None)
    if other:
        terminalreporter.write_line(told_of_other(other, config.rootpath))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per board, technique and load for whatever asks for ``figures``.

    The parameter is session-wide, so that pytest runs all tests of one case together.
    """
    if not _asks_for_case(metafunc):
        return
    run = metafunc.config.stash.get(_RUN, None)
    if run is None:
        reason = _NO_BOARD.format(short_form(metafunc.config))
        without = pytest.param(None, marks=pytest.mark.skip(reason=reason), id="no board")
        metafunc.parametrize("hil_case", [without], scope="session")
        return
    pairs = [(board.text, case) for board in run.options.boards for case in run.options.cases]
    if not run.options.boards:  # every expected one is missing: the end of the run tells it
        none = pytest.param(None, marks=pytest.mark.skip(reason="no board"), id="no board")
        metafunc.parametrize("hil_case", [none], scope="session")
        return
    metafunc.parametrize(
        "hil_case",
        pairs,
        ids=[f"{board}-{case.id}" for board, case in pairs],
        indirect=True,
        scope="session",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the cases that a test's ``hil`` marker says it is not for."""
    run = config.stash.get(_RUN, None)
    mistakes = {} if run is None else run.marker_mistakes(items)
    if mistakes and not hasattr(config, "workerinput"):
        raise pytest.UsageError(next(iter(mistakes.values())))
    selected: list[pytest.Item] = []
    deselected: list[pytest.Item] = []
    for item in items:
        if item in mistakes:  # a worker can't refuse the run: its test does
            item.stash[_MISTAKE] = mistakes[item]
        (selected if item in mistakes or _is_for(item) else deselected).append(item)
    if deselected:
        config.hook.pytest_deselected(items=deselected)
        items[:] = selected


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Tell the run what the tests that were selected ask for."""
    run = session.config.stash.get(_RUN, None)
    if run is not None:
        run.select(_asked_pairs(session.items))


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    """How much is going to be measured, and how long that takes."""
    run = config.stash.get(_RUN, None)
    return [] if run is None else run.announce(_asked_pairs(items))


def _asked_pairs(items: Iterable[pytest.Item]) -> list[tuple[str, Case]]:
    """The boards and cases whose figures these tests ask for."""
    return [
        pair
        for item in items
        if "figures" in getattr(item, "fixturenames", ())
        if _MISTAKE not in item.stash and not any(item.iter_markers("skip"))
        if (pair := _pair_of(item)) is not None
    ]


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Open the boards, if a test is there that measures."""
    run = session.config.stash.get(_RUN, None)
    ends = session.testsfailed and not session.config.option.continue_on_collection_errors
    if run is not None and not ends:
        items = getattr(session, "items", None) or ()  # none where workers collect
        run.open(session.config, wanted=any(map(asks_for_board, items)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fail a test whose marker is wrong, before anything is measured for it."""
    if _MISTAKE in item.stash:
        pytest.fail(item.stash[_MISTAKE], pytrace=False)


def _measures(config: pytest.Config) -> bool:
    return config.stash.get(_MEASURES, False) or bool(asked_boards(config))


def _describe(error: BaseException) -> str:
    from hil.pytest_plugin.measuring import describe

    return describe(error)


def _internal_failures(config: pytest.Config) -> InternalFailures | None:
    run = config.stash.get(_RUN, None)
    return None if run is None else run.internal


def _asks_for_case(metafunc: pytest.Metafunc) -> bool:
    """Whether a test uses ``hil_case`` and means ours, not a fixture or parameter of its own."""
    fixtures = metafunc._arg2fixturedefs.get("hil_case")
    return bool(fixtures and fixtures[-1].func.__module__ == __name__)


def _is_for(item: pytest.Item) -> bool:
    pair = _pair_of(item)
    if pair is None:
        return True
    plan = pair[1].plan
    return all(
        name in _names(mark.kwargs.get(asked, name))
        for mark in item.iter_markers("hil")
        for asked, name in (("techniques", plan.technique), ("loads", plan.load))
    )


def _pair_of(item: pytest.Item) -> tuple[str, Case] | None:
    """The board and the case of a test; ``None`` for no case, or one of the suite's own."""
    parameters = getattr(item, "callspec", None)
    pair = parameters.params.get("hil_case") if parameters else None
    is_pair = isinstance(pair, tuple) and len(pair) == 2 and hasattr(pair[1], "plan")
    return pair if is_pair else None


def _names(given: str | Collection[str]) -> Collection[str]:
    return (given,) if isinstance(given, str) else given


@pytest.fixture(scope="session")
def hil_bench(pytestconfig: pytest.Config) -> Bench:
    """The bench of this run."""
    run = pytestconfig.stash.get(_RUN, None)
    if run is None or run.bench is None:
        pytest.skip(_NO_BOARD.format(short_form(pytestconfig)))
    return run.bench


@pytest.fixture(scope="session")
def hil_case(request: pytest.FixtureRequest) -> tuple[str, Case]:
    """The board and the case that a test is about."""
    board, case = request.param
    return str(board), case


@pytest.fixture
def figures(
    request: pytest.FixtureRequest,
    hil_bench: Bench,  # noqa: ARG001  (it skips where no board is measured)
    hil_case: tuple[str, Case],
) -> Figures:
    """The figures of one technique under one load on one board, captured once for all tests."""
    return request.config.stash[_RUN].figures(*hil_case, request.node)


def pytest_assertrepr_compare(
    config: pytest.Config, op: str, left: object, right: object
) -> list[str] | None:
    """Figures that are not within a limit: the limit, each figure in full, where to look."""
    run = config.stash.get(_RUN, None)
    return None if run is None else run.explain_comparison(op, left, right)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Around all others, so that the outcome is the final one."""
    report = yield
    run = item.config.stash.get(_RUN, None)
    if run is not None:
        run.mark_report(item, call, report)
    return report
