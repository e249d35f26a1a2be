"""A copy of the checkout, and which tests pass which lines of it."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import coverage
import pytest

from tools.mutants.scope import SLOW, test_files

COPIED = (
    *("hil", "tests", "device_agents", "benchmarks", "tools", "docs", "examples", "contrib"),
    *(".gitignore", "conftest.py", "pyproject.toml", "tox.ini", "README.md", "CHANGELOG.md"),
    *("CONTRIBUTING.md", "LICENSE"),
)
BOARD_WORDS = ("runpytest_subprocess", "run_on_sim", "VirtualBoard(", "Session(")
"""What only tests that start a board, or a process of their own, have in their source."""
BOARD_FIXTURES = {"repl", "session", "cluster"}


@dataclass(frozen=True, slots=True)
class Trace:
    """What each test took, and which tests passed each line."""

    time_s: dict[str, float]
    tests: dict[str, dict[int, list[str]]]
    modules: list[str]
    """Modules from outside the checkout that the tests need."""


def copy_checkout(root: Path, to: Path) -> Path:
    """Copy what tests need to ``to``."""
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir(parents=True)
    for name in COPIED:
        if (root / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", ".hypothesis")
            shutil.copytree(root / name, to / name, ignore=ignored)
        elif (root / name).exists():
            shutil.copy2(root / name, to / name)
    return to


def enter(copy: Path) -> None:
    """Make this process, and what it starts, import ``hil`` from ``copy``."""
    os.chdir(copy)
    os.environ["PYTHONPATH"] = str(copy)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    for name in [name for name in os.environ if name.startswith("HIL_")]:
        del os.environ[name]
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(copy))


def quietly(copy: Path, args: Sequence[str], plugin: object) -> int:
    """Run pytest with its output in a file of ``copy``."""
    out = os.open(copy / "output.txt", os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
    os.dup2(out, 1)
    os.dup2(out, 2)
    # plain: what was imported before the fork can't be rewritten
    options = ("-x", "-q", "--assert=plain", "-p", "no:cacheprovider", f"--rootdir={copy}")
    return int(pytest.main([*options, *args], plugins=[plugin]))


def settle_hypothesis() -> None:
    """The same examples in each run, and no search for a smaller one."""
    from hypothesis import Phase, settings

    phases = (Phase.explicit, Phase.generate)
    settings.register_profile(
        "mutants", derandomize=True, database=None, phases=phases, deadline=None
    )
    settings.load_profile("mutants")


def is_excluded(item: pytest.Item) -> bool:
    """Whether a test is slow, or needs a board or a process whose coverage is not seen."""
    if getattr(item, "originalname", item.name) in SLOW:
        return True
    if BOARD_FIXTURES & set(getattr(item, "fixturenames", ())):
        return True
    source = inspect.getsource(getattr(item, "obj", None) or type(item))
    return any(word in source for word in BOARD_WORDS)


class Tracer:
    """A pytest plugin: one context of coverage for each test, and what it took."""

    def __init__(self, cover: coverage.Coverage) -> None:
        self._cover = cover
        self.time_s: dict[str, float] = {}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if not is_excluded(item)]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._cover.switch_context(item.nodeid)
        begin = os.times()
        try:
            return (yield)
        finally:
            # the processor's time: what a test takes beside others says little of it
            self.time_s[item.nodeid] = sum(os.times()[:4]) - sum(begin[:4])
            self._cover.switch_context("")


def trace(copy: Path, tests: Sequence[str]) -> Trace:
    """Run ``tests`` in ``copy`` under coverage, in this process; all must pass."""
    enter(copy)
    sys.dont_write_bytecode = False  # the mutants' runs read what is compiled here
    settle_hypothesis()
    cover = coverage.Coverage(data_file=None, config_file=False, source=[str(copy / "hil")])
    tracer = Tracer(cover)
    cover.start()
    code = quietly(copy, tests, tracer)
    cover.stop()
    if code != 0:
        raise SystemExit(f"tests fail without a mutant: {copy / 'output.txt'}")
    data = cover.get_data()
    by_file: dict[str, dict[int, list[str]]] = {}
    for file in data.measured_files():
        lines = data.contexts_by_lineno(file)
        by_file[str(Path(file).relative_to(copy))] = {
            line: [name for name in names if name] for line, names in lines.items()
        }
    copied = [
        name for name, m in sys.modules.items() if str(copy) in str(getattr(m, "__file__", ""))
    ]
    tops = {name.partition(".")[0] for name in copied}
    # the tools that tests import need `hil`
    skipped = tuple({*copied, *tops, "coverage", "tools", "__main__"})
    modules = [name for name in list(sys.modules) if not name.startswith(skipped)]
    return Trace(tracer.time_s, by_file, modules)


def trace_in_parts(root: Path, work: Path, parts: int) -> Trace:
    """:func:`trace` in as many processes as ``parts``, each with a part of the files."""
    files = [file.relative_to(root) for file in test_files(root)]
    children = []
    for part in range(parts):
        copy = copy_checkout(root, work / f"trace{part}")
        child = os.fork()
        if child == 0:
            with ended_by_exit():
                done = trace(copy, [str(file) for file in files[part::parts]])
                (copy / "trace.json").write_text(
                    json.dumps([done.time_s, done.tests, done.modules])
                )
        children.append((copy, child))
    failed = [copy for copy, child in children if os.waitpid(child, 0)[1] != 0]
    if failed:
        raise SystemExit(f"no trace: {', '.join(str(copy / 'output.txt') for copy in failed)}")
    whole = Trace({}, {}, [])
    for copy, _ in children:
        time_s, tests, modules = json.loads((copy / "trace.json").read_text())
        whole.time_s.update(time_s)
        whole.modules.extend(modules)
        for file, lines in tests.items():
            into = whole.tests.setdefault(file, {})
            for line, names in lines.items():
                into[int(line)] = into.get(int(line), []) + names
    return whole


@contextlib.contextmanager
def ended_by_exit() -> Iterator[None]:
    """End a forked process without what its parent does at exit."""
    code = 1
    try:
        yield
        code = 0
    except SystemExit as error:
        print(error.code, file=sys.__stderr__)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def digest(root: Path) -> str:
    """What the trace depends on."""
    state = hashlib.sha256()
    for name in ("hil", "tests", "tools", "device_agents"):
        for file in sorted((root / name).rglob("*.py")):
            state.update(str(file).encode() + file.read_bytes())
    return state.hexdigest()[:16]


def get_trace(root: Path, work: Path, processes: int) -> Trace:
    stored = work / f"trace-{digest(root)}.json"
    if not stored.exists():
        made = trace_in_parts(root, work, processes)
        stored.write_text(json.dumps([made.time_s, made.tests, made.modules]))
    time_s, tests, modules = json.loads(stored.read_text())
    lines = {file: {int(k): v for k, v in by_line.items()} for file, by_line in tests.items()}
    return Trace(time_s, lines, modules)
