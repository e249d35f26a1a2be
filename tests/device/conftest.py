"""The embedded board with a bundle on it, or with the scheduler in its flash.

``runner`` is a board in virtual time, of which exact values are asserted; ``real_runner`` is one on
the host's clock, of which nothing is asserted that a slow or busy machine could change.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from hil.agents import bundle
from hil.boards.backends.registry import parse_board
from hil.boards.backends.sim import VirtualBoard
from hil.boards.raw_repl import RawRepl
from hil.experiments.plan import Case, post_window_files
from hil.experiments.registry import chosen_workloads
from hil.experiments.session import Session
from hil.model.captures import CapturePlan
from hil.model.errors import HilError
from hil.protocol.decoder import Decoded, decode

CONFIG = {
    "periods": (10_000, 10_000),
    "phases": (0, 0),
    "duration": 300_000,
    "pins": (0, 1),
    "levels": (1, 0),
    "loop": (4, 5),
    "timers": (-1, -1, -1, -1),
    "mode": "buffered",
}


def files_after(technique: str, load: str, options: Mapping[str, object]) -> tuple[str, ...]:
    """The files of the workloads that these options switch on."""
    plan = CapturePlan(technique, load, (), 0, options=options)  # type: ignore[arg-type]
    return post_window_files(chosen_workloads(Case(plan)))


RP2_PORT = Path(__file__).with_name("rp2_port.py")
"""The module that ``pio_irq`` needs, which the embedded board lacks."""


class Runner:
    """Deploys device files once and runs captures."""

    def __init__(self, repl: RawRepl, capabilities: tuple[str, ...] = ()) -> None:
        self.repl = repl
        self.capabilities = capabilities
        self._deployed: set[str] = set()

    def exec(self, code: str) -> str:
        return self.repl.exec(code).decode()

    def deploy(self, technique: str, load: str = "idle", after: tuple[str, ...] = ()) -> None:
        capabilities = self.capabilities
        if technique == "pio_irq" and RP2_PORT.name not in self._deployed:
            self.repl.exec(RP2_PORT.read_text())
            self._deployed.add(RP2_PORT.name)
        for name, pieces in bundle.sources(technique, load, capabilities, after=after):
            if name not in self._deployed:
                for piece in pieces:
                    self.repl.exec(piece)
                self._deployed.add(name)

    def start(self, technique: str, load: str = "idle", **config: object) -> None:
        after = files_after(technique, load, config)
        self.deploy(technique, load, after)
        full = {**CONFIG, "technique": technique, "load": load, **config}
        self.repl.start(bundle.start_code(full, after))

    def finish(self, seconds: float = 15) -> Decoded:
        return decode(self.repl.finish(self.repl.deadline(seconds, seconds)))

    def run(self, technique: str, load: str = "idle", **config: object) -> Decoded:
        self.start(technique, load, **config)
        return self.finish()

    @staticmethod
    def end(decoded: Decoded) -> dict[str, str]:
        """The end frame's fields."""
        frames = [frame for frame in decoded.texts if frame.kind == "E"]
        assert len(frames) == 1, decoded.log
        return dict(frames[0].fields)

    def run_code(self, body: str, **config: object) -> Decoded:
        """Run a technique given as the body of its run(job)."""
        self.deploy("timer_soft")
        self.exec("def run_here(job):\n" + "".join(f" {line}\n" for line in body.splitlines()))
        full = {**CONFIG, "technique": "here", **config}
        self.repl.start(f"hil_main(run_here, {full!r})")
        return self.finish()


WHOLE_US = "read_us=1,pin_us=1,store_us=1,entry_us=1"
"""Costs in whole microseconds: what a test finds does not depend on those that ran before it."""
TURN_US = 2


@contextmanager
def connect(knobs: str = "") -> Iterator[Runner]:
    """A board in virtual time, kept in step."""
    costs = WHOLE_US if "_us=" not in knobs else ""
    with (
        VirtualBoard(",".join(filter(None, ("clock=virtual", costs, knobs))), hold=True) as board,
        board.open_repl() as repl,
    ):
        repl.enter()
        yield Runner(repl)


@contextmanager
def connect_real(knobs: str = "") -> Iterator[Runner]:
    """A board on the host's clock."""
    with VirtualBoard(knobs) as board, RawRepl(board.port) as repl:
        repl.enter()
        yield Runner(repl)


