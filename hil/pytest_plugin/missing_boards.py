"""Expected boards that did not answer: errors of the run, told to pytest as tests without a board.

So ``junit.xml``, the page's list of tests and pytest's own count say what the exit status says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.pytest_plugin.unchecked_figures import failed_test

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pytest

    from hil.experiments.plan import RunOptions
    from hil.experiments.run import Bench
    from hil.history.missing_parts import AskedCases
    from hil.model.board import BoardIdentity
    from hil.model.results import ErrorRecord


def find_missing(
    bench: Bench, options: RunOptions, asked: AskedCases, *, workers_measure: bool
) -> list[ErrorRecord]:
    """Hold the boards that answered against the expected ones; the errors that ``bench`` now has.

    To be called before the bench is closed. Where the tests of a whole board were deselected,
    nobody asked it, and nothing is said.
    """
    if not options.expected:
        return []
    begun = {board for board, _, _ in asked.cases}
    left_out = [board.text for board in options.boards if board.text not in begun]
    if left_out:
        bench.notes.append(
            f"--hil-expect was not checked: no test of {', '.join(left_out)} was selected"
        )
        return []
    return bench.check_expected(_stored(bench) if workers_measure else bench.boards)


def _stored(bench: Bench) -> Sequence[BoardIdentity]:
    from hil.recording.capture_reader import stored_boards

    return stored_boards(bench.folder.captures)


def reports_of_missing(errors: Iterable[ErrorRecord]) -> Iterator[pytest.TestReport]:
    """What pytest is told: for each missing board a test whose set-up failed."""
    for error in errors:
        text = f"{error.board}: {error.error}"
        yield from failed_test(f"board[{error.board}]", text, in_setup=True)
