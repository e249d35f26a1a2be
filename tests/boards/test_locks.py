"""The lock across processes, with real processes."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hil.boards import lock_files
from hil.boards.lock_files import lock_file
from hil.boards.lock_names import address_lock_names, device_lock_names
from hil.boards.locks import BoardLock, brief_locks, lock_holder
from hil.model.errors import BoardBusyError, ConfigurationError

OWN = ("LOCALHOST", "localhost.", "127.1", "127.0.0.2", "0x7f000001", "[::1]", "0.0.0.0")
OWN += ("[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::]", "this-computer")
HOSTS = {
    "farm": ["10.0.0.7"],
    "two-addresses": ["10.0.0.7", "10.0.0.8"],
    "this-computer": ["127.0.1.1"],
}

fcntl = pytest.importorskip("fcntl")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="flock")

HOLD = """
import sys, time
from hil.boards.lock_names import device_lock_names
from hil.boards.locks import BoardLock
lock = BoardLock(sys.argv[1], device_lock_names(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HIL_LOCK_DIR", str(tmp_path / "locks"))


@pytest.fixture
def hosts(monkeypatch):
    """Names of hosts without a network; addresses and the host's own are looked up as usual."""
    usual = socket.getaddrinfo

    def look_up(host, port, **more):
        if host in ("bench", "elsewhere"):
            raise socket.gaierror(-2, "Name or service not known")
        return [row for address in HOSTS.get(host, [host]) for row in usual(address, port, **more)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@pytest.fixture
def other():
    """Another process that holds a board."""
    started = []

    def hold(port: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, port], stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield hold
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_the_second_run_is_told_who_holds_the_board(other):
    process = other("/dev/ttyUSB7")
    with pytest.raises(BoardBusyError) as caught:
        BoardLock("/dev/ttyUSB7", device_lock_names("/dev/ttyUSB7"))
    assert f"pid {process.pid}" in str(caught.value)
    assert "-c /dev/ttyUSB7" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert lock_holder(device_lock_names("/dev/ttyUSB7")).pid == process.pid


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
def test_the_lock_ends_with_its_holder_however_it_ends(other, signum):
    process = other("socket://bench:4000")
    process.send_signal(signum)
    process.wait()
    with BoardLock("socket://bench:4000", address_lock_names("socket://bench:4000")):
        pass
    assert lock_holder(address_lock_names("socket://bench:4000")) is None


def test_it_ends_although_a_child_of_the_holder_goes_on(other):
    names = device_lock_names("/dev/ttyUSB1")
    with BoardLock("a", names):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        BoardLock("b", names).release()
    finally:
        child.kill()
        child.wait()


def test_one_run_can_take_several_boards_but_none_twice():
    first, second = device_lock_names("/dev/ttyUSB1"), device_lock_names("/dev/ttyUSB2")
    with BoardLock("a", first), BoardLock("b", second), pytest.raises(BoardBusyError):
        BoardLock("a", first)
    BoardLock("a", device_lock_names("/dev/ttyUSB1")).release()


@pytest.mark.parametrize(
    ("url", "other"),
    [
        ("socket://Bench:4000", "rfc2217://bench:4000?ign_set_control"),
        ("socket://bench.:4000", "port:socket://BENCH:4000"),
        ("socket://farm:4000", "socket://10.0.0.7:4000"),
        ("socket://farm:4000", "rfc2217://[::ffff:10.0.0.7]:4000"),
        ("socket://farm:4000", "socket://two-addresses:4000"),
        ("socket://10.0.0.8:4000", "socket://two-addresses:4000"),
        *(("socket://127.0.0.1:4000", f"socket://{host}:4000") for host in OWN),
    ],
)
def test_an_address_is_one_however_it_is_written(url, other, hosts):
    names, others = (set(address_lock_names(text.removeprefix("port:"))) for text in (url, other))
    assert names & others
    assert not names & set(address_lock_names("socket://bench:4001"))
    assert not names & set(address_lock_names("socket://elsewhere:4000"))
    with BoardLock("a", names), pytest.raises(BoardBusyError):
        BoardLock("b", others)


def test_a_link_and_its_device_are_one_board(tmp_path):
    device = tmp_path / "ttyACM0"
    device.touch()
    by_id = tmp_path / "usb-MicroPython_Board"
    by_id.symlink_to(device)
    assert device_lock_names(str(by_id)) == device_lock_names(str(device))


def test_the_usb_identity_keeps_the_lock_when_the_port_changes_its_name():
    identity = "2e8a:0005:E66"
    with BoardLock("a", device_lock_names("/dev/ttyACM0", identity)):
        with pytest.raises(BoardBusyError):
            BoardLock("a", device_lock_names("/dev/ttyACM1", identity))
        # nothing of the refused attempt stays behind
        BoardLock("b", device_lock_names("/dev/ttyACM1")).release()


def test_what_stands_in_the_file_is_data():
    names = device_lock_names("/dev/ttyUSB3")
    with BoardLock("a", names):
        for text in ("", "[1]", "\xff", '{"pid": "x"}', '{"pid": 1, "command": "a\\nb\\u001b[2J"}'):
            lock_file(names[0]).write_text(text)
            holder = str(lock_holder(names))
            assert holder.isprintable()
            assert "\n" not in holder


def test_a_folder_that_cannot_be_made_is_one_line(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("HIL_LOCK_DIR", str(tmp_path / "file" / "locks"))
    with pytest.raises(ConfigurationError, match="HIL_LOCK_DIR"):
        BoardLock("a", device_lock_names("/dev/ttyUSB3"))


def test_other_nodes_and_spellings_of_a_device_are_one_board(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    node = Path("node")
    try:
        os.mknod(node, 0o600 | stat.S_IFCHR, Path("/dev/null").stat().st_rdev)
    except PermissionError:
        pytest.skip("making device nodes needs root")
    names = set(device_lock_names("/dev/null"))
    for port in ("//dev/null", "/dev/../dev/null", str(node), str(node.absolute())):
        assert names & set(device_lock_names(port))
    assert not names & set(device_lock_names("/dev/zero"))


def test_looking_makes_nothing(tmp_path):
    assert lock_holder(device_lock_names("/dev/ttyUSB3")) is None
    assert list(tmp_path.iterdir()) == []


LOOK = """
import sys
from hil.boards.lock_names import device_lock_names
from hil.boards.locks import lock_holder
names = device_lock_names(sys.argv[1])
print("looks", flush=True)
while True:
    lock_holder(names)
"""


def test_those_that_look_never_keep_a_run_from_the_board():
    names = device_lock_names("/dev/ttyUSB5")
    lookers = [
        subprocess.Popen(
            [sys.executable, "-c", LOOK, "/dev/ttyUSB5"], stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    try:
        for looker in lookers:
            assert looker.stdout.readline() == "looks\n"
        for _ in range(300):
            BoardLock("a", names).release()
        assert [looker.poll() for looker in lookers] == [None] * 3
    finally:
        for looker in lookers:
            looker.kill()
            looker.wait()
            looker.stdout.close()


def test_nothing_is_left_behind_by_a_run_that_ends_itself(tmp_path):
    with BoardLock("a", device_lock_names("/dev/ttyUSB3")):
        assert list(tmp_path.rglob("*.lock"))
    assert not list(tmp_path.rglob("*.lock"))


@pytest.mark.skipif(sys.platform != "linux", reason="sockets without a file")
@pytest.mark.parametrize("whole_folder", [False, True])
def test_a_lock_whose_file_was_removed_is_held_all_the_same(other, whole_folder):
    process = other("/dev/ttyUSB7")
    names = device_lock_names("/dev/ttyUSB7")
    file = lock_file(names[0])
    shutil.rmtree(file.parent) if whole_folder else file.unlink()
    assert lock_holder(names).pid == process.pid
    with pytest.raises(BoardBusyError, match=f"pid {process.pid}"):
        BoardLock("a", names)
    process.kill()
    process.wait()
    BoardLock("a", names).release()


def test_a_file_that_is_removed_between_opening_and_locking_is_not_taken_for_the_lock(monkeypatch):
    names = device_lock_names("/dev/ttyUSB8")
    usual = fcntl.flock
    left = [3]

    def removed_before(handle, operation):
        if left[0]:
            left[0] -= 1
            lock_file(names[0]).unlink()
        usual(handle, operation)

    monkeypatch.setattr(fcntl, "flock", removed_before)
    with BoardLock("a", names):
        assert lock_file(names[0]).exists()
        with pytest.raises(BoardBusyError):
            BoardLock("b", names)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL])
def test_a_file_system_without_locks_is_named_as_such(monkeypatch, tmp_path, number):
    def refuse(_handle, _operation):
        raise OSError(number, os.strerror(number))

    names = device_lock_names("/dev/ttyUSB3")
    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(ConfigurationError, match="file system without locks") as caught:
        BoardLock("a", names)
    assert str(tmp_path / "locks") in str(caught.value)
    assert "HIL_LOCK_DIR" in str(caught.value)
    assert lock_holder(names) is None
    monkeypatch.undo()
    monkeypatch.setenv("HIL_LOCK_DIR", str(tmp_path / "locks"))
    BoardLock("a", names).release()  # nothing of the refused attempt is held


def test_a_full_disk_costs_the_note_and_not_the_lock(monkeypatch):
    def full(*_args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    names = device_lock_names("/dev/ttyUSB3")
    monkeypatch.setattr(os, "pwrite", full)
    with BoardLock("a", names):
        with pytest.raises(BoardBusyError, match="in use by"):
            BoardLock("b", names)
        assert lock_holder(names).pid in (0, os.getpid())


def test_two_spellings_of_the_folder_are_one(other, monkeypatch, tmp_path):
    other("/dev/ttyUSB7")
    (tmp_path / "link").symlink_to(tmp_path / "locks")
    monkeypatch.chdir(tmp_path)
    for spelling in (f"{tmp_path}//locks/../locks/", "locks", str(tmp_path / "link")):
        monkeypatch.setenv("HIL_LOCK_DIR", spelling)
        with pytest.raises(BoardBusyError):
            BoardLock("a", device_lock_names("/dev/ttyUSB7"))


def test_users_share_a_folder_and_nothing_in_it_is_followed_or_written_to(monkeypatch, tmp_path):
    shared, secret = tmp_path / "shared", tmp_path / "secret"
    shared.mkdir()
    shared.chmod(0o1777)
    secret.write_text("mine")
    monkeypatch.delenv("HIL_LOCK_DIR")
    if os.getuid():
        pytest.skip("only root can make a folder as the system's own are")
    monkeypatch.setattr(lock_files, "_SHARED_FOLDERS", (str(shared),))
    names = device_lock_names(str(tmp_path / "port"))
    path = lock_file(names[0])
    assert path.parent == shared
    with BoardLock("a", names):
        assert stat.S_IMODE(path.stat().st_mode) == 0o666
        with pytest.raises(BoardBusyError):
            BoardLock("b", names)
    path.symlink_to(secret)
    with pytest.raises(ConfigurationError, match="HIL_LOCK_DIR"):
        BoardLock("a", names)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ConfigurationError, match="no file for locks"):
        BoardLock("a", names)
    path.unlink()
    os.link(secret, path)
    BoardLock("a", names).release()
    assert secret.read_text() == "mine"


@pytest.mark.parametrize(("mode", "owner"), [(0o777, 0), (0o1755, 0), (0o1777, 12345)])
def test_a_folder_in_which_files_can_be_replaced_is_not_shared(monkeypatch, tmp_path, mode, owner):
    if os.getuid():
        pytest.skip("needs root")
    tmp_path.chmod(mode)
    os.chown(tmp_path, owner, -1)
    monkeypatch.delenv("HIL_LOCK_DIR")
    monkeypatch.setattr(lock_files, "_SHARED_FOLDERS", (str(tmp_path),))
    assert lock_files.lock_folder().path == Path(f"/tmp/hil-locks-{os.getuid()}")


def test_who_only_looks_at_a_board_is_waited_for():
    names = device_lock_names("/dev/ttyUSB3")
    with brief_locks():
        look = BoardLock("doctor", names)
    slept = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            look.release()

    BoardLock("run", names, sleep=sleep).release()
    assert len(slept) == 3
    with brief_locks():
        stays = BoardLock("doctor", names)
    with stays, pytest.raises(BoardBusyError):
        BoardLock("run", names, sleep=slept.append)
    assert sum(slept) == pytest.approx(60, abs=1)
    with BoardLock("run", names), pytest.raises(BoardBusyError):
        BoardLock("second", names, sleep=lambda _: pytest.fail("waited for a whole run"))


def test_the_note_has_no_secret_of_the_command_line(monkeypatch, capfd):
    url = "postgresql://me:pl4nted/canary@host/db"
    monkeypatch.setattr(sys, "argv", ["/x/pytest", f"--hil-history={url}", "--history", url, "-q"])
    names = device_lock_names("/dev/ttyUSB3")
    with BoardLock("a", names):
        assert "pl4nted" not in lock_file(names[0]).read_text()
        assert str(lock_holder(names)).endswith("-q`")
        with pytest.raises(BoardBusyError) as caught:
            BoardLock("b", names)
        assert "pl4nted" not in str(caught.value)
        old = {"pid": os.getpid(), "command": f"pytest --hil-history={url} -q"}
        lock_file(names[0]).write_text(json.dumps(old))
        assert "pl4nted" not in str(lock_holder(names))


def test_where_the_system_does_not_tell_the_note_does(other, monkeypatch, tmp_path):
    monkeypatch.setattr(lock_files, "_LOCK_TABLE", tmp_path / "none")
    monkeypatch.setattr(lock_files, "_SOCKET_TABLE", tmp_path / "none")
    process = other("/dev/ttyUSB7")
    names = device_lock_names("/dev/ttyUSB7")
    assert lock_holder(names).pid == process.pid
    with pytest.raises(BoardBusyError, match=f"pid {process.pid}"):
        BoardLock("a", names)
    process.kill()
    process.wait()
    assert lock_holder(names) is None
    BoardLock("a", names).release()
