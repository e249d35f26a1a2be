"""The reusable libraries installed by unmodified mpremote from a server, and used on the board."""

import ast
import functools
import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hil.agents.bundle import agents_folder
from hil.boards.backends.sim import VirtualBoard

LIB = agents_folder() / "lib"
PACKAGES = ("package.json", "schedule.json", "periodic_operator.json")

Mpremote = Callable[..., str]

USE_SCHEDULE = """
import asyncio, os
from schedule import Scheduler
s = Scheduler()
def lights(): print("lights")
async def report(): s.stop()
s.every(30).milliseconds.do(lights)
s.every(100).milliseconds.do(report)
s.every().day.at("10:30").do(print, name="daily")
asyncio.run(s.run_forever())
s.save_flash("plan")
t = Scheduler()
t.register("daily", print)
t.register("lights", lights)
t.register("report", report)
print(t.load_flash("plan"), "jobs", s.jobs["daily"].due == t.jobs["daily"].due)
"""
USE_OPERATOR = """
import time
from machine import Timer
from periodic_operator import PeriodicOperator
count = [0]
def tick(timer):
    count[0] += 1
operator = PeriodicOperator(Timer(-1), 10, tick)
operator.start()
time.sleep_ms(200)
operator.stop()
seen = count[0]
time.sleep_ms(50)
print(operator, seen > 8, count[0] == seen)
"""


@pytest.fixture
def url() -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(LIB))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "flash").mkdir()
    return tmp_path / "flash"


@pytest.fixture
def mpremote(root: Path) -> Iterator[Mpremote]:
    with VirtualBoard(root=root) as board:

        def run(*words: str, expect: int = 0) -> str:
            command = [sys.executable, "-m", "mpremote", "connect", board.port, *words]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
            assert done.returncode == expect, done.stdout + done.stderr
            return done.stdout

        yield run


def installed(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root / "lib").iterdir()}


def files(package: str) -> dict[str, str]:
    return dict(json.loads((LIB / package).read_text())["urls"])


def test_schedule_is_installed_and_used(mpremote, root, url):
    mpremote("mip", "install", f"{url}/schedule.json")
    assert installed(root) == {name: (LIB / name).read_bytes() for name in files("schedule.json")}

    said = mpremote("exec", USE_SCHEDULE).split("\n")
    assert said.count("lights") >= 2
    assert said[-2:] == ["3 jobs True", ""]


def test_periodic_operator_is_installed_and_used(mpremote, root, url):
    mpremote("mip", "install", f"{url}/periodic_operator.json")
    assert list(installed(root)) == ["periodic_operator.py"]

    assert mpremote("exec", USE_OPERATOR).strip() == (
        "PeriodicOperator: stopped, every 10 ms True True"
    )


def test_the_folder_is_a_package_of_both(mpremote, root, url):
    mpremote("mip", "install", url)
    assert set(installed(root)) == set(files("package.json"))


def test_another_place_may_be_chosen(mpremote, root, url):
    mpremote("mip", "install", "--target", "/elsewhere", f"{url}/periodic_operator.json")
    assert (root / "elsewhere" / "periodic_operator.py").exists()


def test_what_is_not_there_is_an_error(mpremote, url):
    mpremote("mip", "install", f"{url}/nothing.json", expect=1)


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_are_complete_and_stand_alone(package):
    names = files(package)
    own = {path.stem for path in LIB.glob("*.py")}
    for name, source in names.items():
        assert name == source  # no way out of the folder: some servers refuse it
        for node in ast.walk(ast.parse((LIB / source).read_text())):
            if isinstance(node, ast.Import):
                modules = {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                modules = {node.module or ""}
            else:
                continue
            assert not any(module.startswith("lib") for module in modules), source
            assert {f"{module}.py" for module in modules & own} <= set(names), source
