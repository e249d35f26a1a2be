"""What lies in a run's folder is read only where it is a file itself, and of a size that can be."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from hil.model.errors import CaptureError
from hil.recording.stored_file import (
    is_plain_folder,
    open_given,
    open_stored,
    read_given,
    read_stored,
)


def link(path: Path) -> None:
    path.with_name("secret").write_text("secret")
    path.symlink_to(path.with_name("secret"))


def bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        old = Path.cwd()
        os.chdir(path.parent)  # the address of a socket has few characters
        try:
            server.bind(path.name)
        finally:
            os.chdir(old)


KINDS = {
    "a link": link,
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a socket": bind,
}


@pytest.mark.parametrize("what", KINDS)
def test_what_is_no_file_is_refused_at_once(tmp_path, what):
    path = tmp_path / "x"
    KINDS[what](path)
    for read in (open_stored, read_stored):
        with pytest.raises(CaptureError, match=f"x is {what}"):
            read(path, 100)


def test_a_device_has_no_end_and_is_not_begun():
    with pytest.raises(CaptureError, match="/dev/zero is a device"):
        read_stored(Path("/dev/zero"), 100)
    with pytest.raises(CaptureError, match="/dev/zero is a device"):
        read_given(Path("/dev/zero"), 100)


def test_a_user_s_own_file_may_be_a_link_but_no_pipe(tmp_path):
    path = tmp_path / "x"
    link(path)
    assert read_given(path, 100) == b"secret"
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CaptureError, match="pipe is a pipe"):
        open_given(tmp_path / "pipe")


def test_a_file_that_claims_too_much_is_not_opened(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    assert read_stored(path, 3) == b"abc"
    os.truncate(path, 10 * 10**9)
    with pytest.raises(CaptureError, match=r"x is 10 GB long, .* longer than 3 bytes"):
        open_stored(path, 3)


def test_a_link_to_a_folder_is_none(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert is_plain_folder(tmp_path / "real")
    assert not is_plain_folder(tmp_path / "missing")
    with pytest.raises(CaptureError, match="link is a link, and links are not followed"):
        is_plain_folder(tmp_path / "link")
