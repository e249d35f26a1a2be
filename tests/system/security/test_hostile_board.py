"""What a board sends is data: a hostile one gets an error, and never more."""

import ast
import io
import platform
import re
import resource
import socket
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hil.boards.backends.registry import parse_board
from hil.boards.backends.sim import VirtualBoard
from hil.boards.identity import identity_from_probe, parse_probe
from hil.boards.raw_repl import RawRepl
from hil.cli.main import main
from hil.experiments.evaluation import summarise_capture
from hil.experiments.plan import RunOptions, find_profile
from hil.experiments.run import Bench
from hil.model.board import BoardIdentity
from hil.model.budgets import Budgets
from hil.model.captures import CapturePlan, TaskPlan
from hil.model.errors import BoardTimeoutError, CaptureError, HilError, RemoteCodeError
from hil.model.results import ErrorRecord, Results, RunInfo
from hil.protocol import frames
from hil.protocol.decoder import StreamDecoder, decode
from hil.protocol.encoder import StreamEncoder
from hil.pytest_plugin.run_output import RunOutput
from hil.recording.capture_file import CaptureWriter, capture_path
from hil.recording.capture_reader import read_capture
from hil.recording.interfaces import Deadline
from hil.recording.run_folder import RunLog, create_run_folder, read_results, write_results
from hil.recording.validity import require_valid
from hil.report.page.page import write_page
from hil.report.terminal.run_summary import terminal_summary

ROOT = Path(__file__).parents[3]
BOARD = BoardIdentity("x", "-", "hardware", "p", "m", "1.24", 1 << 30)
PLAN = CapturePlan("timer_soft", "idle", (TaskPlan(0, 10_000),), 300_000)
INFO = RunInfo("id", "2026-01-02T12:00:00Z", 1.0, "quick", "0.1", "Linux", "sim")
NASTY = "<script>alert(1)</script>\x1b]0;owned\x07\x1b[2J../../etc/passwd\u202e"


def memory_mb() -> int:
    scale = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // scale


@pytest.fixture(scope="module")
def repl():
    with VirtualBoard() as board, RawRepl(board.port) as prompt:
        prompt.enter()
        yield prompt


class Sink:
    def __init__(self):
        self.size = 0

    def rx(self, data, host_ns):
        self.size += len(data)

    def ping(self, host_tx_ns, host_rx_ns):
        pass


def test_a_board_that_streams_for_ever_is_stopped_at_the_deadline(repl):
    from hil.recording.capture_loop import run_capture

    repl.start("while True: print('x' * 500)")
    deadline = Deadline(1.0, 0.5)
    sink = Sink()
    with pytest.raises(BoardTimeoutError, match="did not finish"):
        run_capture(repl, sink, deadline)
    assert deadline.elapsed_s < 5
    assert sink.size > 10_000
    repl.interrupt()
    repl.enter()
    assert repl.exec("print(7)").strip() == b"7"


def test_a_program_that_prints_for_ever_is_stopped_where_its_output_is_awaited(repl):
    before = memory_mb()
    with pytest.raises(HilError):
        repl.exec("while True: print('x' * 500)", timeout_s=1.0)
    assert memory_mb() - before < 150
    repl.interrupt()
    repl.enter()
    assert repl.exec("print(7)").strip() == b"7"


def test_escapes_in_an_exception_do_not_reach_the_terminal(repl):
    with pytest.raises(RemoteCodeError) as caught:
        repl.exec(f"raise ValueError({NASTY!r})")
    assert "\x1b" not in str(caught.value) + caught.value.traceback
    assert "\x07" not in str(caught.value) + caught.value.traceback
    assert "ValueError" in str(caught.value)


def test_what_the_board_says_of_itself_is_escaped_and_bounded():
    lines = [f"hil:machine={NASTY}{'m' * 10**6}", "hil:tp=1073741824", "hil:caps=timer,__x__,a b"]
    facts = parse_probe("\n".join(lines).encode())
    identity = identity_from_probe(facts, name="n", port="p", source="hardware")
    assert identity.machine.isprintable()
    assert len(identity.machine) < 1000
    assert "a b" not in identity.capabilities


