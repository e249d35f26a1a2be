"""Files written in one step: a reader sees the old one or the whole new one."""

from __future__ import annotations

import sys

import pytest

from hil.model.errors import ConfigurationError
from hil.recording import atomic_file
from hil.recording.atomic_file import replaced_file, write_json_atomically, write_text_atomically


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "results.json"
    file.write_text("old")
    return file


def test_the_old_file_stays_until_the_new_one_is_whole(path):
    with replaced_file(path) as temporary:
        temporary.write_text("half")
        assert path.read_text() == "old"
        assert temporary.parent == path.parent
        temporary.write_text("new")
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_after_an_error_the_old_file_is_there_and_nothing_beside_it(path, error):
    def write():
        with replaced_file(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        write()
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_a_full_disk_is_one_line_that_says_what_to_do(path):
    with (
        pytest.raises(ConfigurationError, match=r"results\.json: No space left.*; make room$"),
        replaced_file(path, "make room"),
    ):
        raise OSError(28, "No space left on device")
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_text_and_json_go_the_same_way(path):
    write_text_atomically(path, "a\udcffb")
    assert path.read_text() == "a\\udcffb"
    write_json_atomically(path, {"n": 1})
    assert path.read_text() == '{\n "n": 1\n}\n'
    with pytest.raises(ConfigurationError, match="--hil-out"):
        write_text_atomically(path / "under-a-file", "")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has files without a name")
def test_who_is_killed_while_a_text_is_written_leaves_nothing(path, monkeypatch):
    seen = []

    def looked_at(handle):
        seen.append([file.read_text() for file in path.parent.iterdir()])

    monkeypatch.setattr(atomic_file.os, "fsync", looked_at)
    write_text_atomically(path, "new")
    assert seen == [["old"]]
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("unnamed", [True, False])
def test_a_full_disk_leaves_the_old_text_with_and_without_unnamed_files(path, monkeypatch, unnamed):
    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic_file.os, "fsync", full)
    if not unnamed:
        monkeypatch.setattr(atomic_file, "_unnamed_file", lambda folder: None)
    with pytest.raises(ConfigurationError, match="No space left"):
        write_text_atomically(path, "new")
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_a_text_that_cannot_be_written_leaves_the_old_one(path):
    with pytest.raises(ValueError, match="JSON"):
        write_json_atomically(path, {"n": float("nan")})
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]
