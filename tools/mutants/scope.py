"""What of the package gets faults, and which tests meet them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

STRATA = {
    "protocol": ("hil/protocol",),
    "analysis": ("hil/analysis",),
    "budgets": ("hil/model/budgets.py", "hil/model/budget_file.py", "hil/model/verdicts.py"),
    "captures": (
        *("hil/recording/capture_file.py", "hil/recording/capture_reader.py"),
        *("hil/recording/chunk_file.py", "hil/recording/edge_file.py"),
        *("hil/recording/edge_reader.py", "hil/recording/edge_files"),
    ),
    "validity": ("hil/recording/validity.py",),
    "results": ("hil/model/codec.py", "hil/model/result_files.py"),
    "exit status": ("hil/pytest_plugin/run_end.py",),
    "comparison": ("hil/history/comparison.py", "hil/history/comparison_inputs.py"),
}
"""Files and folders of the package that faults are put into."""
TESTS = (
    *("tests/model", "tests/protocol", "tests/recording", "tests/analysis", "tests/replay"),
    *("tests/report", "tests/history", "tests/system/fuzz"),
    *("tests/cli/test_compare_command.py", "tests/cli/test_show_command.py"),
    *("tests/cli/test_report_command.py", "tests/pytest_plugin/test_exit_codes.py"),
    "tests/pytest_plugin/test_run_end.py",
    *("tests/experiments/test_plan.py", "tests/experiments/test_web_traffic.py"),
    *("tests/system/faults/test_clock_steps.py", "tests/system/faults/test_crash_safe.py"),
    *("tests/system/faults/test_uncaught.py", "tests/system/security/test_hostile_board.py"),
)
"""Files and folders of the tests."""
SLOW = {
    *("test_a_storm_of_log_lines_faults_and_frames_is_bounded", "test_the_log_is_bounded"),
    *("test_a_text_of_any_length_stays_within_what_a_server_takes", "test_through_pytest_html"),
    *("test_four_hosts_write_five_runs_each_at_once_and_nothing_is_lost",),
    *("test_a_small_file_of_many_samples_takes_little_memory",),
    *("test_nights_without_a_change_hardly_ever_alarm", "test_several_processes_open_it_at_once"),
    *("test_bounds_cover_the_median_as_promised", "test_a_full_matrix_stays_below_five_megabytes"),
}
"""Tests that take too long under coverage to meet a mutant."""


def stratum_files(root: Path) -> Iterator[tuple[str, Path]]:
    """Each stratum with each of its files. Raises ``SystemExit`` where a path has none."""
    for stratum, paths in STRATA.items():
        for path in paths:
            for file in _python_files(root / path, f"stratum {stratum!r}", "*.py"):
                yield stratum, file


def test_files(root: Path) -> list[Path]:
    """The files of tests. Raises ``SystemExit`` where a path has none."""
    return [file for path in TESTS for file in _python_files(root / path, "TESTS", "test_*.py")]


def _python_files(path: Path, owner: str, pattern: str) -> list[Path]:
    files = sorted(path.rglob(pattern)) if path.is_dir() else [path]
    if not all(file.is_file() for file in files) or not files:
        raise SystemExit(f"tools/mutants/scope.py: {owner} names {path}, which holds no {pattern}")
    return files