@pytest.mark.parametrize("tp", ["", "0", "-1", "3", "9" * 5000, "1e9", "__import__('os')"])
def test_a_tick_period_that_is_none_is_refused(tp):
    with pytest.raises(CaptureError, match="clock"):
        identity_from_probe(
            parse_probe(f"hil:tp={tp}".encode()), name="n", port="p", source="hardware"
        )


def test_a_frame_of_4_gb_takes_no_memory():
    body = b"##" + frames.word(512) + frames.number(2**32) + frames.digit(28) + b"#"
    before = memory_mb()
    got = decode(frames.frame("C", 0, b"i=0;name=task0;kind=ticks") + frames.frame("S", 1, body))
    assert [fault.kind for fault in got.faults] == ["damaged"]
    assert memory_mb() - before < 20


def test_a_line_without_end_takes_no_memory():
    before = memory_mb()
    decoder = StreamDecoder()
    for _ in range(2000):
        decoder.feed(b"~S" + b"x" * 65_536)
    decoder.finish()
    assert memory_mb() - before < 60


def test_a_million_tasks_and_channels_take_no_memory(tmp_path):
    encoder = StreamEncoder()
    encoder.text("H", v=1, tp=1 << 30, tasks=1_000_000)
    for index in range(3000):
        encoder.text("C", i=index % 91, name=f"task{index}", kind="ticks")
        encoder.text("G", task=index * 10**6, origin=1, offset=0, period=1)
        encoder.text("T", i=index % 91, n=2**47, dropped=2**47)
    encoder.stamps(0, [1, 2, 3], first_index=2**47)
    encoder.text("E", us0=0, us1=300_000, ms0=0, ms1=300, status="ok")
    path = tmp_path / "a.hilcap"
    before = memory_mb()
    with CaptureWriter(path, BOARD, PLAN) as writer:
        writer.rx(encoder.data, 1)
        writer.finish("ok")
    capture = read_capture(path)
    assert memory_mb() - before < 80
    assert len(capture.tracks) <= 1
    with pytest.raises(HilError):
        require_valid(capture)


def test_a_storm_of_log_lines_faults_and_frames_is_bounded():
    before = memory_mb()
    decoder = StreamDecoder()
    for _ in range(300):
        decoder.feed(b"~Sxx\nprint\n~\n" * 5000)
    got = decoder.finish()
    assert len(got.faults) <= 1001
    assert sum(map(len, got.log)) < 5_000_000
    assert memory_mb() - before < 200


@pytest.mark.parametrize("name", ["../../x", "/etc/passwd", "a/../../b", "..", "\x00", "a" * 5000])
def test_no_name_from_outside_becomes_a_path(tmp_path, name):
    path = capture_path(tmp_path, 1, name, name)
    assert path.parent == tmp_path
    assert path.resolve().parent == tmp_path.resolve()
    assert len(path.name) < 100
    spec = parse_board(f"/dev/{name}")
    folder = create_run_folder(tmp_path, spec.slug).path
    assert folder.resolve().parent == tmp_path.resolve()


def hostile_results() -> Results:
    board = BoardIdentity(NASTY, NASTY, "sim", NASTY, NASTY, NASTY, 1 << 30, unique_id=NASTY)
    error = ErrorRecord(NASTY, "timer_soft", "idle", NASTY, NASTY)
    return Results(INFO, (board,), (), (), (error,))


def test_names_are_escaped_on_the_page_and_in_the_terminal(tmp_path):
    results = hostile_results()
    write_page(tmp_path / "r.html", results, [])
    page = (tmp_path / "r.html").read_text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
    shown = terminal_summary(results, width=100, color=False)
    assert "\x1b" not in shown
    assert "\x07" not in shown


