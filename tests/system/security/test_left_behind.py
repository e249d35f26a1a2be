"""A whole run with secrets about: none is in what it leaves behind, and nothing can reach it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

COMPUTER, NETWORK, PASSWORD, PERSON = "secretpc", "secretnet", "secretkey", "secretperson"
RUN = f"""
import platform, socket, sys
import pytest
name = lambda: {COMPUTER!r}
platform.node = socket.gethostname = socket.getfqdn = name
was = platform.uname()
platform.uname = lambda: was._replace(node={COMPUTER!r})
sys.exit(pytest.main(sys.argv[1:]))
"""
SUITE = """
def test_lateness(figures):
    figures.check("lateness_p50_us")
"""
LISTENING = "0A"


@pytest.fixture(scope="module")
def run(tmp_path_factory, processes):
    """A run with the load web, its folder, and the addresses at which any part of it listened."""
    folder = tmp_path_factory.mktemp("run")
    folder.joinpath("test_it.py").write_text(SUITE)
    folder.joinpath("pytest.ini").write_text("[pytest]\n")
    folder.joinpath("wifi.toml").write_text(f'ssid = "{NETWORK}"\npassword = "{PASSWORD}"\n')
    args = ("-q", "--board=sim", "--hil-technique=timer_hard", "--hil-load=web")
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, *args, "--hil-duration-s=0.3", "--hil-out=out"],
        cwd=folder,
        env={**os.environ, "USER": PERSON, "LOGNAME": PERSON},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    addresses: set[str] = set()
    while True:
        try:
            output, _ = process.communicate(timeout=0.05)
            break
        except subprocess.TimeoutExpired:
            if sys.platform == "linux":
                addresses |= listening(tree(process.pid, processes))
    assert process.returncode == 0, output
    return folder / "out", output, addresses


def tree(pid, processes):
    """A process and everything that it started."""
    return [
        pid,
        *(descendant for child in processes.children(pid) for descendant in tree(child, processes)),
    ]


def listening(pids):
    """The local addresses (hexadecimal) of the TCP sockets on which ``pids`` listen."""
    inodes = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            for handle in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    inodes.add(str(handle.readlink()).removeprefix("socket:[").rstrip("]"))
    addresses = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENING and fields[9] in inodes:
                    addresses.add(fields[1].partition(":")[0])
    return addresses


def test_no_file_of_a_run_names_the_computer_its_user_or_its_network(run):
    folder, output, _ = run
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} >= {".hilcap", ".json", ".jsonl", ".html", ".xml"}
    for secret in (COMPUTER, NETWORK, PASSWORD, PERSON):
        for text in (secret.encode(), secret.encode().hex().encode()):
            assert not [path for path in files if text in path.read_bytes().lower()], secret
        assert secret not in output


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_everything_that_listens_does_so_on_loopback(run):
    """The board's own web server of the load is seen, so the look is not blind."""
    *_, addresses = run
    assert addresses == {"0100007F"}
