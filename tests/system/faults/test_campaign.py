"""The short form of the campaign of faults, and that its judge can tell a wrong run."""

from dataclasses import replace

import numpy as np
import pytest

from hil.boards.overall_limit import OverallLimit
from hil.boards.raw_repl import RawRepl
from hil.protocol.stream_scrubber import StreamScrubber
from hil.recording.interfaces import Deadline
from tools.faults import cases, sessions, stored


def test_every_kind_ends_in_time_and_tells_the_truth(tmp_path):
    folder = tmp_path / "captures"
    for kind in cases.KINDS:
        for seed in (1, 2):
            folder.mkdir(exist_ok=True)
            outcome = cases.run(kind, seed, folder)
            assert outcome.wrong == (), outcome
            assert outcome.cause or outcome.end != "error"


@pytest.mark.parametrize("kind", sessions.KINDS)
def test_a_session_with_every_kind_ends_in_time_and_tells_the_truth(kind, tmp_path):
    outcome = sessions.run(kind, 1, tmp_path)
    assert outcome.wrong == (), outcome
    assert outcome.cause or outcome.end != "error"


@pytest.mark.parametrize("kind", stored.KINDS)
def test_hostile_folders_and_histories_are_one_line(kind, tmp_path):
    for seed in (0, 1):
        folder = tmp_path / str(seed)
        folder.mkdir()
        outcome = stored.run(kind, seed, folder)
        assert outcome.wrong == (), outcome


def test_the_judge_sees_a_secret_that_came_through(monkeypatch, tmp_path):
    monkeypatch.setattr(StreamScrubber, "feed", lambda scrubber, data: data)
    outcome = sessions.run("canary", 1, tmp_path)
    assert any("has b'" in text for text in outcome.wrong), outcome


def test_the_judge_sees_what_was_read_outside_of_the_folder(monkeypatch, tmp_path):
    def careless(words):
        print(tmp_path.joinpath("outside", "secret.txt").read_text())
        return 0

    monkeypatch.setattr(stored, "hil", careless)
    outcome = stored.run("hostile links", 1, tmp_path)
    assert "what is outside of the folder was read" in outcome.wrong


def test_every_stage_of_a_session_is_hit(tmp_path):
    hit = set()
    for seed in range(25):
        folder = tmp_path / str(seed)
        folder.mkdir()
        hit.add(sessions.run("reset and silence", seed, folder).cause.partition(":")[0])
    assert hit >= {"attach", "identify", "calibrate", "upload", "window"}


def test_the_judge_of_sessions_sees_a_limit_that_is_none(monkeypatch, tmp_path):
    def patient(repl, overall_s, idle_s=None):
        return Deadline(50 * overall_s, None, repl.clock)

    monkeypatch.setattr(RawRepl, "deadline", patient)
    monkeypatch.setattr(OverallLimit, "check", lambda limit, clock: None)
    assert any(text.startswith("late") for text in sessions.run("hang", 1, tmp_path).wrong)


def test_the_judge_of_sessions_sees_figures_of_a_window_that_was_reset(monkeypatch, tmp_path):
    monkeypatch.setattr(sessions, "require_valid", lambda capture: None)
    outcome = sessions.run("callback", 1, tmp_path)
    assert any("gave figures" in text for text in outcome.wrong)


def test_the_judge_sees_a_wrong_stamp(monkeypatch, tmp_path):
    def shifted(path, read=cases.read_capture):
        capture = read(path)
        for track in capture.tracks:
            track.stamps_us[len(track.stamps_us) // 2] += 1
        return capture

    monkeypatch.setattr(cases, "read_capture", shifted)
    assert "a wrong stamp" in cases.run("none", 1, tmp_path).wrong


def test_the_judge_sees_what_was_lost_without_a_word(monkeypatch, tmp_path):
    def shortened(path, read=cases.read_capture):
        capture = read(path)
        tracks = tuple(replace(t, stamps_us=np.array(t.stamps_us[:-1])) for t in capture.tracks)
        return replace(capture, tracks=tracks)

    monkeypatch.setattr(cases, "read_capture", shortened)
    assert "stamps are missing and not told" in cases.run("none", 1, tmp_path).wrong


def test_the_judge_sees_a_run_that_does_not_end_in_time(monkeypatch, tmp_path):
    def ten_times(repl, overall_s, idle_s=None):
        return cases.RawRepl.deadline(repl, 10 * overall_s)

    monkeypatch.setattr(cases.ScriptedRepl, "deadline", ten_times)
    outcome = cases.run("hang", 1, tmp_path)
    assert any(text.startswith("late") for text in outcome.wrong)


def test_the_judge_sees_a_fault_that_passes(monkeypatch, tmp_path):
    monkeypatch.setattr(cases, "require_valid", lambda capture: None)
    outcome = cases.run("callback", 1, tmp_path)
    assert any("gave figures" in text for text in outcome.wrong)
