"""Programs of the user's own, measured like techniques."""

import html
import json
import shutil
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
SUITE = """
def test_lateness(figures):
    figures.check("lateness_p50_us", "period_mean_us")
"""


@pytest.fixture
def measure(pytester, run_here):
    pytester.makepyfile(SUITE)

    def measure(path, *args):
        shutil.copy(path, pytester.path / "program.py")
        result = run_here(
            *("--board=sim:clock=virtual", "--hil-agent=program.py"),
            *("--hil-out=out", "--hil-duration-s=3", *args),
        )
        (folder,) = (pytester.path / "out").glob("2*_sim-*")
        return result, json.loads((folder / "results.json").read_text())

    return measure


def means(numbers):
    return {
        m["task"]: m["value"] for m in numbers["measurements"] if m["metric"] == "period_mean_us"
    }


def test_a_timer_beside_an_endless_loop(measure):
    result, numbers = measure(EXAMPLES / "blink_timer.py")
    result.assert_outcomes(passed=1)
    assert {m["technique"] for m in numbers["measurements"]} == {"program"}
    assert means(numbers)[0] == pytest.approx(20_000, rel=0.05)
    assert numbers["errors"] == []


def test_the_program_in_the_readme_runs_as_it_stands(measure, tmp_path):
    readme = (EXAMPLES.parent / "README.md").read_text()
    (program,) = [
        block.partition("```")[0]
        for block in readme.split("```python\n")[1:]
        if "hil_agent" in block.partition("```")[0]
    ]
    path = tmp_path / "blink.py"
    path.write_text(program)
    result, numbers = measure(path, "--hil-windows=1")
    result.assert_outcomes(passed=1)
    assert means(numbers)[0] == pytest.approx(20_000, rel=0.05)
    assert "notices" not in numbers


def test_tasks_at_different_rates(measure):
    result, numbers = measure(EXAMPLES / "two_rates.py")
    result.assert_outcomes(passed=1)
    mean_values = means(numbers)
    assert mean_values[1] / mean_values[0] == pytest.approx(2.5, rel=0.2)


def test_a_program_that_returns_leaves_its_timer_running_until_the_end(measure, tmp_path):
    path = tmp_path / "returns.py"
    path.write_text(
        "from machine import Timer\nfrom hil_agent import stamp\n"
        "Timer(-1).init(period=20, callback=stamp)\n"
    )
    _, numbers = measure(path, "--hil-period-ms=20")
    assert means(numbers)[0] == pytest.approx(20_000, rel=0.05)


def test_a_program_that_fails_is_an_error_with_its_traceback(measure, tmp_path):
    path = tmp_path / "fails.py"
    path.write_text("from hil_agent import stamp\nstamp()\nraise ValueError('no')\n")
    result, numbers = measure(path)
    result.assert_outcomes(errors=1)
    assert numbers["measurements"] == []
    error = numbers["errors"][0]
    said = "program.py, line 3: ValueError: no; line 3 is `raise ValueError('no')`"
    assert error["error"].endswith(said)
    assert 'File "program.py", line 3' in error["detail"]


HEAD = "# hil: period_ms=20\nimport time\nfrom machine import Timer\n"
TIMER = HEAD + "from hil_agent import stamp, asked\nt = Timer(-1)\n"
FOREVER = "while True:\n    time.sleep_ms(1)\n"
FAULTS = {
    "a timer that was never asked for": (
        TIMER + "t.init(period=20, callback=stamp)\n" + FOREVER,
        [],
        ["counted from the first activation: a constant delay can't be seen"],
    ),
    "asked for, and started later": (
        TIMER
        + "asked(0, 20_000)\ntime.sleep_ms(113)\nt.init(period=20, callback=stamp)\n"
        + FOREVER,
        ["the first activation came 113 ms after the moment that asked() names"],
        [],
    ),
    "no header": (
        TIMER.partition("\n")[2] + "t.init(period=20, callback=stamp)\n" + FOREVER,
        ["comes every 20.0 ms, 10 ms intended; is `# hil: period_ms=20` missing?"],
        [],
    ),
    "a program that ended": (
        TIMER + "for _ in range(15):\n    stamp()\n    time.sleep_ms(20)\n",
        ["the program ended after 300 ms and left nothing running"],
        [],
    ),
    "a timer that stops": (
        TIMER
        + "n = 0\ndef f(timer):\n    global n\n    stamp()\n    n += 1\n"
        + "    if n == 15:\n        timer.deinit()\n"
        + "t.init(period=20, callback=f)\n"
        + FOREVER,
        ["before the window's end; if a Timer drives them, was it stopped, or collected"],
        [],
    ),
    "a timer without a name": (
        HEAD + "from hil_agent import stamp\nTimer(-1).init(period=20, callback=stamp)\n" + FOREVER,
        ["line 5 keeps no reference to its Timer"],
        [],
    ),
    "stamped twice": (
        TIMER
        + "def f(timer):\n    stamp()\n    stamp()\nt.init(period=20, callback=f)\n"
        + FOREVER,
        ["is stamped 2 times within"],
        [],
    ),
    "asked again and again": (
        TIMER + "while True:\n    asked(0)\n    stamp()\n    time.sleep_ms(20)\n",
        ["the first call counts, so call it once"],
        [],
    ),
    "a callback that prints": (
        TIMER
        + "def f(timer):\n    stamp()\n    print('on')\nt.init(period=20, callback=f)\n"
        + FOREVER,
        ["it printed "],
        [],
    ),
}


