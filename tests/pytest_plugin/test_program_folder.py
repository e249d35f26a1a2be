"""A program of several files, a package and a compiled module, on the embedded board."""

import hashlib
import json

import pytest

from hil.experiments.evaluation import evaluate_run
from hil.model.codec import write_record
from hil.recording.capture_reader import read_capture
from hil.recording.stored_run import read_run

SUITE = """
def test_it(figures):
    figures.check("lateness_p50_us")
"""
MAIN = """# hil: period_ms=20
# hil: require=averages
# hil: mip_index=.index
from machine import Timer
from hil_agent import asked, stamp
import blinker
from averages import average
from tools import double

with open("config.json") as file:
    print("config", file.read(), average([1, 3]), double(2))
timer = Timer(-1)
asked(0, 20_000)
timer.init(mode=Timer.PERIODIC, period=20, callback=blinker.blink)
while True:
    pass
"""
BLINKER = """from hil_agent import stamp
n = 0

def blink(timer):
    global n
    stamp()
    n += 1
    {}
"""
AVERAGES = b"def average(values):\n    return sum(values) / len(values)\n"


@pytest.fixture
def measure(pytester, run_here):
    pytester.makepyfile(SUITE)
    app = pytester.path / "app"
    digest = hashlib.sha256(AVERAGES).hexdigest()[:8]
    package = {"v": 1, "version": "2.0", "hashes": [["averages.py", digest]]}
    for name, content in {
        "main.py": MAIN,
        "lib/tools.py": "def double(n):\n    return 2 * n\n",
        "config.json": "{}",
        ".index/package/py/averages/latest.json": json.dumps(package),
        f".index/file/{digest[:2]}/{digest}": AVERAGES.decode(),
    }.items():
        path = app / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    def measure(last_line):
        (app / "blinker.py").write_text(BLINKER.format(last_line))
        result = run_here(
            *("--board=sim:clock=virtual", "--hil-agent=app", "--hil-out=out"),
            *("--hil-duration-s=1", "--hil-windows=1"),
        )
        (folder,) = (pytester.path / "out").glob("2*_sim-*")
        return result, json.loads((folder / "results.json").read_text()), folder / "capture"

    return measure


def test_its_files_come_along_and_are_stored_with_the_capture(measure):
    result, numbers, captures = measure("pass")
    result.assert_outcomes(passed=1)
    assert numbers["errors"] == []
    capture = read_capture(captures / "001_app_idle.hilcap")
    assert "config {} 2.0 4" in capture.log
    assert {file.path: file.package for file in capture.program_files} == {
        "main.py": "",
        "blinker.py": "",
        "config.json": "",
        "lib/tools.py": "",
        "lib/averages.py": "averages@2.0",
    }
    assert capture.program_files[-1].content == AVERAGES
    (program,) = numbers["programs"]
    assert program["technique"] == "app"
    assert program["files"][0]["path"] == "main.py"
    assert program["files"][-1] == {
        "path": "lib/averages.py",
        "bytes": len(AVERAGES),
        "sha256": hashlib.sha256(AVERAGES).hexdigest(),
        "package": "averages@2.0",
    }
    replayed = evaluate_run(read_run(captures.parent), None)
    assert write_record(replayed)["programs"] == [program]


def test_an_exception_in_a_callback_of_a_module_is_told_with_its_line(measure):
    result, numbers, _ = measure("if n == 9: raise ValueError('later')")
    result.assert_outcomes(errors=1)
    error = numbers["errors"][0]
    said = "blinker.py, line 8, in blink: ValueError: later; line 8 is `if n == 9: raise"
    assert said in error["error"]
    assert 'File "blinker.py", line 8, in blink\n    if n == 9: raise' in error["detail"]
    result.stdout.fnmatch_lines(["*blinker.py, line 8, in blink*"])
