"""A run that measures nothing opens no board, leaves no folder, and does not move ``latest``."""

import numpy  # noqa: F401  (it can be loaded once in a process)
import pytest

NO_BOARD = "--hil-board=/dev/no-such-board"
MEASURES = "def test_it(figures):\n    figures.check('missed')\n"


@pytest.fixture(autouse=True)
def before(pytester):
    """A run of yesterday, to which ``latest`` leads."""
    pytester.path.joinpath("reports", "yesterday").mkdir(parents=True)
    pytester.path.joinpath("reports", "latest").symlink_to("yesterday")


def run_folders(pytester) -> list[str]:
    latest = pytester.path / "reports" / "latest"
    assert latest.readlink().name == "yesterday"
    return sorted(path.name for path in latest.parent.iterdir() if path.name != "latest")


@pytest.mark.parametrize(
    ("files", "words", "status", "said"),
    [
        ({}, [], 5, "*no test here asks for `figures`*`hil run /dev/no-such-board`*"),
        ({"test_other": "def test_other(): pass"}, [], 0, "*no test here asks for `figures`*"),
        ({"test_a": MEASURES}, ["-k", "zebra"], 5, "*all * tests were left out*"),
        ({"test_a": MEASURES, "test_b": "import nowhere"}, [], 2, "*ended before anything*"),
        (
            {"test_a": f"import pytest\n@pytest.mark.skip\n{MEASURES}"},
            [],
            0,
            "*no test here asks for `figures`*",
        ),
        ({"test_a": MEASURES}, ["--collect-only"], 0, "*/dev/no-such-board-thread-idle*"),
    ],
    ids=["no tests", "others", "deselected", "collection error", "marked skip", "collect only"],
)
def test_nothing_asks_for_a_board(pytester, files, words, status, said):
    pytester.makepyfile(**{"conftest": "", **files})
    result = pytester.runpytest_inprocess(NO_BOARD, "--hil-load=idle", *words)
    assert result.ret == status
    result.stdout.fnmatch_lines([said])
    result.stdout.no_fnmatch_line("*junit.xml*")
    result.stdout.no_fnmatch_line("*report.html*")
    assert run_folders(pytester) == ["yesterday"]


def test_an_end_before_the_first_capture(pytester):
    pytester.makepyfile(MEASURES)
    pytester.makeconftest(
        "import pytest\n"
        "@pytest.hookimpl(tryfirst=True)\n"
        "def pytest_runtest_protocol():\n    raise KeyboardInterrupt\n"
    )
    result = pytester.runpytest_subprocess("--hil-board=sim", "--hil-technique=thread")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*the run ended before anything was measured*"])
    assert run_folders(pytester) == ["yesterday"]


def test_a_board_that_cannot_be_opened(pytester):
    pytester.makepyfile(MEASURES)
    result = pytester.runpytest_subprocess(NO_BOARD)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: /dev/no-such-board*"])
    assert run_folders(pytester) == ["yesterday"]


@pytest.mark.parametrize("boards", [["sim"], ["sim", "sim:ppm=4"]])
def test_every_case_is_skipped(pytester, boards):
    pytester.makepyfile(MEASURES)
    given = [f"--hil-board={board}" for board in boards]
    result = pytester.runpytest_subprocess(*given, "--hil-technique=pio_irq", "--hil-load=idle")
    result.assert_outcomes(skipped=len(boards))
    result.stdout.fnmatch_lines(["hil: nothing was measured, every case was skipped: * PIO *"])
    assert run_folders(pytester) == ["yesterday"]


def test_a_files_name_that_was_asked_for_is_written_all_the_same(pytester):
    result = pytester.runpytest_inprocess(NO_BOARD, "--junitxml=own.xml")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert pytester.path.joinpath("own.xml").is_file()
    result.stdout.fnmatch_lines(["*own.xml*"])


def test_latest_moves_with_the_first_capture(pytester, replayed):
    pytester.runpytest_subprocess(replayed)
    latest = pytester.path / "reports" / "latest"
    assert latest.readlink().name != "yesterday"
    assert latest.joinpath("results.json").is_file()
