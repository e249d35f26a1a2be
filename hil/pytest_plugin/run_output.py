"""What a run shows and leaves behind: progress, the table, ``results.json``, the page."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from hil.experiments.budget_files import are_shipped
from hil.experiments.expected_time import expected_windows
from hil.experiments.run import common_source
from hil.model.budgets import unmatched_budgets
from hil.model.edge_sources import EDGE_OPTION
from hil.model.errors import HilError
from hil.model.printable import escaped_line
from hil.model.results import Results
from hil.pytest_plugin.asked_cases import SelectedCases
from hil.pytest_plugin.empty_run import EmptyRun, tells_nothing
from hil.pytest_plugin.internal_failures import InternalFailures
from hil.pytest_plugin.missing_boards import find_missing, reports_of_missing
from hil.pytest_plugin.night_outputs import NO_OUTPUTS
from hil.pytest_plugin.reruns import FailedAttempts
from hil.pytest_plugin.run_end import Outcome
from hil.pytest_plugin.run_files import RunFiles
from hil.pytest_plugin.run_streams import RunStreams
from hil.pytest_plugin.unchecked_figures import reports_of, reports_of_attempts, unchecked
from hil.recording.run_folder import LOG_NAME, write_results
from hil.report.page.template_environment import escape_cells, page_title
from hil.report.terminal.progress import RunProgress
from hil.report.terminal.remaining_time import WindowPlan
from hil.report.terminal.standard_streams import ASCII_ERRORS, LastingStream, output_width

if TYPE_CHECKING:
    from collections.abc import (
        Callable,
        Generator,
        Iterable,
        Iterator,
        MutableSequence,
        Sequence,
    )
    from typing import Any, TextIO

    from hil.experiments.plan import Case, RunOptions
    from hil.experiments.run import Bench
    from hil.model.captures import Capture
    from hil.model.results import Comparison, ErrorRecord
    from hil.pytest_plugin.history_comparison import HistoryComparison
    from hil.pytest_plugin.night_outputs import NightOutputs
    from hil.recording.interfaces import Observer

_WIDEST = 120


class CaptureOutput:
    """Shows how far the captures of this process are."""

    def __init__(
        self,
        bench: Bench,
        options: RunOptions,
        stream: TextIO,
        before_bar: Callable[[], None] | None = None,
    ) -> None:
        self._bench = bench
        self._stream = cast("TextIO", LastingStream(stream))
        self.failed_attempts = FailedAttempts()
        self._progress = RunProgress(self._stream, before_bar=before_bar)
        self.expect((board.text, case) for board in options.boards for case in options.cases)

    def expect(self, pairs: Iterable[tuple[str, Case]]) -> None:
        """Say which cases are going to be measured on which boards, each with all its windows."""
        known = {word for board in self._bench.boards for word in board.capabilities}
        windows = expected_windows(pairs, known or None)
        self._progress.expect(WindowPlan(*window) for window in windows)

    @property
    def announcement(self) -> str:
        """How much is going to be measured, in one line."""
        return self._progress.announcement

    @contextlib.contextmanager
    def capturing(self, board: str, case: Case) -> Iterator[Observer]:
        """Show the progress of one window of a case while it is captured."""
        before = self._bench.stamps
        with self._progress.capturing(board, case.plan) as observer:
            yield observer
        self._progress.add_stamps(self._bench.stamps - before)

    def pass_over(self, board: str, case: Case) -> None:
        """A window that was expected is not captured: its case has ended."""
        self._progress.pass_over(board, case.plan)


class WorkerOutput(CaptureOutput):
    """A worker's progress, and the end of its part of the run."""

    def __init__(self, bench: Bench, options: RunOptions) -> None:
        alone = replace(options, boards=options.boards[:1])
        super().__init__(bench, alone, sys.__stderr__ or sys.stderr)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Let go of the board."""
        self._bench.close()


class RunOutput(CaptureOutput):
    """Registered as a plugin for the length of one run; ``bench`` knows what came of it.

    ``workers_measure`` says that workers measure: then everything is read from the run's folder.
    """

    def __init__(
        self,
        config: pytest.Config,
        bench: Bench,
        options: RunOptions,
        *,
        workers_measure: bool = False,
        outputs: NightOutputs = NO_OUTPUTS,
    ) -> None:
        super().__init__(bench, options, own_stdout(), lambda: end_pytest_line(config))
        config.add_cleanup(self._close_stream)  # also of a run that does not begin
        self._config = config
        self._options = options
        self._workers_measure = workers_measure
        self._outputs = outputs
        self._output_lines: list[str] = []
        self._stored: tuple[Results, list[Capture]] | None = None
        self._failure: str | None = None
        self._history_comparison: HistoryComparison | None = None
        self._outcome = Outcome()
        self._missing_boards: list[ErrorRecord] = []
        self._selected = SelectedCases(config, options)
        config.pluginmanager.register(self._selected, "hil-selected")
        self._files = RunFiles(config, bench.folder)
        config.pluginmanager.register(RunStreams(config), "hil-streams")
        self.internal = InternalFailures(bench.folder.path)
        self._finished = False
        self._empty_run = EmptyRun(options.boards[0].text if options.boards else "auto")
        config.pluginmanager.register(self._empty_run, "hil-empty-run")
        self._nothing: str | None = None
        config.add_cleanup(self._finish_late)

    def results(self) -> Results:
        """Everything for ``results.json``, as far as the run has come."""
        if self._workers_measure:
            return self._from_folder()[0]
        several = list(self._bench.judged)
        cases = [judged.counted for judged in several if judged.counted is not None]
        return Results(
            run=self._bench.info,
            boards=tuple(self._bench.boards),
            measurements=tuple(m for case in cases for m in case.measurements),
            skipped=(*self._bench.skipped, *(skip for case in cases for skip in case.skips)),
            errors=tuple(self._bench.errors),
            edges=tuple(comparison for case in cases for comparison in case.edges),
            notices=(
                *(notice for judged in several for notice in judged.notices),
                *(notice for case in cases for notice in case.notices),
            ),
            attempts=tuple(attempt for judged in several for attempt in judged.attempts),
            programs=tuple(program for case in cases for program in case.programs),
        )

    def _captures(self) -> list[Capture]:
        if self._workers_measure:
            return self._from_folder()[1]
        return [case.capture for case in self._bench.results]

    def _from_folder(self) -> tuple[Results, list[Capture]]:
        """What the workers stored, read once they are done."""
        if self._stored is None:
            from hil.experiments.evaluation import evaluate_run
            from hil.recording.stored_run import read_run, sound_captures

            run = read_run(self._bench.folder.path)
            results = evaluate_run(run, self._options.budgets)
            source = common_source(results.boards)
            errors = tuple(dict.fromkeys((*results.errors, *self._bench.errors)))
            results = replace(results, run=replace(results.run, source=source), errors=errors)
            self._stored = results, sound_captures(run, results.counted_attempts)
        return self._stored

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep in mind which tests failed, and which had no measurement."""
        self._outcome.see(report)
        self.failed_attempts.told(report)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(
        self, session: pytest.Session, exitstatus: int
    ) -> Generator[None, None, None]:
        """Write ``results.json``, let the others write theirs, say how the run came out."""
        if self._is_empty(exitstatus):
            yield from self._leave_nothing(session)
            return
        self._finish(exitstatus)
        if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            with self.internal.caught("telling the figures that no test names"):
                self._tell_unchecked()
        try:
            return (yield)
        except OSError as error:  # the page or junit.xml, on a full disk
            self._failure = self._failure or f"can't write the report: {error}"
        except Exception as error:
            self.internal.keep("writing the files at the end of the run", error)
        finally:
            self._write_missing_files()
            history_comparison = self._history_comparison
            broken = bool(
                self._failure
                or self._bench.errors
                or (
                    history_comparison
                    and (history_comparison.failures or history_comparison.missing)
                )
            )
            worse = history_comparison is not None and history_comparison.worse > 0
            session.exitstatus = self._outcome.exit_status(
                exitstatus, worse=worse, broken=broken, internal=self.internal.happened
            )
            self._settle_outputs(int(session.exitstatus))

    def _settle_outputs(self, status: int) -> None:
        """The message and the metrics of a run whose files are written."""
        with self.internal.caught("telling the outcome"):
            compared = self._history_comparison
            failures = [] if self._failure is None else [self._failure]
            failures += [] if compared is None else compared.failures
            folder = self._bench.folder.path
            self._output_lines = self._outputs.settle(
                *(folder, self.results(), self._comparison, status),
                [*failures, *self.internal.lines],
            )

    def _is_empty(self, exitstatus: int) -> bool:
        """Whether nothing was measured, and nothing happened that is worth a folder.

        Where a run is compared, or boards are expected, what was asked for and skipped may be
        missing.
        """
        folder = self._bench.folder
        if self._bench.abandoned:
            return True
        if folder.is_lost or folder.has_captures or self._failure or self.internal.happened:
            return False
        if self._options.expected and not self._options.boards:  # all of them are missing
            return exitstatus == pytest.ExitCode.USAGE_ERROR
        if self._selected.asked.cases and (self._options.compare or self._options.expected):
            return exitstatus == pytest.ExitCode.USAGE_ERROR
        interrupted = exitstatus in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.USAGE_ERROR)
        try:
            with self.internal.caught("reading what was measured"):
                return tells_nothing(self._errors_so_far(), interrupted=interrupted)
        except HilError:
            pass
        return False

    def write_no_files(self) -> None:
        """The run can't begin: what pytest's plugins would write has nothing to tell."""
        self._empty_run.hide_files(self._config.pluginmanager, self._bench.folder.path)

    def _errors_so_far(self) -> Sequence[ErrorRecord]:
        if not self._workers_measure:
            return self._bench.errors
        self._bench.close()  # else the log tells of a run without an end
        return self.results().errors

    def _leave_nothing(self, session: pytest.Session) -> Generator[None, None, None]:
        """End a run in which nothing was measured: no folder, no page, no line in the history."""
        self._finished = True
        folder = self._bench.folder
        skipped = self.results().skipped if folder.captures.joinpath(LOG_NAME).exists() else ()
        self._nothing = self._empty_run.reason(session, skipped) or ""
        self.write_no_files()
        with self.internal.caught("letting go of the boards"):
            self._bench.close()
        self._close_stream()
        try:
            yield
        finally:
            folder.discard()
            session.exitstatus = self._outcome.exit_status(
                int(session.exitstatus), internal=self.internal.happened
            )
            if session.exitstatus and not self._bench.abandoned:  # else it was told
                reason = self._nothing or "nothing was measured"
                self._outputs.tell_no_run(int(session.exitstatus), reason)

    def _finish(self, exitstatus: int) -> None:
        """Close the bench and write the figures; what can't be told fails the run."""
        self._finished = True
        folder = self._bench.folder
        try:
            with self.internal.caught("letting go of the boards"):
                if exitstatus in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR):
                    self._bench.interrupted()
                else:
                    self._missing_boards = find_missing(
                        *(self._bench, self._options, self._selected.asked),
                        workers_measure=self._workers_measure,
                    )
                self._bench.close()
            self._stored = None
            self._close_stream()
            with self.internal.caught("writing the figures"):
                results = self.results()
                info = replace(results.run, hashes=folder.hashes())
                write_results(folder.results, replace(results, run=info))
        except HilError as error:
            self._failure = str(error)
        with self.internal.caught("comparing and storing the run"):
            self._history_comparison = self._compare()
        with self.internal.caught("writing the server's summary"):
            self._tell_server()

    def _finish_late(self) -> None:
        """Where another plugin's failure kept pytest from ending the session: nothing is lost."""
        if self._finished:
            return
        folder = self._bench.folder
        begun = folder.captures.joinpath(LOG_NAME).exists()
        if not begun or not (folder.has_captures or self.internal.lines):
            self._bench.abandon()
            return
        self._finish(pytest.ExitCode.INTERNAL_ERROR)
        self._write_missing_files()

    def _write_missing_files(self) -> None:
        """The page and ``junit.xml``, where no plugin of pytest writes them."""
        if self._failure is not None:
            return
        try:
            with self.internal.caught("writing the report"):
                self._files.write_missing(self.results(), self._captures(), self._comparison)
        except HilError as error:
            self._failure = str(error)

    def pytest_internalerror(self) -> None:
        """An exception in a hook: here, or in a worker, which xdist tells of in this way only."""
        self.internal.happened = True

    def _tell_unchecked(self) -> None:
        """Make failed tests of what fails the run and no failed test named: boards, figures."""
        self._report("error", reports_of_missing(self._missing_boards))
        if self._failure is not None:
            return
        cases = unchecked(
            self.results().measurements,
            self._outcome.told,
            undecided_fails=self._options.undecided_fails,
        )
        reports = (*reports_of(cases), *reports_of_attempts(self.failed_attempts.texts))
        self._report("failed", reports)

    def _report(self, category: str, reports: Iterable[pytest.TestReport]) -> None:
        """Tell pytest of tests that it did not run; a failed one counts as ``category``."""
        manager = self._config.pluginmanager
        reporter = manager.getplugin("terminalreporter")
        # the reporter shows progress by the tests that were collected: it is told the outcome only
        others = manager.subset_hook_caller("pytest_runtest_logreport", [reporter])
        for report in reports:
            others(report=report)
            if reporter is not None and report.failed:
                reporter._add_stats(category, [report])

    def _compare(self) -> HistoryComparison:
        """The run compared with earlier runs, and stored."""
        # late: not before the first stamp
        from hil.pytest_plugin.history_comparison import HistoryComparison

        options, folder = self._options, self._bench.folder.path
        history_comparison = HistoryComparison(
            options.history,
            options.compare,
            folder,
            self._config.invocation_params.dir,
            self._selected.asked,
        )
        history_comparison.settle(self.results(), self._captures())
        return history_comparison

    @property
    def _comparison(self) -> Comparison | None:
        return None if self._history_comparison is None else self._history_comparison.comparison

    def _close_stream(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.close()

    def _tell_server(self) -> None:
        """Add the outcome to the summary page of a CI server that has one."""
        from hil.report.exports.job_summary import SUMMARY_VARIABLE, job_summary, write_summary

        path = os.environ.get(SUMMARY_VARIABLE)
        if not path:
            return
        try:
            text = job_summary(self.results(), self._comparison)
            write_summary(Path(path), text, append=True)
        except HilError as error:
            self._failure = self._failure or str(error)

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        """Take the name of this computer out of ``junit.xml``, where pytest puts it."""
        self._files.leave_out_host()

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_report_title(self, report: Any) -> None:
        """The page's title."""
        report.title = page_title(board.text for board in self._options.boards)

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(
        self, prefix: MutableSequence[str], summary: MutableSequence[str]
    ) -> None:
        """Put the report in front of pytest-html's own table."""
        with self.internal.caught("drawing the page"):
            from hil.report.page.page import add_to_summary, render_page_parts

            parts = render_page_parts(self.results(), self._captures(), self._comparison)
            add_to_summary(prefix, summary, parts)

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_row(
        self, report: pytest.TestReport, cells: MutableSequence[str]
    ) -> None:
        """pytest-html does not escape test ids, and a board's name is part of them."""
        escape_cells(cells, report.nodeid)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """The table, and where the files are."""
        if self._nothing is not None:
            if self._nothing:
                terminalreporter.write_line(self._nothing, yellow=True)
            return
        try:
            with self.internal.caught("drawing the table"):
                self._write_summary(terminalreporter)
        except HilError as error:
            self.internal.lines.append(str(error))
        for line in self.internal.lines:
            terminalreporter.write_line(f"error: {line}", red=True)

    def _write_summary(self, terminalreporter: Any) -> None:
        from hil.report.terminal.run_summary import terminal_summary

        writer = terminalreporter._tw
        terminalreporter.section("hil")
        stream = getattr(writer, "_file", sys.stdout)
        width = output_width(stream) or writer.fullwidth  # pytest's own takes any below 40 for 80
        terminalreporter.write(
            terminal_summary(
                self.results(),
                width=min(width, _WIDEST),
                color=writer.hasmarkup,
                comparison=self._comparison,
                encoding=getattr(stream, "encoding", None) or "utf-8",
            )
        )
        terminalreporter.write_line(
            f"results: {escaped_line(short_path(self._bench.folder.results))}"
        )
        terminalreporter.write_line(f"report:  {escaped_line(short_path(self._files.page))}")
        for line in (*self._bench.notes, *self._files.notes):
            terminalreporter.write_line(f"note:    {escaped_line(line)}")
        for line in self._output_lines:
            terminalreporter.write_line(escaped_line(line))
        for line in self._recordings_to_come():
            terminalreporter.write_line(line)
        for line in self._unmatched():
            terminalreporter.write_line(f"hint: {line}", yellow=True)
        failures = [] if self._failure is None else [self._failure]
        if (compared := self._history_comparison) is not None:
            for line in compared.lines:
                terminalreporter.write_line(line)
            if compared.worse:
                text = f"failed: {compared.worse} figures worse than in {compared.against}"
                terminalreporter.write_line(text, red=True)
            failures += compared.failures
            failures += [f"missing: {text}" for text in compared.missing]
        for failure in failures:
            terminalreporter.write_line(f"error: {failure}", red=True)

    def _recordings_to_come(self) -> list[str]:
        """How to evaluate each file that was recorded beside a board."""
        if any(board.stored_run for board in self._options.boards):
            return []
        board = shlex.quote(f"--hil-board=replay:{short_path(self._bench.folder.path)}")
        return [
            f"edges:   save the recording as {spec.target}, then: "
            f"pytest {board} {shlex.quote(f'{EDGE_OPTION}={spec.text}')}"
            for spec in self._options.edges
            if spec.kind == "file"
        ]

    def _unmatched(self) -> list[str]:
        """What the user's own budgets say of nothing in this run; the shipped ones serve any."""
        budgets = self._options.budgets
        if budgets.path is None or are_shipped(budgets):
            return []
        return unmatched_budgets(budgets, self.results().measurements)


def short_path(path: object) -> str:
    """A path as it is typed here: relative where it lies in the working folder."""
    text = os.fspath(path) if isinstance(path, os.PathLike) else str(path)
    relative = os.path.relpath(text)
    return text if relative.startswith("..") else relative


def end_pytest_line(config: Any) -> None:
    """End the line that pytest's reporter has begun, so that a bar does not erase it.

    ``config`` is a ``pytest.Config``; safe while pytest captures.
    """
    capture = config.pluginmanager.getplugin("capturemanager")
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is None:
        return
    with capture.global_and_fixture_disabled() if capture else nullcontext():
        reporter.ensure_newline()
        writer = getattr(reporter, "_tw", None)
        if getattr(writer, "width_of_current_line", 0):
            reporter.write("\n", flush=True)
        reporter.flush()


def own_stdout() -> TextIO:
    """A text stream on a duplicate of the real standard output, untouched by later redirection.

    What its encoding lacks is written in ASCII. Falls back to ``sys.__stderr__`` where there is
    none to duplicate.
    """
    try:
        number = os.dup((sys.__stdout__ or sys.stdout).fileno())
    except (AttributeError, OSError, ValueError):
        return sys.__stderr__ or sys.stderr
    encoding = getattr(sys.__stdout__ or sys.stdout, "encoding", None) or "utf-8"
    return open(number, "w", encoding=encoding, errors=ASCII_ERRORS, buffering=1)  # noqa: PTH123
