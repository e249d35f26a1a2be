"""Temporary folders: gone with their processes, also where those are killed, and only those."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from hil.boards import scratch_folder
from hil.boards.scratch_folder import PREFIX, ScratchFolder, remove_abandoned

HOLDER = """
import sys, time
from hil.boards.scratch_folder import ScratchFolder
print(ScratchFolder().path, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def base(tmp_path, monkeypatch):
    """A short folder for temporary files."""
    folder = Path(tempfile.mkdtemp(prefix="t-", dir="/tmp"))
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield folder
    for left in folder.iterdir():
        for file in left.iterdir():
            file.unlink()
        left.rmdir()
    folder.rmdir()


@pytest.fixture
def other_process(base):
    """Another process with a folder, and that folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process, Path(process.stdout.readline().strip())
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def test_a_folder_ends_with_its_removal(base):
    folder = ScratchFolder()
    (folder.path / "deep" / "er").mkdir(parents=True)
    folder.remove()
    folder.remove()
    assert list(base.iterdir()) == []


def test_a_folder_in_use_is_left_alone_and_one_of_a_killed_process_is_not(base, other_process):
    process, path = other_process
    remove_abandoned(base)
    assert path.is_dir()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert path.is_dir(), "nothing can be removed by who is killed"
    folder = ScratchFolder()
    assert not path.exists()
    folder.remove()


def test_two_processes_share_a_folder_and_either_may_outlive_the_other(base, other_process):
    process, path = other_process
    folder = ScratchFolder(path=path)
    process.send_signal(signal.SIGKILL)
    process.wait()
    remove_abandoned(base)
    assert path.is_dir()
    folder.remove()
    assert not path.exists()


def test_what_is_somebody_elses_or_no_folder_of_this_kind_stays(base, tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    (target / "in-use").touch()
    (base / f"{PREFIX}link").symlink_to(target)
    (base / f"{PREFIX}file").touch()
    full = base / f"{PREFIX}full"
    full.mkdir()
    (full / "precious").touch()
    other = base / "other"
    other.mkdir()
    (other / "in-use").touch()
    os.utime(full, (0, 0))
    remove_abandoned(base)
    assert target.is_dir()
    assert {path.name for path in base.iterdir()} == {
        *(f"{PREFIX}link", f"{PREFIX}file", f"{PREFIX}full", "other")
    }
    (base / f"{PREFIX}link").unlink()
    (base / f"{PREFIX}file").unlink()


def test_a_folder_that_was_never_held_goes_when_it_is_old(base):
    young, old = base / f"{PREFIX}young", base / f"{PREFIX}old"
    young.mkdir()
    old.mkdir()
    os.utime(old, (time.time() - 3600,) * 2)
    remove_abandoned(base)
    assert [path.name for path in base.iterdir()] == [young.name]


def test_a_folder_that_was_taken_for_abandoned_is_not_used(base, monkeypatch):
    made = []
    mkdtemp = tempfile.mkdtemp

    def swept_once(**options):
        made.append(mkdtemp(**options))
        if len(made) == 1:
            Path(made[0]).rmdir()
        return made[-1]

    monkeypatch.setattr(scratch_folder.tempfile, "mkdtemp", swept_once)
    folder = ScratchFolder()
    assert str(folder.path) == made[1]
    folder.remove()


def test_where_temporary_files_have_a_long_path_a_socket_still_fits(tmp_path, monkeypatch):
    long = tmp_path / ("long" * 25)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    folder = ScratchFolder()
    try:
        assert len(os.fsencode(folder.path / "control")) < 100
    finally:
        folder.remove()