class Shared:
    """A board that the tests of a module share; one that a test loses is replaced."""

    def __init__(self, connect: Callable[[], AbstractContextManager[Runner]]) -> None:
        self._connect = connect
        self._stack = ExitStack()
        self._runner: Runner | None = None

    def ready(self) -> Runner:
        """The runner, on a board at its prompt on which nothing runs."""
        if self._runner is not None and not self._is_clean(self._runner):
            self.lose()
        if self._runner is None:
            self._runner = self._stack.enter_context(self._connect())
        return self._runner

    def lose(self) -> None:
        """Give the board up; the next test gets another one."""
        self._runner = None
        with suppress(HilError):
            self._stack.close()

    @staticmethod
    def _is_clean(runner: Runner) -> bool:
        try:
            return runner.repl.exec(LOOK, timeout_s=2.0) == b"clean\n"
        except HilError:
            return False


LOOK = """
import sim_controller
print("clean" if not any(sim_controller.slots) else "a timer runs on")
"""


@pytest.fixture(scope="module")
def shared() -> Iterator[Shared]:
    """The module's board in virtual time."""
    board = Shared(connect)
    yield board
    board.lose()


@pytest.fixture
def runner(shared: Shared) -> Runner:
    """The module's board, ready for a test."""
    return shared.ready()


@pytest.fixture(scope="module")
def shared_real() -> Iterator[Shared]:
    """The module's board on the host's clock."""
    board = Shared(connect_real)
    yield board
    board.lose()


@pytest.fixture
def real_runner(shared_real: Shared) -> Runner:
    """The module's board on the host's clock, ready for a test."""
    return shared_real.ready()


@pytest.fixture(scope="session")
def connect_board() -> Callable[[str], AbstractContextManager[Runner]]:
    """A function that starts a board in virtual time with some knobs."""
    return connect


@pytest.fixture
def session_on(
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[Path], AbstractContextManager[Session]]:
    """A function that opens a session on a board in virtual time with files in its flash."""

    @contextmanager
    def opened(root: Path) -> Iterator[Session]:
        monkeypatch.setattr(
            "hil.boards.backends.sim.VirtualBoard", partial(VirtualBoard, root=root)
        )
        with Session(parse_board("sim:clock=virtual")) as session:
            yield session

    return opened


SCHEDULER = [
    bundle.agents_folder() / "lib" / f"{name}.py"
    for name in ("schedule", "schedule_plan", "schedule_store")
]
SCHEDULER_SETUP = """
import asyncio, json, os, time, schedule, schedule_plan, schedule_store
from schedule import Scheduler
CLOCK = [0]
REPORTS = []
def set_clock(*when):
    CLOCK[0] = time.mktime(when + (0, 0, 0)[len(when) - 3:] + (0, 0)) * 1000
def fake_clock():
    schedule.wall_ms = schedule_plan.wall_ms = lambda: CLOCK[0]
def real_clock(real=schedule_plan.wall_ms):
    schedule.wall_ms = schedule_plan.wall_ms = real
def new(**kw):
    REPORTS.clear()
    return Scheduler(report=REPORTS.append, **kw)
def when(job):
    return time.localtime(job.due // 1000)[:6]
def nothing():
    pass
async def for_ms(plan, ms):
    task = asyncio.create_task(plan.run_forever())
    await asyncio.sleep_ms(ms)
    plan.stop()
    await task
def run(plan, ms):
    asyncio.run(for_ms(plan, ms))
"""


class Installed:
    """A board with the library in its flash."""

    def __init__(self, repl: RawRepl) -> None:
        self.repl = repl

    def __call__(self, code: str) -> str:
        return self.repl.exec(code).decode().strip()

    def value(self, setup: str, expression: str) -> object:
        namespace = {"nan": float("nan")}
        return eval(self(f"{setup}\nprint(repr({expression}))").splitlines()[-1], namespace)


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """The scheduler as users install it, with a clock that can be set and short helpers."""
    root = tmp_path_factory.mktemp("flash")
    (root / "lib").mkdir()
    for path in SCHEDULER:
        shutil.copy(path, root / "lib")
    with (
        VirtualBoard("clock=virtual", root=root, hold=True) as virtual,
        virtual.open_repl() as repl,
    ):
        repl.enter()
        installed = Installed(repl)
        installed(SCHEDULER_SETUP)
        yield installed
