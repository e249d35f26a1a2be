"""Several boards side by side: one worker each, one report, and a broken board stops no other."""

import json

from hil.pytest_plugin.run_end import BENCH_BROKEN

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
