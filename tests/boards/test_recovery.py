"""The ladder for a board that does not answer: order, each once, told, and then given up."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from pathlib import Path

import pytest

from hil.boards.attach import AttachLimits
from hil.boards.backend import Backend, BoardSpec, RecoveryStep
from hil.boards.backends.registry import parse_board
from hil.boards.backends.sim import VirtualBoard
from hil.boards.connection import Connection, run_recovery_steps
from hil.boards.port_board import PortBoard
from hil.experiments.plan import Case, calibration_plan, capture_job
from hil.experiments.session import Session
from hil.model.errors import (
    BoardBrokenError,
    BoardBusyError,
    BoardTimeoutError,
    HilError,
    LinkLostError,
)
from hil.pytest_plugin.run_end import BENCH_BROKEN

SHORT = AttachLimits(first_answer_s=0.8, prompt_s=0.4, reboot_s=0.4)
DEAF = "import micropython\nmicropython.kbd_intr(-1)\nwhile True: pass"


@pytest.fixture(autouse=True)
def locks(tmp_path, monkeypatch):
    monkeypatch.setenv("HIL_LOCK_DIR", str(tmp_path / "locks"))


class PlainPort(Backend):
    """The port of a board in virtual time, in step with it."""

    def __init__(self, board: VirtualBoard) -> None:
        self._board = board

    def open(self, spec: BoardSpec) -> PortBoard:
        held = contextlib.ExitStack()
        return PortBoard(spec, self._board.port, held, opener=self._board.new_opener())


def through_port(board: VirtualBoard) -> Session:
    """A session that knows the board's port and its time, and nothing of its reset button."""
    return Session(BoardSpec(f"port:{board.port}", PlainPort(board)))


def ladder(tried: list[str], helps: str):
    def step(name: str, unavailable: str = "") -> RecoveryStep:
        def attempt() -> None:
            tried.append(name)
            if name != helps:
                raise BoardTimeoutError(f"silence at {name}")

        return RecoveryStep(name, attempt, unavailable)

    return [step("Ctrl-C"), step("soft reset"), step("power cycle", "no switch"), step("last")]


def test_the_mildest_that_helps_is_the_last_that_is_tried(caplog):
    for helps, expected in [
        ("Ctrl-C", ["Ctrl-C"]),
        ("soft reset", ["Ctrl-C", "soft reset"]),
        ("last", ["Ctrl-C", "soft reset", "last"]),
    ]:
        tried: list[str] = []
        assert run_recovery_steps("board", ladder(tried, helps)) == helps
        assert tried == expected
    assert "the board came back after a last" in caplog.text


def test_a_ladder_without_success_tells_every_step_once():
    tried: list[str] = []
    with pytest.raises(BoardBrokenError) as caught:
        run_recovery_steps("board", ladder(tried, "nothing"))
    assert tried == ["Ctrl-C", "soft reset", "last"]
    said = str(caught.value)
    assert said.startswith("silence at Ctrl-C")
    assert "soft reset: no answer" in said
    assert "no power cycle (no switch)" in said


def test_a_board_deaf_to_ctrl_c_comes_back_by_its_reset_button():
    connection = Connection(parse_board("sim:clock=virtual"), limits=SHORT)
    try:
        connection.open()
        connection.repl.start(DEAF)
        connection.clock.sleep(0.1)
        assert connection.recover() == "hardware reset"
        assert connection.repl.exec("print(6*7)") == b"42\n"
        assert connection.recover() == "Ctrl-C"
    finally:
        connection.close()


def test_who_interrupts_the_run_does_not_wait_for_resets():
    connection = Connection(parse_board("sim:clock=virtual"), limits=SHORT)
    try:
        connection.open()
        connection.repl.start(DEAF)
        connection.clock.sleep(0.1)
        with pytest.raises(BoardBrokenError) as caught:
            connection.recover(gently=True)
        assert "reset: no answer" not in str(caught.value)
        assert not connection.broken
    finally:
        connection.close()


def test_a_board_that_nothing_brings_back_is_given_up_at_once(fake, monkeypatch):
    board = fake(deaf_to=-1)
    connection = Connection(parse_board(f"port:{board.port}"), limits=SHORT)
    try:
        with pytest.raises(BoardBrokenError) as caught:
            connection.open()
        said = str(caught.value)
        assert "Ctrl-C: no answer, soft reset: no answer, hardware reset: no answer" in said
        assert "no power cycle" in said
        board.power_on()  # even if it came back now: its state is not known
        monkeypatch.setattr(
            connection.board, "recovery_steps", lambda: pytest.fail("it was tried again")
        )
        with pytest.raises(BoardBrokenError, match="given up earlier"):
            connection.recover()
    finally:
        connection.close()