def test_the_folder_among_the_examples_runs_as_it_stands(pytester, run_here):
    pytester.makepyfile(SUITE)
    shutil.copytree(EXAMPLES / "sensor_and_motor", pytester.path / "app")
    result = run_here(
        *("--board=sim:clock=virtual", "--hil-agent=app", "--hil-out=out"),
        *("--hil-duration-s=1", "--hil-windows=1"),
    )
    result.assert_outcomes(passed=1)
    numbers = json.loads((pytester.path / "out/latest/results.json").read_text())
    assert means(numbers)[0] == pytest.approx(20_000, rel=0.05)
    assert "notices" not in numbers
    names = {m["task"]: m.get("task_name") for m in numbers["measurements"]}
    assert names == {0: "sensor", 1: "motor", None: None}
    page = (pytester.path / "out/latest/report.html").read_text()
    assert "sensor, n = " in page
    assert ", task 1" not in page


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_in_one_sentence_by_file_terminal_and_page(
    measure, tmp_path, pytester, fault
):
    source, notices, seen = FAULTS[fault]
    path = tmp_path / "faulty.py"
    path.write_text(source)
    result, numbers = measure(path)
    page = html.unescape((pytester.path / "out/latest/report.html").read_text())
    said = " ".join(result.stdout.str().split())
    for text in notices:
        (notice,) = [n for n in numbers["notices"] if text in n["text"]]
        assert text in said
        assert text in page
        noted = [m["metric"] for m in numbers["measurements"] if text in m.get("note", "")]
        assert noted or notice["task"] is None
    for text in seen:
        assert text in said
        assert text in page
    assert numbers["errors"] == []


def test_what_is_asked_for_and_in_time_needs_no_word(measure):
    result, numbers = measure(EXAMPLES / "blink_timer.py")
    assert "notices" not in numbers
    assert "from 1st" not in result.stdout.str()
    assert not any("reference" in m for m in numbers["measurements"])
    assert not any(m["metric"] == "callbacks_after_stop" for m in numbers["measurements"])


def test_the_stamps_after_the_window_are_no_part_of_the_record(measure, tmp_path):
    path = tmp_path / "outlives.py"
    path.write_text(
        "# hil: period_ms=1\nfrom machine import Timer\nfrom hil_agent import stamp\n"
        "def f(timer):\n    stamp()\n    print('a line that outlives the window', timer)\n"
        "t = Timer(-1)\nt.init(period=1, callback=f)\n"
    )
    _, numbers = measure(path)
    assert numbers["errors"] == []
    values = {m["metric"]: m["value"] for m in numbers["measurements"]}
    assert (values["dropped"], values["missed"]) == (0, 0)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (TIMER + FOREVER, "program.py never called stamp() in "),
        (
            "# hil: period_ms=20,50\nimport time\nfrom hil_agent import stamps\n"
            "while True:\n    stamps[0]()\n    time.sleep_ms(20)\n",
            "program.py never called stamps[1]() for its period of 50 ms (task 0 ",
        ),
        (
            TIMER
            + "def f(timer):\n    stamp()\n    1 / 0\nt.init(period=20, callback=f)\n"
            + FOREVER,
            "program.py, line 8, in f: ZeroDivisionError: divide by zero",
        ),
    ],
)
def test_a_program_without_a_measurement_is_an_error_that_names_it(measure, tmp_path, source, said):
    path = tmp_path / "faulty.py"
    path.write_text(source)
    result, numbers = measure(path)
    result.assert_outcomes(errors=1)
    assert numbers["measurements"] == []
    assert said in numbers["errors"][0]["error"]
    assert said in " ".join(result.stdout.str().split())
