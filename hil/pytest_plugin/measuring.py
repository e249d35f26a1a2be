"""A run that measures boards: its options checked, its bench opened, its figures for the tests."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.agents.bundle import load_names, technique_names
from hil.boards.backends.registry import expand_boards, parse_board
from hil.boards.fault_injection import parse_faults
from hil.boards.wiring import load_wiring
from hil.experiments.budget_files import default_budgets, keep_budgets, load_budgets
from hil.experiments.edge_instruments import check_edge_sources
from hil.experiments.expected_boards import read_expected
from hil.experiments.given_secrets import learn_secrets
from hil.experiments.kept_evidence import keep_evidence
from hil.experiments.plan import (
    WINDOWS,
    Case,
    RunOptions,
    agent_case,
    chosen_names,
    find_profile,
    make_cases,
)
from hil.experiments.program_reader import read_user_program
from hil.experiments.registry import EDGE_SOURCES
from hil.experiments.run import Bench
from hil.experiments.workloads.sync_pattern import with_sync
from hil.history.location import find_location
from hil.model.board import DEFAULT_BOARD
from hil.model.edge_sources import parse_edge_sources
from hil.model.errors import (
    BoardBrokenError,
    BoardNotFoundError,
    BoardResetError,
    BoardTimeoutError,
    CapabilityMissing,
    CaptureError,
    ConfigurationError,
    HilError,
    LinkLostError,
    RemoteCodeError,
)
from hil.model.known_names import unknown_name
from hil.model.limits import explain_comparison
from hil.model.numbers import shown_text
from hil.model.printable import escaped_line
from hil.model.secrets import masked_traceback
from hil.model.techniques import TECHNIQUES
from hil.model.verdicts import UNDECIDED_CHOICES
from hil.pytest_plugin.case_figures import Figures
from hil.pytest_plugin.markers import marker_mistakes
from hil.pytest_plugin.masked_reports import MaskedReports
from hil.pytest_plugin.night_outputs import NO_OUTPUTS, read_night_outputs
from hil.pytest_plugin.number_options import number_option, whole_option
from hil.pytest_plugin.options import SHORT, asked_boards, option_value, short_form
from hil.pytest_plugin.outermost_guard import NO_BEGIN
from hil.pytest_plugin.reruns import AttemptCounter, mark_attempt
from hil.pytest_plugin.run_end import (
    BENCH_BROKEN,
    FAILED_FIGURES,
    WholeReport,
    end_by_signals,
    mark_report,
)
from hil.pytest_plugin.run_output import RunOutput, WorkerOutput, short_path
from hil.pytest_plugin.xdist_workers import (
    WorkerPerBoard,
    request_workers,
    worker_boards,
    worker_folder,
    worker_input,
)
from hil.recording.latest_run import newest_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from hil.boards.backend import BoardSpec
    from hil.history.location import HistoryLocation
    from hil.pytest_plugin.internal_failures import InternalFailures
    from hil.pytest_plugin.night_outputs import NightOutputs
    from hil.pytest_plugin.run_output import CaptureOutput

COMPARE_WORDS = ("last", "baseline")
"""What ``--hil-compare`` takes beside a run's folder or its id in the history."""


