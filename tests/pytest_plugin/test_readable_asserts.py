"""``assert figures.lateness.p99 < 200 * us``: what a failing one shows, and the exit status."""

import re

import pytest

SUITE = "from hil.units import ms, ppm, us\n"
TEST = "def test_{name}(figures):\n    assert {assertion}\n"


@pytest.fixture
def failing(pytester, run_here, replayed):
    """What pytest marks as the error of each test, by the test's name; a test an assertion."""

    def run(*options, status, **assertions):
        tests = [TEST.format(name=name, assertion=text) for name, text in assertions.items()]
        pytester.makepyfile(test_suite=SUITE + "\n".join(tests))
        result = run_here(replayed, "--hil-out=out", "--hil-history=none", *options)
        assert result.ret == status, result.stdout.str()
        lines = {}
        for line in result.outlines:
            if begin := re.match(r"_+ test_(\w+)\[", line):
                lines[begin[1]] = []
            elif line.startswith("E   "):
                list(lines.values())[-1].append(line[1:].strip())
        return lines

    return run


def test_a_failed_assertion_says_limit_value_bounds_case_and_where_to_look(failing):
    lines = failing(
        status=1,
        several="figures.lateness.p50 < 0.001 * us",
        bounded="figures.schedule_drift < 1 * ppm",
        single="figures.all('lateness_p50_us')[0] < 0.001 * ms",
        number="figures.all('lateness_p50_us')[0].value < 1",
        mirrored="0.0001 * figures.task_period > figures.lateness.p50",
    )
    several = lines["several"]
    assert several[0] == "assert lateness_p50_us < 0.001 us fails for 2 of 2"
    assert re.search(r"thread/gc task 0 = \S+ us \(no bounds, n=30\) on sim", several[1])
    assert "thread/gc task 1 = " in several[2]
    assert several[3].strip().startswith("report: out/")
    assert re.search(r"= \S+ ppm \[\S+, \S+\] \(95 %, n=\d+\)", lines["bounded"][1])
    assert lines["single"][0] == "assert lateness_p50_us < 0.001 ms fails for 1 of 1"
    assert re.search(r"where \S+ = lateness_p50_us thread/gc task 0 = ", lines["number"][1])
    assert lines["mirrored"][0].startswith("assert lateness_p50_us < 1 us fails")
    assert max(map(len, lines.values())) <= 6
    assert "..." not in str(lines)


def test_what_holds_is_in_junit_and_what_was_not_measured_is_a_skip(pytester, failing):
    held = failing(
        status=0,
        holds="figures.lateness.p50 < 500 * ms",
        skips="figures.lateness.p999 < 200 * us",
    )
    assert held == {}
    junit = next(pytester.path.glob("out/2*/junit.xml")).read_text()
    assert 'name="lateness_p50_us.task0"' in junit
    assert re.search("<skipped[^>]*needs 2995", junit)


def test_a_mistake_in_an_assertion_is_one_line_and_no_figure_out_of_budget(failing):
    lines = failing(
        status=8,
        unit="figures.lateness.p50 < 20 * ppm",
        plain="figures.lateness.p50 < 20",
        part="figures.lateness.p95 < 20 * us",
        name="figures.latenes_p99_us < 20 * us",
    )
    assert "lateness_p50_us is in us, 20 ppm is not" in lines["unit"][0]
    assert "lateness_p50_us is in us, 20 has no unit" in lines["plain"][0]
    assert "did you mean p99 or p50?" in lines["part"][0]
    assert "did you mean lateness_p99_us" in lines["name"][0]
    assert {len(error) for error in lines.values()} == {1}


def test_an_undecided_figure_fails_where_that_was_asked_for(failing):
    between = "figures.schedule_drift < figures.all('schedule_drift_ppm')[0].value * ppm"
    lines = failing("--hil-undecided=fail", status=1, between=between)["between"]
    assert "measure longer with --hil-duration-s" in "".join(lines)
    assert failing(status=0, between=f"{between} or False") == {}