def test_names_in_a_capture_are_escaped_in_every_output(tmp_path, capsys):
    """Channels are named by the board, and methods after them."""
    bad = "</script><script>alert(1)</script>=cmd|' /C calc'!A0"
    encoder = StreamEncoder()
    encoder.text("H", v=1, tp=1 << 30, tasks=1)
    encoder.text("C", i=0, name="task0", kind="ticks")
    encoder.text("G", task=0, origin=1000, offset=0, period=10_000)
    encoder.stamps(0, 1000 + 10_000 * np.arange(30))
    for index, name in ((1, f"stim.{bad}"), (2, f"isr.{bad}"), (3, "../../../etc/passwd")):
        kind = "value" if index == 3 else "slots"
        encoder.text("C", i=index, name=name, kind=kind)
        encoder.stamps(index, 2000 + 1000 * np.arange(100) + 7 * index)
    for index in range(4):
        encoder.text("T", i=index, n=30 if index == 0 else 100, dropped=0)
    encoder.text("E", us0=1000, us1=301_000, ms0=1, ms1=301, status="ok")
    folder = create_run_folder(tmp_path, "x")
    with CaptureWriter(folder.captures / "000_a.hilcap", BOARD, PLAN) as writer:
        writer.rx(encoder.data, 1)
        writer.finish("ok")
    RunLog(folder.captures, INFO).finish(1.0)
    assert main(["report", str(folder.path)]) == 0
    shown = capsys.readouterr().out
    page = folder.report.read_text()
    assert "alert(1)" in page
    assert "<script>alert" not in page
    assert "</script><script>" not in page
    assert "\x1b]" not in shown
    assert not list(tmp_path.parent.rglob("passwd"))


def test_results_read_back_strictly(tmp_path):
    path = tmp_path / "results.json"
    write_results(path, hostile_results())
    assert read_results(path).boards[0].machine == NASTY
    for broken in ('{"schema": 3}', '{"schema": 1, "schema": NaN}', "[" * 100_000, '{"schema": 1}'):
        path.write_text(broken)
        with pytest.raises(CaptureError):
            read_results(path)


def python_files():
    return sorted((ROOT / "hil").rglob("*.py"))


def test_nothing_that_runs_data_is_imported_or_called():
    for path in python_files():
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name.partition(".")[0] for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [(node.module or "").partition(".")[0]]
            bad = {"pickle", "marshal", "shelve", "dill", "yaml"} & set(names)
            assert not bad, f"{path}: {bad}"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec", "__import__"), path
            if not isinstance(node, ast.Call) or ast.unparse(node.func) == "shtab.complete":
                continue  # that one only names a kind of shell
            for keyword in node.keywords:
                if keyword.arg in ("shell", "allow_pickle"):
                    assert getattr(keyword.value, "value", True) is False, path


EVERYWHERE = re.compile(r"""["']0\.0\.0\.0["']|(bind|Server)\(\(\s*["'](::)?["']""")


def test_nothing_listens_beyond_loopback():
    """All of the source; that a run listens on loopback only is in test_left_behind.py."""
    for caught in ('s.bind(("", 80))', "HTTPServer(( '::', 0), H)", 'HOST = "0.0.0.0"'):
        assert EVERYWHERE.search(caught)
    assert not EVERYWHERE.search('s.bind(("127.0.0.1", 0))')
    for path in python_files():
        assert not EVERYWHERE.search(path.read_text()), path


def test_numpy_files_are_never_loaded_as_objects(tmp_path):
    file = tmp_path / "a.hilcap"
    np.save(tmp_path / "a.npy", np.array([{}], object), allow_pickle=True)
    (tmp_path / "a.npy").rename(file)
    with pytest.raises(CaptureError, match="not a capture"):
        read_capture(file)


def test_the_name_of_this_computer_is_in_no_report(pytestconfig, pytester, tmp_path, monkeypatch):
    """Neither where the run describes its host nor in junit.xml, which pytest writes."""
    was = platform.uname()
    monkeypatch.setattr(platform, "uname", lambda: was._replace(node="secretpc"))
    for module, name in ((platform, "node"), (socket, "gethostname"), (socket, "getfqdn")):
        monkeypatch.setattr(module, name, lambda: "secretpc")
    options = RunOptions(
        (parse_board("sim"),), find_profile("quick"), (), tmp_path, Budgets(()), None
    )
    bench = Bench(options)
    assert bench.info.host.startswith(platform.system())
    assert "secretpc" not in repr(bench.info)

    pytester.makepyfile("def test(): pass")
    pytester.runpytest_inprocess("-p", "no:hil", f"--junitxml={bench.folder.junit}")
    before = bench.folder.junit.read_text()
    monkeypatch.setattr("hil.pytest_plugin.run_output.own_stdout", io.StringIO)
    RunOutput(pytestconfig, bench, options).pytest_unconfigure()
    after = bench.folder.junit.read_text()
    assert before.count('hostname="secretpc"') == 1
    assert after == before.replace(' hostname="secretpc"', "")


