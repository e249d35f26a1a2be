"""Only folders of runs are removed, whatever lies beside them or in them."""

import os
import shutil
import time

import pytest

from hil.model.errors import CaptureError, ConfigurationError
from hil.model.results import RunInfo
from hil.recording.latest_run import newest_beside, publish_latest
from hil.recording.run_folder import RunFolder, RunLog
from hil.recording.run_removal import find_runs, remove_run

OLD_S = time.time() - 30 * 86_400
NAME = "20260101T010203Z_pico"


def make_run(out, name=NAME, *, ended=True, logged_as=None, age_s=None):
    folder = RunFolder(out / name)
    folder.captures.mkdir(parents=True)
    info = RunInfo(logged_as or name, "2026-01-01T01:02:03Z", 0, "quick", "0", "host", "hardware")
    log = RunLog(folder.captures, info)
    if ended:
        log.finish(1.0)
    else:
        log.close()
    (folder.captures / "a.hilcap").write_bytes(b"x" * 10_000)
    folder.report.write_text("page")
    changed = OLD_S if age_s is None else time.time() - age_s
    os.utime(folder.captures / "run.jsonl", (changed, changed))
    return folder.path


def test_a_run_is_found_and_removed_with_all_in_it(tmp_path):
    path = make_run(tmp_path)
    (path / "deep").mkdir()
    (path / "deep" / "link").symlink_to(tmp_path)
    (run,) = find_runs(tmp_path)
    assert (run.name, run.line, run.stays) == (NAME, "pico", "")
    assert run.moment.isoformat() == "2026-01-01T01:02:03+00:00"
    assert remove_run(run) >= 10_000
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_run_is_not_found(tmp_path):
    elsewhere = make_run(tmp_path / "elsewhere")
    out = tmp_path / "out"
    out.mkdir()
    (out / NAME).symlink_to(elsewhere, target_is_directory=True)
    (out / "20260102T010203Z_pico").mkdir()
    (out / "20260103T010203Z_pico").write_text("a file")
    make_run(out, "20260104T010203Z_pico", logged_as=NAME)
    make_run(out, "notes")
    make_run(out, "20261304T010203Z_pico")
    linked = make_run(out, "20260105T010203Z_pico")
    shutil.move(linked / "capture", tmp_path / "capture")
    (linked / "capture").symlink_to(tmp_path / "capture")
    log = make_run(out, "20260106T010203Z_pico") / "capture" / "run.jsonl"
    log.write_text("{}\n")
    before = sorted(out.iterdir())
    assert find_runs(out) == []
    assert sorted(out.iterdir()) == before


def test_what_has_to_stay_says_why(tmp_path):
    published = make_run(tmp_path)
    publish_latest(published)
    make_run(tmp_path, "20260102T010203Z_pico", ended=False, age_s=86_400)
    make_run(tmp_path, "20260103T010203Z_pico", age_s=5)
    (make_run(tmp_path, "20260104T010203Z_pico") / "KEEP").touch()
    stays = {run.name: run.stays for run in find_runs(tmp_path)}
    assert stays == {
        NAME: "latest",
        "20260102T010203Z_pico": "without an end, so perhaps in progress",
        "20260103T010203Z_pico": "just ended",
        "20260104T010203Z_pico": "a file KEEP",
    }
    (tmp_path / "latest").unlink()
    (tmp_path / "latest").mkdir()
    publish_latest(published)
    assert find_runs(tmp_path)[-1].stays == "latest"  # by latest.txt


@pytest.mark.skipif(os.name != "posix", reason="flock")
def test_a_run_in_progress_stays_however_old_its_log_is(tmp_path):
    path = make_run(tmp_path, ended=False)
    assert find_runs(tmp_path)[0].stays == ""
    log = RunLog(path / "capture", RunInfo(NAME, "", 0, "quick", "0", "host", "hardware"))
    os.utime(path / "capture" / "run.jsonl", (OLD_S, OLD_S))
    assert find_runs(tmp_path)[0].stays == "in progress"
    log.close()
    os.utime(path / "capture" / "run.jsonl", (OLD_S, OLD_S))
    assert find_runs(tmp_path)[0].stays == ""


def test_a_folder_that_was_put_in_its_place_stays(tmp_path):
    path = make_run(tmp_path / "out")
    (run,) = find_runs(tmp_path / "out")
    path.rename(tmp_path / "moved")
    other = make_run(tmp_path / "out")
    with pytest.raises(ConfigurationError, match="changed meanwhile"):
        remove_run(run)
    shutil.rmtree(other)
    other.symlink_to(tmp_path / "moved", target_is_directory=True)
    with pytest.raises(ConfigurationError, match="can't be removed"):
        remove_run(run)
    assert (tmp_path / "moved" / "capture" / "run.jsonl").is_file()


def test_a_removal_that_was_cut_short_is_finished_by_the_next(tmp_path, monkeypatch):
    make_run(tmp_path)
    (run,) = find_runs(tmp_path)

    def full(*_args, **_more):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "rmdir", full)
        with pytest.raises(ConfigurationError, match="Input/output error"):
            remove_run(run)
    path = make_run(tmp_path, "20260102T010203Z_pico")
    (path / "deep").mkdir()
    (run,) = [run for run in find_runs(tmp_path) if run.path == path]
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", full)
        full.avoids_symlink_attacks = True
        with pytest.raises(ConfigurationError, match="Input/output error"):
            remove_run(run)
    (run,) = find_runs(tmp_path)  # its log went last
    remove_run(run)
    assert not path.exists()


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ConfigurationError, match="can't read the folder"):
        find_runs(tmp_path / "none")


def test_the_newest_run_beside_latest_is_the_newest_by_its_name(tmp_path):
    published = make_run(tmp_path)
    publish_latest(published)
    assert newest_beside(tmp_path / "latest") == published
    later = make_run(tmp_path, "20260102T010203Z_boards")  # nothing was measured in it
    assert newest_beside(tmp_path / "latest") == later
    assert newest_beside(published) == later
    (tmp_path / "20270102T010203Z_x").symlink_to(tmp_path)
    with pytest.raises(CaptureError):
        newest_beside(published)
