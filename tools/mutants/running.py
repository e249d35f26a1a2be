"""Runs tests against mutants, each in a process of its own.

Each process that runs mutants has a copy of the checkout, first on the import path also of what
the tests start. It has imported what the tests need, but nothing of ``hil``, and forks for each
mutant: what was collected, patched or cached in one run is gone in the next.
"""

from __future__ import annotations

import compileall
import contextlib
import importlib
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tools.mutants.covering import Job
from tools.mutants.tracing import (
    Trace,
    copy_checkout,
    enter,
    is_excluded,
    quietly,
    settle_hypothesis,
)

SPARE_S, SPARE_TIMES = 10.0, 10.0
"""A test is ended after so many seconds and so many times the processor's time that it took."""
FIRST_FILES, QUICK_S = 3, 0.5
MEMORY = 6 << 30
ENDED = 70


class Chosen:
    """A pytest plugin: some tests only, the fastest first, each with a time of its own."""

    def __init__(self, time_s: dict[str, float], known: Iterable[str], current: Path) -> None:
        self._time_s, self._known, self._current = time_s, frozenset(known), current
        self.ran = 0

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        # a table that changed may give a parametrised test another name: that one counts too
        chosen = [
            item
            for item in items
            if item.nodeid in self._time_s
            or (item.nodeid not in self._known and not is_excluded(item))
        ]
        items[:] = sorted(chosen, key=lambda item: self._time_s.get(item.nodeid, 0.0))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.ran += 1
        self._current.write_text(item.nodeid)
        limit_s = SPARE_S + SPARE_TIMES * self._time_s.get(item.nodeid, 1.0)
        signal.setitimer(signal.ITIMER_REAL, limit_s)
        try:
            return (yield)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 60.0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one mutant."""

    outcome: str
    """``killed``, ``timeout`` or ``survived``."""
    test: str
    """The test that failed, or the last one."""
    tests: int
    seconds: float


class Runner:
    """One process that runs mutants, one after the other."""

    def __init__(self, copy: Path, trace: Trace) -> None:
        self._copy, self._trace = copy, trace
        compileall.compile_dir(copy / "hil", quiet=1)
        compileall.compile_dir(copy / "tests", quiet=1)
        for name in trace.modules:
            with contextlib.suppress(Exception):
                importlib.import_module(name)
        assert "hil" not in sys.modules
        self._in_file = Counter(name.partition("::")[0] for name in trace.time_s)
        self._stamp = time.time() + 1e6

    def run(self, file: str, source: str, tests: Sequence[str]) -> Verdict:
        """Put ``source`` in place of ``file``, run ``tests``, put the original back."""
        if not tests:
            return Verdict("survived", "", 0, 0.0)
        path = self._copy / file
        saved = path.with_suffix(".saved")
        shutil.copy2(path, saved)
        path.write_text(source)
        self._stamp += 10  # no compiled file fits
        os.utime(path, (self._stamp, self._stamp))
        begin = time.monotonic()
        try:
            for stage in self._stages(tests):
                status = self._fork(stage)
                if status != 0:
                    break
        finally:
            saved.replace(path)
        seconds = time.monotonic() - begin
        current = self._copy / "current.txt"
        last = current.read_text() if current.exists() else "import"
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM:
            return Verdict("timeout", last, len(tests), seconds)
        code = os.waitstatus_to_exitcode(status)
        if code in (int(pytest.ExitCode.NO_TESTS_COLLECTED), int(pytest.ExitCode.USAGE_ERROR)):
            # an import that fails within pytest's own start is a usage error
            output = (self._copy / "output.txt").read_text()
            if "Error" not in output:
                raise RuntimeError(f"no test ran for {file}: {output[-2000:]}")
        return Verdict("survived" if code == 0 else "killed", last, len(tests), seconds)

    def _stages(self, tests: Sequence[str]) -> list[list[str]]:
        """First the test files that are most about this statement: to collect all takes seconds."""
        files = Counter(name.partition("::")[0] for name in tests)
        share = {file: count / self._in_file[file] for file, count in files.items()}
        first = set(sorted(share, key=lambda file: -share[file])[:FIRST_FILES])
        quick = [
            name
            for name in tests
            if name.partition("::")[0] in first and self._trace.time_s[name] < QUICK_S
        ]
        done = frozenset(quick)
        return [part for part in (quick, [n for n in tests if n not in done]) if part]

    def _fork(self, tests: Sequence[str]) -> int:
        (self._copy / "current.txt").unlink(missing_ok=True)
        child = os.fork()
        if child == 0:
            try:
                os.setsid()
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.setitimer(signal.ITIMER_REAL, 60.0)
                resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
                enter(self._copy)
                settle_hypothesis()
                time_s = {name: self._trace.time_s[name] for name in tests}
                plugin = Chosen(time_s, self._trace.time_s, self._copy / "current.txt")
                files = sorted({name.partition("::")[0] for name in tests})
                code = quietly(self._copy, files, plugin)
            except BaseException:
                code = ENDED
            os._exit(code)
        status = os.waitpid(child, 0)[1]
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)  # what the tests left running
        return status


_runner: Runner


def _start(root: Path, work: Path, trace: Trace) -> None:
    global _runner
    _runner = Runner(copy_checkout(root, work / f"run{os.getpid()}"), trace)


def _run(numbered: tuple[int, Job]) -> tuple[int, Verdict]:
    number, job = numbered
    return number, _runner.run(job.mutant.file, job.mutant.source, job.tests)


def run_all(
    root: Path,
    work: Path,
    trace: Trace,
    jobs: Sequence[Job],
    processes: int,
    report: Callable[[Job, Verdict], None],
) -> list[Verdict]:
    """Run every job, ``report`` each as it ends, and print the progress."""
    verdicts: dict[int, Verdict] = {}
    begin = shown = time.monotonic()
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes, _start, (root, work, trace)) as pool:
        for at, verdict in pool.imap_unordered(_run, enumerate(jobs)):
            verdicts[at] = verdict
            report(jobs[at], verdict)
            if time.monotonic() - shown > 20:
                shown = time.monotonic()
                print(f"{len(verdicts)} of {len(jobs)} after {shown - begin:.0f} s", flush=True)
    return [verdicts[i] for i in range(len(jobs))]
