"""Files written in one step: a reader sees the old one or the whole new one."""

from __future__ import annotations

import pytest

from hil.model.errors import ConfigurationError
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


def test_a_text_that_cannot_be_written_leaves_the_old_one(path):
    with pytest.raises(ValueError, match="JSON"):
        write_json_atomically(path, {"n": float("nan")})
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]
