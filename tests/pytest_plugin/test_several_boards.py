"""Several boards side by side: one worker each, one report, and a broken board stops no other."""

import json
from types import SimpleNamespace

from hil.pytest_plugin.run_end import BENCH_BROKEN
from hil.pytest_plugin.xdist_workers import WorkerPerBoard

SUITE = """
def test_lateness(figures):
    figures.check("lateness_p50_us")

def test_complete(figures):
    figures.check("dropped")
"""


def test_one_boards_failure_does_not_stop_the_others(pytester):
    pytester.makepyfile(SUITE)
    result = pytester.runpytest_subprocess(
        "--board=sim:clock=virtual,seed=1",
        "--board=/dev/zebra",
        "--board=sim:clock=virtual,seed=2",
        "--hil-technique=timer_hard",
        "--hil-duration-s=0.4",
        "--hil-out=out",
    )
    result.assert_outcomes(passed=4, errors=2)
    assert result.ret == BENCH_BROKEN
    folder = pytester.path / "out" / "latest"
    numbers = json.loads((folder / "results.json").read_text())
    assert {b["name"] for b in numbers["boards"]} == {
        "sim:clock=virtual,seed=1",
        "sim:clock=virtual,seed=2",
    }
    assert {b["unique_id"][-1] for b in numbers["boards"]} == {"1", "2"}
    assert numbers["run"]["source"] == "sim"
    late = [m["board"] for m in numbers["measurements"] if m["metric"] == "lateness_p50_us"]
    assert sorted(late) == ["sim:clock=virtual,seed=1"] * 2 + ["sim:clock=virtual,seed=2"] * 2
    assert {e["board"] for e in numbers["errors"]} == {"/dev/zebra"}
    assert "no such port" in numbers["errors"][0]["error"]
    page = (folder / "report.html").read_text()
    assert "sim:clock=virtual,seed=1" in page
    assert "sim:clock=virtual,seed=2" in page
    assert "Traceback" not in str(result.stdout)


def test_a_single_board_is_never_shared_by_workers(pytester):
    pytester.makepyfile(SUITE)
    result = pytester.runpytest_subprocess(
        "-n2",
        "--board=sim:clock=virtual",
        "--hil-technique=timer_hard",
        "--hil-duration-s=0.4",
        "--hil-out=out",
    )
    result.assert_outcomes(passed=2)


def test_a_test_stays_with_its_board_wherever_the_boards_name_stands():
    boards = [SimpleNamespace(text=text) for text in ("sim", "sim:ppm=40")]
    plugin = WorkerPerBoard(None, SimpleNamespace(boards=boards))
    config = SimpleNamespace(getvalue=lambda name: ["popen", "popen"], option=SimpleNamespace())
    split = plugin.pytest_xdist_make_scheduler(config, None)._split_scope
    assert split("t.py::test[sim-thread-idle]") == "sim"
    assert split("t.py::test[sim:ppm=40-thread-idle-1-3]") == "sim:ppm=40"
    assert split("t.py::test[1-3-sim-thread-idle]") == "sim"
    assert split("t.py::test[x]") == "t.py::test[x]"
