"""The pytest plugin: thin hooks around the bench.

Registered once, by its entry point. It does nothing unless boards are measured: with ``--board``,
or when the tests asked for lie in one of the ini option's ``hil_suite`` folders. Only then is more
of the package imported than the declaration of the options.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hil.errors import CapabilityMissing, HilError
from hil.pytest_plugin.options import RunOptions, add_options, read_options, suite_requested

if TYPE_CHECKING:
    from hil.plan import Case
    from hil.pytest_plugin.bench import Bench
    from hil.pytest_plugin.figures import Figures
    from hil.pytest_plugin.output import CaptureOutput

_OPTIONS: pytest.StashKey[RunOptions] = pytest.StashKey()
_BENCH: pytest.StashKey[Bench] = pytest.StashKey()
_NO_BOARD = "no board is measured in this run; give one with --board"
_PROGRESS: pytest.StashKey[CaptureOutput] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Check the options and say where the run's files go, before other plugins look."""
    config.addinivalue_line(
        "markers",
        "hil(techniques=[...], loads=[...]): this test is only for these techniques and loads",
    )
    if not suite_requested(config):
        return
    from hil.pytest_plugin.spread import worker_input

    given = worker_input(config)
    try:
        if given is not None:
            _configure_worker(config, given)
        else:
            _configure_run(config)
    except HilError as error:
        raise pytest.UsageError(str(error)) from None


def _configure_run(config: pytest.Config) -> None:
    from hil.pytest_plugin.bench import Bench
    from hil.pytest_plugin.output import RunOutput
    from hil.pytest_plugin.past import check_compare
    from hil.pytest_plugin.signals import WholeReport, end_by_signals
    from hil.pytest_plugin.spread import Spreader, spread_over_boards

    options = config.stash[_OPTIONS] = read_options(config)
    if config.option.collectonly:
        return
    check_compare(options.compare, options.history)
    spread = spread_over_boards(config, options)
    bench = config.stash[_BENCH] = Bench(options)
    output = RunOutput(config, bench, options, spread=spread)
    config.stash[_PROGRESS] = output
    config.pluginmanager.register(output, "hil-output")
    if spread:
        config.pluginmanager.register(Spreader(bench.folder, options), "hil-spreader")
    config.pluginmanager.register(WholeReport(), "hil-whole-report")
    config.add_cleanup(end_by_signals())


def _configure_worker(config: pytest.Config, given: dict[str, Any]) -> None:
    from hil.pytest_plugin.bench import Bench
    from hil.pytest_plugin.output import WorkerOutput
    from hil.pytest_plugin.spread import worker_boards, worker_folder

    options = config.stash[_OPTIONS] = read_options(config, worker_boards(given))
    part = str(given["workerid"])
    bench = config.stash[_BENCH] = Bench(options, worker_folder(given), part)
    progress = config.stash[_PROGRESS] = WorkerOutput(bench, options)
    config.pluginmanager.register(progress, "hil-output")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Open the boards; a board that can't be opened ends the run in one line."""
    bench = session.config.stash.get(_BENCH, None)
    if bench is None:
        return
    try:
        bench.open()
    except HilError as error:
        bench.abandon()
        raise pytest.UsageError(str(error)) from None
    except BaseException:
        bench.abandon()
        raise


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per board, technique and load for whatever asks for ``figures``.

    The parameter is session-wide, so that pytest runs all tests of one case together.
    """
    if "hil_case" not in metafunc.fixturenames:
        return
    options = metafunc.config.stash.get(_OPTIONS, None)
    if options is None:
        without = pytest.param(None, marks=pytest.mark.skip(reason=_NO_BOARD), id="no board")
        metafunc.parametrize("hil_case", [without], scope="session")
        return
    pairs = [(board.text, case) for board in options.boards for case in options.cases]
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
    kept: list[pytest.Item] = []
    left: list[pytest.Item] = []
    for item in items:
        (kept if _is_for(item) else left).append(item)
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = kept


def _is_for(item: pytest.Item) -> bool:
    parameters = getattr(item, "callspec", None)
    pair = parameters.params.get("hil_case") if parameters else None
    if pair is None:
        return True
    _, case = pair
    return all(
        name in mark.kwargs.get(asked, (name,))
        for mark in item.iter_markers("hil")
        for asked, name in (("techniques", case.plan.technique), ("loads", case.plan.load))
    )


@pytest.fixture(scope="session")
def hil_bench(pytestconfig: pytest.Config) -> Bench:
    """The bench of this run."""
    bench = pytestconfig.stash.get(_BENCH, None)
    if bench is None:
        pytest.skip(_NO_BOARD)
    return bench


@pytest.fixture(scope="session")
def hil_case(request: pytest.FixtureRequest) -> tuple[str, Case]:
    """The board and the case that a test is about."""
    board, case = request.param
    return str(board), case


@pytest.fixture
def figures(
    request: pytest.FixtureRequest, hil_bench: Bench, hil_case: tuple[str, Case]
) -> Figures:
    """The figures of one technique under one load on one board, captured once for all tests."""
    from hil.pytest_plugin.figures import Figures

    board, case = hil_case
    output = request.config.stash[_PROGRESS]
    void: HilError | None = None
    with output.capturing(board, case) as observer:
        try:
            measured = hil_bench.measured(board, case, observer)
        except HilError as error:
            void = error
    if isinstance(void, CapabilityMissing):
        pytest.skip(str(void))
    if void is not None:
        pytest.fail(f"{board}, {case.id}: {void}", pytrace=False)
    return Figures(measured, request.node.user_properties)