def hostile_capture(path, chance):
    """A capture that the wire takes: 1 to 60 ordered stamps within its window, and no sense."""
    encoder = StreamEncoder()
    encoder.text("H", v=1, tp=1 << 30, tasks=1)
    encoder.text("C", i=0, name="task0", kind="ticks")
    # from stamps in the same microsecond to a burst after most of the window
    gaps = np.floor(2.0 ** chance.uniform(-2, chance.uniform(0, 20), chance.integers(1, 60)))
    origin = int(chance.integers(1 << 30))
    stamps = origin + np.cumsum(gaps).astype(np.int64)
    length = int(stamps[-1] - origin) + int(chance.integers(1, 1 << 20))
    period = int(2.0 ** chance.uniform(0, 39))
    encoder.text("G", task=0, origin=origin, offset=0, period=period)
    encoder.stamps(0, stamps % (1 << 30))
    dropped = int(chance.integers(3))
    encoder.text("T", i=0, n=len(stamps), dropped=dropped)
    us1 = (origin + length) % (1 << 30)
    encoder.text("E", us0=origin, us1=us1, ms0=0, ms1=length // 1000, status="ok")
    plan = replace(PLAN, duration_us=length, tasks=(TaskPlan(0, period),))
    with CaptureWriter(path, BOARD, plan) as writer:
        writer.rx(encoder.data, 1)
        writer.finish("ok")
    return stamps - origin, dropped


def test_a_hostile_capture_gives_no_figure_that_is_no_number(tmp_path):
    chance = np.random.default_rng(1)
    for number in range(60):
        sent, dropped = hostile_capture(tmp_path / f"{number}.hilcap", chance)
        capture = read_capture(tmp_path / f"{number}.hilcap")
        require_valid(capture)
        (track,) = capture.tracks
        assert (track.stamps_us - track.origin_us).tolist() == sent.tolist()
        summary = summarise_capture(capture)
        told = {measurement.metric: measurement for measurement in summary.measurements}
        assert told["dropped"].value == dropped
        for measurement in summary.measurements:
            given = [
                x
                for x in (measurement.value, measurement.lo, measurement.hi, measurement.where_us)
                if x is not None
            ]
            assert np.isfinite(given).all(), measurement
            assert (
                measurement.lo is None or measurement.hi is None or measurement.lo <= measurement.hi
            ), measurement


def test_a_capture_without_order_or_sense_gives_no_figure(tmp_path):
    """Stamps drawn at random go back in time or leave the window, so nothing is computed."""
    chance = np.random.default_rng(1)
    for number in range(60):
        encoder = StreamEncoder()
        encoder.text("H", v=1, tp=1 << 30, tasks=1)
        encoder.text("C", i=0, name="task0", kind="ticks")
        encoder.text("G", task=0, origin=int(chance.integers(1 << 30)), offset=0,
                     period=int(chance.integers(1, 1 << 40)))  # fmt: skip
        encoder.stamps(0, chance.integers(0, 1 << int(chance.integers(10, 30)), 40))
        encoder.text("T", i=0, n=40, dropped=0)
        us1 = int(chance.integers(1 << 30))
        encoder.text("E", us0=0, us1=us1, ms0=0, ms1=us1 // 1000, status="ok")
        path = tmp_path / f"{number}.hilcap"
        with CaptureWriter(path, BOARD, PLAN) as writer:
            writer.rx(encoder.data, 1)
            writer.finish("ok")
        capture = read_capture(path)
        with pytest.raises(CaptureError, match="invalid"):
            require_valid(capture)