class MeasuredRun:
    """The boards, cases and figures of one pytest run; ``bench`` is none if it only collects."""

    def __init__(
        self,
        options: RunOptions,
        bench: Bench | None = None,
        output: CaptureOutput | None = None,
        outputs: NightOutputs = NO_OUTPUTS,
    ) -> None:
        self.options = options
        self.bench = bench
        self._output = output
        self._outputs = outputs
        self._attempts = AttemptCounter()

    @property
    def internal(self) -> InternalFailures | None:
        """What failed that should not have, where this process writes the run's files."""
        return self._output.internal if isinstance(self._output, RunOutput) else None

    def open(self, config: pytest.Config, *, wanted: bool) -> None:
        """Open the boards; a board that can't be opened ends the run in one line.

        Nothing is opened where no test is ``wanted`` to measure. Without a board, as where every
        expected one is missing, the run begins all the same. In a process whose workers collect
        the tests that is not known, nor is a board opened there.
        """
        if self.bench is None or not (wanted or len(self.options.boards) != 1):
            return
        try:
            self.bench.open()
        except HilError as error:
            self.bench.abandon()
            if isinstance(self._output, RunOutput):
                self._output.write_no_files()
            live = all(spec.stored_run is None for spec in self.options.boards)
            if live and isinstance(error, _OF_THE_BENCH):
                config.stash[NO_BEGIN] = BENCH_BROKEN
            status = config.stash.get(NO_BEGIN, int(pytest.ExitCode.USAGE_ERROR))
            self._outputs.tell_no_run(status, str(error))
            raise _usage_error(config, error) from None
        except BaseException:
            self.bench.abandon()
            raise

    def select(self, pairs: Iterable[tuple[str, Case]]) -> None:
        """Say which boards and cases the tests ask for: only these are measured.

        In whatever order the tests run, a seed stands for one order of the windows.
        """
        if self.bench is not None and self._output is not None:
            asked = {(board, case.id) for board, case in pairs}
            self.bench.select(
                (board.text, case)
                for board in self.options.boards
                for case in self.options.cases
                if (board.text, case.id) in asked
            )
            self._output.expect(self.bench.expected)

    def announce(self, pairs: Iterable[tuple[str, Case]]) -> list[str]:
        """What these tests ask for, in a line for the head of the run; none of a stored run's."""
        live = [board for board in self.options.boards if board.stored_run is None]
        if self.bench is None or self._output is None or not live:
            return []
        self.select(pairs)
        return [f"hil: {self._output.announcement}"] if self.bench.expected else []

    def marker_mistakes(self, items: Iterable[pytest.Item]) -> dict[pytest.Item, str]:
        """See :func:`hil.pytest_plugin.markers.marker_mistakes`."""
        return marker_mistakes(items, [case.plan.technique for case in self.options.cases])

    def mark_report(
        self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport
    ) -> None:
        """Tell a failed test's figures with its report, and whether the bench ended it."""
        mark_report(item, call, report)
        mark_attempt(item, call, report, told=bool(item.stash.get(FAILED_FIGURES, ())))
        if self._output is not None:
            self._output.failed_attempts.made(report)

    def explain_comparison(self, operator: str, left: object, right: object) -> list[str] | None:
        """What a failed comparison of figures with a limit shows; ``None`` for any other."""
        lines = explain_comparison(operator, left, right)
        if lines is None or self.bench is None:
            return lines
        return [*lines, f"report: {short_path(self.bench.folder.report)}"]

    def figures(self, board: str, case: Case, node: pytest.Item) -> Figures:
        """The figures of one case for a test; skips what the board can't run, fails what has none.

        A test that asks again, because it is run again, gets those of a new measurement. Each
        figure that is checked becomes one of the test's properties.
        """
        assert self.bench is not None
        assert self._output is not None
        failure: HilError | None = None
        attempt = self._attempts.count(node, board, case.id)
        node.stash[FAILED_FIGURES] = []
        try:
            measured = self.bench.measured(board, case.in_attempt(attempt), self._output)
        except HilError as error:
            failure = error
        if isinstance(failure, CapabilityMissing):
            pytest.skip(str(failure))
        if failure is not None:
            pytest.fail(f"{board}, {case.id}: {failure}", pytrace=False)
        if attempt:
            node.user_properties.append(("hil.attempt", attempt + 1))
        node.user_properties += [("hil.set_aside", text) for text in measured.capture.set_aside]
        return Figures(measured, node, undecided_fails=self.options.undecided_fails)


_OF_THE_BENCH = (
    *(BoardTimeoutError, BoardBrokenError, BoardResetError, LinkLostError),
    *(RemoteCodeError, CaptureError),
)
"""What a board does that is there and was asked for rightly."""


def describe(error: BaseException) -> str:
    """An exception with its traceback, without the known secrets."""
    return masked_traceback(error)


