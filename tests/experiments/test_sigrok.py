"""Edges through `sigrok-cli`: the real program's demo driver, and one that fails on purpose."""

import os
import shutil
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

from hil.experiments.edge_instruments import GuardedSource
from hil.experiments.stamp_sources import sigrok_program, sigrok_sampler
from hil.experiments.stamp_sources.sigrok import open_sigrok
from hil.model.board import NO_WIRING
from hil.model.edge_sources import parse_edge_sources
from hil.model.errors import ConfigurationError
from tests.recording.edge_files.recorded import read

SEEN = {"D0": "task0", "D5": "loop", "D1": "sync"}
BOARD = SimpleNamespace(wiring=NO_WIRING)
needs_sigrok = pytest.mark.skipif(
    not shutil.which("sigrok-cli"), reason="apt-get install sigrok-cli"
)


class Sink:
    def __init__(self):
        self.recordings = []

    def edges(self, recording):
        self.recordings.append(recording)


def opened(text):
    (spec,) = parse_edge_sources([text])
    return open_sigrok(spec, BOARD)


def recorded(instrument, during=lambda source: time.sleep(0.15)):
    sink = Sink()
    source = instrument.source(BOARD, None)
    guard = GuardedSource(source)
    guard.begin(None, sink)
    try:
        during(source)
        guard.poll(0.0)
    finally:
        guard.end()
    (recording,) = sink.recordings
    return recording


@needs_sigrok
def test_the_demo_driver_s_edges():
    instrument = opened("sigrok:demo?D0=task0&D4=loop&rate=200k")
    for _ in range(2):  # a window each
        recording = recorded(instrument)
        assert (recording.instrument, recording.issues) == ("sigrok-demo", ())
        assert recording.resolution_ns == 5000
        assert recording.end_ns > 20_000_000
        for line in recording.lines:
            assert line.times_ns.size > 100, line.name
            assert (np.diff(line.times_ns) > 0).all()
            assert (line.times_ns % 5000 == 0).all()
            assert (np.diff(line.levels) != 0).all()
        assert (np.diff(recording.own_ns) > 0).all()
        assert recording.own_ns[-1] <= recording.end_ns + 5000
    instrument.close()


@needs_sigrok
@pytest.mark.parametrize("rate", ["1M", "24M"])
def test_the_program_s_own_files_all_give_the_same_edges(tmp_path, rate):
    made = tmp_path / "a.sr"
    channels = ["--channels", ",".join(f"D{k}" for k in range(8))]
    subprocess.run(
        ["sigrok-cli", "-d", "demo", "-c", f"samplerate={rate}", *channels, "--samples", "20000",
         "-o", str(made)],
        check=True, capture_output=True,
    )  # fmt: skip
    first = read(tmp_path / "b", made.read_bytes(), SEEN)
    assert min(line.times_ns.size for line in first.lines) > 1000
    for form in ("vcd", "csv", "csv:label=channel", "csv:time=true", "csv:time=true:dedup=true"):
        written = subprocess.run(
            ["sigrok-cli", "-i", str(made), "-O", form], check=True, capture_output=True
        )
        again = read(tmp_path / "b", written.stdout, SEEN)
        assert again.resolution_ns == pytest.approx(first.resolution_ns), form
        for line, other in zip(first.lines, again.lines, strict=True):
            assert (line.name, line.initial) == (other.name, other.initial)
            np.testing.assert_array_equal(line.levels, other.levels, form)
            assert np.abs(line.times_ns - other.times_ns).max() <= 1, form


@needs_sigrok
def test_channels_and_drivers_that_do_not_exist():
    for text, words in (
        ("sigrok:nonsense?D0=task0", "nonsense"),
        ("sigrok:demo?D99=task0", "no channel D99; it has D0, D1"),
        ("sigrok:demo", "which channel is which line"),
        ("sigrok:fx2lafw:9.9?D0=task0", "sigrok:fx2lafw:9.9"),
    ):
        with pytest.raises(ConfigurationError, match=words) as error:
            opened(text)
        assert "\n" not in str(error.value)


