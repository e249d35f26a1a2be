"""VCD: read back by pyvcd's own reader, and by sigrok where it is installed."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from hil.model.captures import Capture, CapturePlan, Gap, TaskPlan, Track
from hil.recording.stored_run import CaptureStream
from hil.report.exports.vcd import write_vcd

from .conftest import HOSTILE, PERIOD, N, identity, truth

reader = pytest.importorskip("vcd.reader", reason="pip install -e '.[export]'")


def edges(path: Path) -> dict[tuple[str, ...], list[int]]:
    """Time of every change behind the initial values, by scope and wire."""
    names, changes, now, initial, scope = {}, {}, 0, False, []
    with path.open("rb") as file:
        for token in reader.tokenize(file):
            if token.kind is reader.TokenKind.SCOPE:
                scope.append(token.scope.ident)
            elif token.kind is reader.TokenKind.UPSCOPE:
                scope.pop()
            elif token.kind is reader.TokenKind.VAR:
                names[token.var.id_code] = (*scope, token.var.reference)
                assert token.var.size == 1
            elif token.kind is reader.TokenKind.TIMESCALE:
                assert str(token.timescale) == "1 us"
            elif token.kind is reader.TokenKind.CHANGE_TIME:
                now = token.time_change
            elif token.kind is reader.TokenKind.DUMPVARS:
                initial = True
            elif token.kind is reader.TokenKind.END:
                initial = False
            elif token.kind is reader.TokenKind.CHANGE_SCALAR and not initial:
                changes.setdefault(names[token.scalar_change.id_code], []).append(now)
                level = token.scalar_change.value
                assert level == str(len(changes[names[token.scalar_change.id_code]]) % 2)
    return changes


def test_every_edge_is_a_stored_stamp(run_folder, tmp_path):
    path = tmp_path / "a.vcd"
    assert write_vcd(path, CaptureStream(run_folder)) == 4 * N - 5 - 7
    by_wire = {"/".join(name): np.array(times) for name, times in edges(path).items()}
    stored = {0: np.r_[0:100, 105:N], 1: np.r_[0 : N - 7]}
    zero = None
    for name, times in by_wire.items():
        for task in (0, 1):
            if "timer_soft" not in name or f"task{task}" not in name:
                continue
            stamps, late = truth(1, task)
            zero = stamps[0] - late[0] - 5_000 * task - PERIOD
            if name.endswith("_grid"):
                np.testing.assert_array_equal(times[:N] + zero, stamps - late)
                assert len(times) <= N + 2
            elif name.endswith("_lost"):
                between = [99, 105] if task == 0 else [N - 8]
                assert (times[: len(between)] + zero).tolist() == stamps[between].tolist()
                assert len(times) == 2
            else:
                np.testing.assert_array_equal(times + zero, stamps[stored[task]])
    assert zero is not None
    assert len(by_wire) == 2 * 2 * 2 + 2
    assert "sim/timer_soft/idle/sim_timer_soft_idle_task0" in by_wire


def test_names_are_identifiers_and_the_comment_says_what_they_were(run_folder, tmp_path):
    path = tmp_path / "a.vcd"
    write_vcd(path, CaptureStream(run_folder))
    text = path.read_text("utf-8")
    head = text.partition("$enddefinitions")[0]
    assert head.isascii()
    assert head.count("$end\n") == head.count("$comment") + 2 + head.count("$var") + 2 * head.count(
        "$scope"
    )
    comment = head.partition("$comment")[2].partition("$end")[0]
    about = [json.loads(line) for line in comment.splitlines() if line.strip().startswith("{")]
    assert [note["of"] for note in about] == [["sim", "timer_soft", "idle"], [HOSTILE] * 3]
    assert about[0]["scope"] == "sim.timer_soft.idle"


def test_two_names_that_look_the_same_stay_two(tmp_path):
    def capture(technique: str) -> Capture:
        track = Track(0, PERIOD, 0, 3 * PERIOD, np.array([5, 10_005, 20_005]))
        plan = CapturePlan(technique, "idle", (TaskPlan(0, PERIOD),), 3 * PERIOD)
        return Capture(identity(), plan, (track,))

    write_vcd(tmp_path / "a.vcd", [capture("my agent"), capture("my\tagent"), capture("")])
    names = [name[-1] for name in edges(tmp_path / "a.vcd")]
    assert len(set(names)) == 6
    assert "my_agent_idle_task0" in names
    assert "my_agent_2_idle_task0" in names


def test_stamps_in_one_microsecond_before_the_window_and_none_at_all(tmp_path):
    plan = CapturePlan("timer_soft", "idle", (TaskPlan(0, 10), TaskPlan(1, 10)), 50)
    early = Track(0, 10, 1000, 1050, np.array([900, 1000, 1000, 1031]), gaps=(Gap(4, 2),))
    empty = Track(1, 10, 1000, 1050, np.empty(0, np.int64), dropped=5)
    write_vcd(tmp_path / "a.vcd", [Capture(identity(), plan, (early, empty))])
    by_wire = {name[-1]: times for name, times in edges(tmp_path / "a.vcd").items()}
    assert by_wire["timer_soft_idle_task0"] == [1, 101, 101, 132]
    assert by_wire["timer_soft_idle_task0_lost"] == [132, 151]
    assert "timer_soft_idle_task1" not in by_wire
    assert by_wire["timer_soft_idle_task1_lost"] == [101, 151]


def test_what_is_merged_a_piece_at_a_time_is_the_same(run_folder, tmp_path, monkeypatch):
    write_vcd(tmp_path / "whole", CaptureStream(run_folder))
    monkeypatch.setattr("hil.report.exports.vcd._AT_ONCE", 30)
    write_vcd(tmp_path / "pieces", CaptureStream(run_folder))
    assert (tmp_path / "pieces").read_bytes() == (tmp_path / "whole").read_bytes()


@pytest.mark.skipif(not shutil.which("sigrok-cli"), reason="apt-get install sigrok-cli")
def test_sigrok_reads_the_same_edges(run_folder, tmp_path):
    path = tmp_path / "a.vcd"
    write_vcd(path, CaptureStream(run_folder))
    raw, rate = tmp_path / "raw", b"META samplerate: 1000000\n"  # before the samples, for some
    read = ["sigrok-cli", "-i", str(path), "-I", "vcd"]
    subprocess.run([*read, "-O", "binary", "-o", str(raw)], check=True, timeout=60)
    shown = subprocess.check_output([*read, "--show"], timeout=60, text=True)
    assert "Samplerate: 1000000" in shown
    channels = [line[2:].split(":")[0] for line in shown.splitlines() if line[:2] == "- "]
    width = (len(channels) + 7) // 8
    samples = np.frombuffer(raw.read_bytes().removeprefix(rate), np.uint8).reshape(-1, width)
    levels = np.unpackbits(samples, axis=1, bitorder="little")[:, : len(channels)]
    stored = {name[-1]: times for name, times in edges(path).items()}
    assert sorted(channels) == sorted(stored)
    for index, name in enumerate(channels):
        changes = np.flatnonzero(np.diff(levels[:, index])) + 1
        assert changes.tolist() == stored[name], name