def begin_measuring(config: pytest.Config) -> MeasuredRun:
    """Check the options and say where the run's files go.

    Raises :class:`pytest.UsageError` in one line for the first option that is wrong.
    """
    given = worker_input(config)
    learn_secrets()
    config.pluginmanager.register(MaskedReports(), "hil-masked-reports")
    outputs = NO_OUTPUTS
    try:
        if given is not None:
            return _worker_run(config, given)
        outputs = read_night_outputs(config)
        return _run(config, outputs)
    except HilError as error:
        outputs.tell_no_run(int(pytest.ExitCode.USAGE_ERROR), str(error))
        raise _usage_error(config, error) from None


def _usage_error(config: pytest.Config, error: HilError) -> pytest.UsageError:
    """What is wrong, in the words that this run's command line has."""
    return pytest.UsageError(str(error).replace(SHORT, short_form(config)))


def _run(config: pytest.Config, outputs: NightOutputs) -> MeasuredRun:
    options = read_options(config)
    if config.option.collectonly:
        return MeasuredRun(options)
    check_compare(options.compare, options.history)
    by_workers = request_workers(config, options)
    bench = Bench(options)
    keep_budgets(options.budgets, bench.folder)
    keep_evidence(
        *(bench.folder, options.boards, options.budgets),
        wiring=option_value(config, "--hil-wiring"),
        program=(file for case in options.cases if case.program for file in case.program.files),
    )
    output = RunOutput(config, bench, options, workers_measure=by_workers, outputs=outputs)
    config.pluginmanager.register(output, "hil-output")
    if by_workers:
        config.pluginmanager.register(WorkerPerBoard(bench.folder, options), "hil-worker-per-board")
    config.pluginmanager.register(WholeReport(), "hil-whole-report")
    config.add_cleanup(end_by_signals())
    return MeasuredRun(options, bench, output, outputs)


def _worker_run(config: pytest.Config, given: dict[str, Any]) -> MeasuredRun:
    options = read_options(config, worker_boards(given))
    bench = Bench(options, worker_folder(given), str(given["workerid"]))
    output = WorkerOutput(bench, options)
    config.pluginmanager.register(output, "hil-output")
    return MeasuredRun(options, bench, output)


def read_options(config: pytest.Config, boards: Sequence[str] = ()) -> RunOptions:
    """Check every option; ``boards`` replaces what was asked for, ``auto`` spelled out.

    Raises :class:`~hil.model.errors.ConfigurationError` in one line for the first that is wrong.
    """
    try:
        return _read_options(config, boards)
    except OSError as error:  # a name that no file can have, a folder that must not be read
        name = shown_text(escaped_line(str(error.filename)))
        reason = f"can't read {name}, which an option names: {error.strerror}"
        raise ConfigurationError(reason) from error