@needs_sigrok
def test_the_program_does_not_outlive_the_one_that_started_it():
    code = (
        "import sys, time; from tests.experiments import test_sigrok as t\n"
        "source = t.opened('sigrok:demo?D0=task0&rate=100k').source(t.BOARD, None)\n"
        "source.begin(None, t.Sink()); print(source._process.pid, flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        pid = int(process.stdout.readline())
        assert running(pid)
        process.kill()
    end = time.monotonic() + 60
    while running(pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert not running(pid)


def running(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_without_the_program_the_line_says_how_to_install_it(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ConfigurationError, match="sudo apt-get install sigrok-cli"):
        opened("sigrok:demo?D0=task0")


SHOW = "x - Thing with 8 channels: D0 D1 D2 D3 D4 D5 D6 D7"
FOREVER = "while :; do printf '\\000\\001\\000\\001'; sleep 0.01; done"


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Puts a `sigrok-cli` of our own in front: what it does for each of its three calls."""

    def put(show=f"echo '{SHOW}'", probe="head -c 1000 /dev/zero", run=FOREVER):
        path = tmp_path / "sigrok-cli"
        path.write_text(
            f'#!/bin/sh\ncase "$*" in\n*--show*) {show};;\n*--samples*) {probe};;\n'
            f"*--continuous*) {run};;\nesac\n"
        )
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setattr(sigrok_program, "ANSWER_S", 5.0)
        return "sigrok:x?D0=task0&rate=1M"

    return put


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"show": "echo nothing"}, "no such analyser; is it plugged in"),
        ({"show": "echo no permission >&2; exit 1"}, "no permission"),
        ({"show": "printf 'a\\033[2Jb\\n' >&2; exit 1"}, r"a\?\[2Jb"),
        ({"show": "exit 1"}, "failed without a message"),
        ({"probe": "head -c 999 /dev/zero"}, "gave 999 bytes; choose another rate"),
        ({"probe": ":"}, "gave 0 bytes"),
        ({"probe": "echo no such rate >&2; exit 1"}, "no such rate"),
    ],
)
def test_a_program_that_does_not_answer_as_it_should_is_one_line(program, parts, words):
    with pytest.raises(ConfigurationError, match=words) as error:
        opened(program(**parts))
    assert "\n" not in str(error.value)


def test_a_program_that_hangs_is_left(program, monkeypatch):
    text = program(show="sleep 60")
    monkeypatch.setattr(sigrok_program, "ANSWER_S", 0.3)
    with pytest.raises(ConfigurationError, match=r"did not answer within 0\.3 s"):
        opened(text)


def test_a_program_that_ends_early_leaves_what_it_gave_and_the_reason(program):
    text = program(run="printf '\\000\\001\\000\\001'; echo device gone >&2; exit 1")
    instrument = opened(text)

    def until_it_ended(source):
        source._reader.join(20)

    recording = recorded(instrument, until_it_ended)
    assert recording.lines[0].times_ns.tolist() == [1000, 2000, 3000]
    assert [issue.detail for issue in recording.issues] == [
        "sigrok-cli ended before the window did: device gone"
    ]


def test_a_program_that_gives_nothing_leaves_the_reason(program):
    recording = recorded(opened(program(run="echo overflow >&2; exit 1")), lambda source: None)
    assert recording.lines == ()
    assert "delivered no samples: overflow" in recording.issues[0].detail


def test_a_program_that_stalls_or_will_not_end_is_noticed_and_killed(program, monkeypatch):
    monkeypatch.setattr(sigrok_sampler, "STALL_S", 0.1)
    monkeypatch.setattr(sigrok_sampler, "_END_S", 0.2)
    monkeypatch.setattr(sigrok_sampler, "_EXIT_S", 0.2)
    instrument = opened(program(run="printf '\\000\\001'; sleep 600"))
    pids = []

    def wait(source):
        pids.append(source._process.pid)
        time.sleep(0.3)

    recording = recorded(instrument, wait)
    assert "delivered nothing for the last" in recording.issues[0].detail
    assert recording.lines[0].times_ns.tolist() == [1000]
    assert not running(pids[0])


def test_samples_of_two_bytes_in_pieces_that_end_anywhere(program):
    text = program(
        show=f"echo '{SHOW.replace('8', '16')} D8 D9'",
        probe="head -c 2000 /dev/zero",
        run="printf '\\000'; sleep 0.2; printf '\\002\\000\\000\\001\\002'; read key",
    )
    recording = recorded(opened(text.replace("D0=", "D9=")), lambda source: time.sleep(0.5))
    assert (recording.lines[0].initial, recording.lines[0].times_ns.tolist()) == (1, [1000, 2000])
