import ctypes
import sys
import time
from types import SimpleNamespace

import pytest

from hil.experiments import host_clock
from hil.experiments.host_clock import (
    SYNCHRONISED_PPM,
    UNSYNCHRONISED_PPM,
    chrony_error_ppm,
    judge_host_clock,
    read_host_clock,
)
from hil.model.results import HostClock

TRACKING = (
    "A9FEA97B,169.254.169.123,4,1764259440.123456789,0.000004000,-0.000001,0.000010,"
    "-12.345,-0.020,0.150,0.000500,0.000200,16.0,Normal\n"
)
"""``chronyc -c tracking``: 4 us are still to be corrected, every 16 s."""


def kernel(monkeypatch, *, returned=0, status=0, offset=0, constant=2):
    """The system's call, filled in."""

    def adjtimex(reference):
        timex = reference._obj
        assert timex.modes == 0, "it must only read"
        timex.status, timex.offset, timex.constant = status, offset, constant
        return returned

    library = SimpleNamespace(adjtimex=adjtimex)
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: library)
    monkeypatch.setattr(sys, "platform", "linux")


def test_here_it_says_something_at_once():
    start = time.perf_counter()
    clock = read_host_clock()
    assert time.perf_counter() - start < 5.0  # chronyc may be asked
    assert clock.sync in ("chrony", "timesyncd", "ntpd", "ntp", "none", "unknown")
    assert clock.error_ppm > 0


@pytest.mark.parametrize(("returned", "status"), [(5, 0), (0, 0x40), (5, 0x40)])
def test_a_clock_that_nobody_keeps_is_off_by_its_crystal(monkeypatch, tmp_path, returned, status):
    kernel(monkeypatch, returned=returned, status=status)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "ntpd.pid").write_text("1")
    assert read_host_clock(tmp_path) == HostClock("none", UNSYNCHRONISED_PPM)


def test_the_daemon_is_named(monkeypatch, tmp_path):
    kernel(monkeypatch)
    assert read_host_clock(tmp_path) == HostClock("ntp", SYNCHRONISED_PPM)
    done = tmp_path / "run" / "systemd" / "timesync" / "synchronized"
    done.parent.mkdir(parents=True)
    done.write_text("")
    assert read_host_clock(tmp_path) == HostClock("timesyncd", SYNCHRONISED_PPM)


@pytest.mark.parametrize(("status", "offset"), [(0, -320), (0x2000, -320_000)])
def test_what_the_kernel_slews_is_part_of_the_error(monkeypatch, tmp_path, status, offset):
    kernel(monkeypatch, status=status, offset=offset, constant=3)  # 320 us, a 32nd each second
    assert read_host_clock(tmp_path) == HostClock("ntp", SYNCHRONISED_PPM + 10.0)


def test_chrony_tells_how_well_it_knows_the_rate(monkeypatch):
    assert chrony_error_ppm(TRACKING) == pytest.approx(0.02 + 0.15 + 4 / 16)
    for text in ("", "506 Cannot talk to daemon\n", "a,b,c", TRACKING.replace("0.150", "x")):
        assert chrony_error_ppm(text) is None
    monkeypatch.setattr(host_clock, "_ask_chrony", lambda: 0.42)
    judged = judge_host_clock(synchronised=True, offset_us=9, time_constant=2, daemon="chrony")
    assert judged == HostClock("chrony", 0.42)
    monkeypatch.setattr(host_clock, "_ask_chrony", lambda: None)
    judged = judge_host_clock(synchronised=True, offset_us=0, time_constant=2, daemon="chrony")
    assert judged == HostClock("chrony", SYNCHRONISED_PPM)


@pytest.mark.parametrize("behaviour", ["exit 1", "sleep 5", "printf '\\377'", "echo nonsense"])
def test_a_chronyc_that_does_not_answer_is_left_alone(monkeypatch, tmp_path, behaviour):
    program = tmp_path / "chronyc"
    program.write_text(f"#!/bin/sh\nexec {behaviour}\n")
    program.chmod(0o755)
    monkeypatch.setattr("shutil.which", lambda _name: str(program))
    assert host_clock._ask_chrony() is None


def test_a_system_that_cant_tell(monkeypatch):
    kernel(monkeypatch, returned=-1)
    assert read_host_clock() == HostClock("unknown", UNSYNCHRONISED_PPM)
    monkeypatch.setattr(sys, "platform", "win32")
    assert read_host_clock() == HostClock("unknown", UNSYNCHRONISED_PPM)