def _read_options(config: pytest.Config, boards: Sequence[str]) -> RunOptions:
    get = partial(option_value, config)
    profile = find_profile(get("--hil-profile") or "quick")
    techniques = chosen_names("--hil-technique", get("--hil-technique"), technique_names())
    known_loads = load_names()
    asked_loads = get("--hil-load")
    loads = (
        chosen_names("--hil-load", asked_loads, known_loads)
        if asked_loads
        else tuple(load for load in profile.loads if load in known_loads)
    )
    budgets_file, wiring_file = get("--hil-budgets"), get("--hil-wiring")
    expected = read_expected(get("--hil-expect") or ())
    asked = boards or asked_boards(config) or [DEFAULT_BOARD]
    specs = _boards(asked, may_be_none=bool(expected))
    period_ms = number_option(get, "--hil-period-ms")
    duration_s = number_option(get, "--hil-duration-s")
    windows = whole_option(get, "--hil-windows") or WINDOWS
    cases = make_cases(
        *(profile, techniques, loads),
        period_ms=period_ms,
        duration_s=duration_s,
        windows=windows,
    )
    agent_file = get("--hil-agent")
    agent = read_user_program(Path(agent_file)) if agent_file else None
    if agent is not None:
        if get("--hil-technique") or asked_loads:
            raise ConfigurationError("--hil-agent runs alone: leave out technique and load")
        cases = (
            agent_case(agent, profile, period_ms=period_ms, duration_s=duration_s, windows=windows),
        )
    if specs and all(board.stored_run for board in specs):
        cases = _stored_cases(specs, cases if get("--hil-technique") or asked_loads else ())
    edges = parse_edge_sources(get("--hil-edges") or ())
    check_edge_sources(edges, specs, EDGE_SOURCES, _exists)
    if edges and not all(board.stored_run for board in specs):
        cases = with_sync(cases)
    out = Path(get("--hil-out") or config.rootpath / "reports")
    measured = dict.fromkeys((*TECHNIQUES, *(case.plan.technique for case in cases)))
    budgets = (
        load_budgets(Path(budgets_file), techniques=tuple(measured))
        if budgets_file
        else default_budgets()
    )
    return RunOptions(
        boards=specs,
        profile=profile,
        cases=cases,
        out=out,
        budgets=budgets,
        wiring=load_wiring(Path(wiring_file)) if wiring_file else None,
        faults=parse_faults(get("--hil-faults")) if get("--hil-faults") is not None else None,
        history=find_location(get("--hil-history"), out),
        compare=get("--hil-compare"),
        seed=whole_option(get, "--hil-seed"),
        undecided_fails=_choice("--hil-undecided", get("--hil-undecided")) == "fail",
        edges=edges,
        expected=expected,
    )


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # no name that a file can have
        return False


def _choice(option: str, given: str | None) -> str | None:
    if given is not None and given not in UNDECIDED_CHOICES:
        raise ConfigurationError(f"{option}: {unknown_name('choice', given, UNDECIDED_CHOICES)}")
    return given


def _boards(texts: Sequence[str], *, may_be_none: bool = False) -> tuple[BoardSpec, ...]:
    """The boards; where some are expected, ``auto`` may find none, and the run tells it."""
    specs = [parse_board(text) for text in texts]
    try:
        boards = expand_boards(specs)
    except BoardNotFoundError:
        if not may_be_none or len(specs) > 1:
            raise
        boards = ()
    if len({board.text for board in boards}) < len(boards):
        raise ConfigurationError("--board: the same board is given twice")
    return boards


def _stored_cases(boards: tuple[BoardSpec, ...], asked: tuple[Case, ...]) -> tuple[Case, ...]:
    """What the replayed runs hold, as it was planned then; of that only what was asked for."""
    from hil.recording.stored_run import read_run

    stored: dict[str, Case] = {}
    attempts: Counter[tuple[str, str]] = Counter()
    for board in boards:
        if board.stored_run is not None:
            for own in read_run(board.stored_run).cases:
                plan = replace(own.windows[-1].plan, window=0, windows=len(own.windows), attempt=0)
                case = Case(plan)
                attempts[board.text, case.id] += 1
                most = max(attempts[each.text, case.id] for each in boards)
                stored[case.id] = replace(case, attempts=most)  # of several the last one's plan
    wanted = {case.id for case in asked}
    return tuple(case for name, case in stored.items() if not wanted or name in wanted)


def check_compare(compare: str | None, location: HistoryLocation | None) -> None:
    """Refuse what can't be compared with, before anything is measured.

    Raises :class:`~hil.model.errors.ConfigurationError`. A history that can't be reached now is
    told at the end of the run.
    """
    if compare is None or (compare not in COMPARE_WORDS and newest_run(Path(compare)).is_dir()):
        return
    if location is None:
        raise ConfigurationError(f"--hil-compare={compare}: needs a history (--hil-history)")
    if compare in COMPARE_WORDS:
        return
    missing = (
        f"--hil-compare={compare}: give last, baseline, a run's folder, or a run of "
        f"{location.shown} (see `hil history`)"
    )
    if location.file is not None and not location.file.is_file():
        raise ConfigurationError(missing)
    from hil.pytest_plugin.history_comparison import has_run

    if not has_run(location, compare):
        raise ConfigurationError(missing)
