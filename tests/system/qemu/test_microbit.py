"""What the 16 KB board does: measured where it can, skipped with a reason where it can't."""

import os
import signal
import subprocess
import sys

import pytest

from hil.boards.backends import qemu
from hil.boards.backends.qemu import EmulatedMicrobit
from hil.boards.backends.registry import parse_board
from hil.boards.identity import probe_board
from hil.boards.raw_repl import RawRepl
from hil.experiments.plan import Case, calibration_plan, capture_job, find_profile, make_cases
from hil.experiments.session import Session
from hil.model.errors import CapabilityMissing, ConfigurationError
from hil.recording.capture_reader import read_capture

LACKING = qemu.missing_parts()
needs_packages = pytest.mark.skipif(bool(LACKING), reason=LACKING or "nothing is missing")


@pytest.fixture(scope="module")
def session():
    if LACKING:
        pytest.skip(LACKING)
    with Session(parse_board("qemu-microbit")) as opened:
        yield opened


def plan(technique, load="idle"):
    return make_cases(find_profile("quick"), (technique,), (load,), duration_s=3, windows=1)[0].plan


def test_it_is_known_for_what_it_is(session):
    board = session.identity
    assert (board.source, board.platform) == ("emulator", "microbit")
    assert board.machine == "micro:bit with nRF51822"
    assert board.tick_period == 1 << 30
    assert board.clock_jump_us == 65536
    assert {"small_heap", "pins"} <= set(board.capabilities)
    assert not {"timer", "schedule", "thread", "asyncio", "pin_irq"} & set(board.capabilities)
    assert 8_000 < board.free_bytes < 10_000


@pytest.mark.parametrize("technique", ["round_robin", "cooperative"])
def test_the_same_agent_files_run_in_its_heap(session, tmp_path, technique):
    path = tmp_path / "capture"
    session.capture(capture_job(Case(plan(technique)), session.board), path)
    capture = read_capture(path)

    # "clock": the host had no time for the emulator, whose clock follows it; the stamps are there
    assert {fault.kind for fault in capture.faults} <= {"clock_jump", "clock"}
    assert [len(track.stamps_us) for track in capture.tracks] == pytest.approx([80, 80], abs=50)
    assert all(track.dropped == 0 for track in capture.tracks)
    assert len(capture.pings.host_tx_ns) > 150
    if technique == "cooperative":
        assert capture.counters["polled_tick"] == 1


@needs_packages
def test_8_kb_of_heap_are_enough_for_a_small_run(tmp_path, monkeypatch):
    """The rest of the board's heap is taken up whenever it starts afresh."""
    real = RawRepl.enter

    def enter(self, *, soft_reset=True, booting=False):
        real(self, soft_reset=soft_reset, booting=booting)
        if soft_reset:
            self.exec("import gc\ngc.collect()\n_full=bytearray(gc.mem_free()-8192)\ngc.collect()")

    monkeypatch.setattr(RawRepl, "enter", enter)
    with Session(parse_board("qemu-microbit")) as small:
        assert small.identity.free_bytes <= 8192
        small.capture(capture_job(Case(calibration_plan()), small.board), tmp_path / "calibration")
        small.capture(capture_job(Case(plan("round_robin")), small.board), tmp_path / "capture")
    capture = read_capture(tmp_path / "capture")
    assert {fault.kind for fault in capture.faults} <= {"clock_jump", "clock"}
    assert [len(track.stamps_us) for track in capture.tracks] == pytest.approx([50, 50], abs=20)
    assert all(track.dropped == 0 for track in capture.tracks)


def test_the_instrument_measures_itself(session, tmp_path):
    path = tmp_path / "capture"
    session.capture(capture_job(Case(calibration_plan()), session.board), path)
    calibration = read_capture(path).calibration
    assert len(calibration.read_us) == len(calibration.stamp_us) == len(calibration.step_us) == 20
    assert sorted(calibration.stamp_us)[10] > sorted(calibration.read_us)[10] > 0


@pytest.mark.parametrize(
    ("technique", "reason"),
    [
        ("timer_soft", "no machine.Timer"),
        ("thread", "no _thread"),
        ("asyncio_sleep", "no asyncio"),
        ("event_irq", "no micropython.schedule"),
    ],
)
def test_what_it_lacks_is_said(session, tmp_path, technique, reason):
    with pytest.raises(CapabilityMissing, match=reason):
        session.capture(capture_job(Case(plan(technique)), session.board), tmp_path / "capture")


@needs_packages
def test_the_probe_leaves_the_memory_as_it_was():
    with EmulatedMicrobit() as board, RawRepl(board.port) as repl:
        repl.enter()
        free = "import gc\ngc.collect()\nprint(gc.mem_free())"
        before = int(repl.exec(free))
        facts = probe_board(repl)
        assert facts["tp"] == "1073741824"
        assert facts["end"] == "1"
        assert set(facts["caps"].split(",")) == {"disable_irq", "heap_lock", "mem_info", "fs"}
        assert before - int(repl.exec(free)) < 2048


@needs_packages
@pytest.mark.parametrize(("room", "whole"), [(4096, True), (2048, False)])
def test_the_probe_in_little_memory(room, whole):
    """What matters in 4 KB; in 2 KB the clock and the names, and never an error."""
    with EmulatedMicrobit() as board, RawRepl(board.port) as repl:
        repl.enter()
        repl.exec(f"import gc\ngc.collect()\nkept=bytearray(gc.mem_free()-{room})")
        facts = probe_board(repl)
        assert facts["tp"] == "1073741824"
        assert facts["machine"] == "micro:bit with nRF51822"
        assert facts["version"] == "1.9.2"
        if whole:
            assert {"disable_irq", "heap_lock"} <= set(facts["caps"].split(","))


@needs_packages
def test_stop_leaves_no_process(processes):
    board = EmulatedMicrobit()
    machines = processes.children(board.pid)
    assert machines
    board.stop()
    board.stop()
    assert all(processes.gone(pid) for pid in [board.pid, *machines])


@needs_packages
@pytest.mark.parametrize("victim", ["harness", "supervisor"])
def test_no_orphan_after_a_kill(processes, victim):
    code = (
        "import time\nfrom hil.boards.backends.qemu import EmulatedMicrobit\n"
        "b = EmulatedMicrobit()\nprint(b.pid, flush=True)\ntime.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as harness:
        supervisor = int(harness.stdout.readline())
        machines = processes.children(supervisor)
        assert machines
        try:
            os.kill(harness.pid if victim == "harness" else supervisor, signal.SIGKILL)
            assert processes.gone(supervisor)
            assert all(processes.gone(pid) for pid in machines)
        finally:
            harness.kill()


def test_missing_packages_are_one_line_with_the_remedy(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setenv("HIL_MICROBIT_FIRMWARE", "/nonexistent/firmware.hex")
    with pytest.raises(ConfigurationError, match=r"apt-get install -y qemu-system-arm") as caught:
        EmulatedMicrobit()
    assert "\n" not in str(caught.value)