def test_after_a_board_broke_every_further_case_is_an_error_at_once(tmp_path):
    """Through a plain port: the embedded board's reset button is not wired there."""
    with VirtualBoard("clock=virtual") as board, through_port(board) as session:
        session.capture(capture_job(Case(calibration_plan()), session.board), tmp_path / "1.hilcap")
        session._connection.board.limits = SHORT
        session._repl._attach._limits = SHORT
        session._repl.start(DEAF)
        session._repl.clock.sleep(0.1)
        session._on_board.clear()
        with pytest.raises(HilError, match="did not come back"):
            session.capture(
                capture_job(Case(calibration_plan()), session.board), tmp_path / "2.hilcap"
            )
        before_ns = session._repl.clock.now_ns()
        with pytest.raises(BoardBrokenError, match="given up earlier"):
            session.capture(
                capture_job(Case(calibration_plan()), session.board), tmp_path / "3.hilcap"
            )
        assert session._repl.clock.now_ns() == before_ns


def test_two_sessions_never_share_a_board():
    with VirtualBoard() as board:
        spec = parse_board(f"port:{board.port}")
        with Session(spec), pytest.raises(BoardBusyError) as caught:
            Session(spec).open()
        assert "pid" in str(caught.value)
        with Session(spec):
            pass


def test_a_repl_that_only_a_soft_reset_mends(fake):
    board = fake()
    connection = Connection(parse_board(f"port:{board.port}"), limits=SHORT)
    try:
        connection.open()
        board.habits.raw_needs_reset, board._mode = True, "friendly"
        assert connection.recover() == "soft reset"
        assert connection.repl.exec("print(6*7)") == b"42\r\n"
    finally:
        connection.close()


def test_a_board_that_comes_back_as_another_port_is_found_again(tmp_path):
    """Its name is a link, as udev makes them; behind it the device changes."""
    link = tmp_path / "board"
    with VirtualBoard() as after:
        before = VirtualBoard()
        link.symlink_to(before.port)
        connection = Connection(parse_board(f"port:{link}"), limits=SHORT)
        try:
            connection.open()
            connection.repl.start("import time; time.sleep(60)")
            before.stop()
            with pytest.raises(LinkLostError) as caught:
                connection.repl.read(5.0)
            assert "cable" in str(caught.value)
            link.unlink()

            def plug_in() -> None:
                link.symlink_to(after.port)

            timer = threading.Timer(0.5, plug_in)
            timer.start()
            connection.lost()
            assert connection.recover() == "Ctrl-C"
            assert connection.repl.exec("print(6*7)") == b"42\n"
            timer.join()
        finally:
            connection.close()
            before.stop()


@pytest.mark.parametrize("seed", [1, 2])
def test_another_board_at_the_same_port_is_not_measured(tmp_path, seed):
    link = tmp_path / "board"
    with VirtualBoard(f"seed={seed}") as after:
        before = VirtualBoard("seed=1")
        link.symlink_to(before.port)
        with Session(parse_board(f"port:{link}")) as session:
            session.capture(
                capture_job(Case(calibration_plan()), session.board), tmp_path / "1.hilcap"
            )
            before.stop()
            link.unlink()
            link.symlink_to(after.port)
            with pytest.raises(LinkLostError) as caught:
                session.capture(
                    capture_job(Case(calibration_plan()), session.board), tmp_path / "2.hilcap"
                )
            if seed == 1:  # the same board, as far as it can be known
                session.capture(
                    capture_job(Case(calibration_plan()), session.board), tmp_path / "3.hilcap"
                )
            else:
                assert "another board" in str(caught.value)
                with pytest.raises(BoardBrokenError, match="another board"):
                    session.capture(
                        capture_job(Case(calibration_plan()), session.board), tmp_path / "3.hilcap"
                    )


def test_a_run_ends_soon_after_its_board_died(pytester, run_here, monkeypatch):
    """The case in which it dies waits for it; the ones behind are errors at once."""
    pytester.makepyfile("def test_lateness(figures): assert figures.all('lateness_p50_us')")
    capture = Session.capture
    with VirtualBoard() as board, Path(board.port).open("rb", 0):  # keeps the port's name taken

        def capture_and_die(session, job, *arguments, **options):
            capture(session, job, *arguments, **options)
            if job.plan.tasks:
                os.kill(board.pid, signal.SIGKILL)

        monkeypatch.setattr(Session, "capture", capture_and_die)
        monkeypatch.setattr("hil.boards.port_board._REAPPEAR_S", 0.5)
        result = run_here(
            f"--board=port:{board.port}",
            "--hil-technique=cooperative,round_robin,timer_hard,timer_soft,timer_oneshot",
            "--hil-load=idle",
            "--hil-duration-s=0.5",
            "--hil-windows=1",
        )
    said = " ".join(result.stdout.str().split())
    assert "hardware reset: no answer" in said
    assert said.count("given up earlier") >= 3
    assert result.parseoutcomes()["errors"] == 4
    assert result.ret == BENCH_BROKEN
