"""A port that this user may not open: one line with the way in, and no run."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from hil.boards.backends.sim import VirtualBoard
from hil.boards.diagnosis import permission_fix

pytestmark = pytest.mark.skipif(os.name != "posix", reason="rights of device files")
NOBODY = 65534
BECOME = f"""
import os
if os.getuid() == 0:
    for name, _, files in os.walk("."):
        for path in (name, *(os.path.join(name, file) for file in files)):
            os.chown(path, {NOBODY}, {NOBODY})
    os.setgroups([])
    os.setgid({NOBODY})
    os.setuid({NOBODY})
"""
# Everything is imported as the user that runs the tests, who may be the only one to read it.
AS_NOBODY = """
import encodings.ascii, os, sys
import pytest, hil.cli.main, hil.cli.doctor, hil.cli.boards
import hil.experiments.session, hil.pytest_plugin.plugin
from hil.boards.backends.registry import parse_board
from hil.experiments.session import Session
port = sys.argv[1]
if sys.argv[2] != "run":  # a run becomes nobody when all its plugins are loaded
    exec(os.environ["BECOME"], {})
if sys.argv[2] == "open":
    try:
        Session(parse_board(port)).open()
    except hil.model.errors.HilError as error:
        sys.exit(type(error).__name__ + ": " + str(error))
elif sys.argv[2] == "doctor":
    sys.exit(hil.cli.main.main(["doctor", "--board=" + port]))
else:
    off = ["-p", "no:cacheprovider", "-p", "no:hypothesispytest"]  # it imports more at the end
    sys.exit(pytest.main([*off, "-q", "--board=" + port, "--hil-out=out"]))
"""


@pytest.fixture
def refused():
    """A real board whose port only its owner, or nobody but root, may open."""
    with VirtualBoard() as board:
        Path(board.port).chmod(0o600 if os.getuid() == 0 else 0)
        yield board.port


@pytest.fixture
def folder():
    """Another user's: pytest keeps its own folders to itself."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def as_nobody(folder, refused):
    """A function that does something with the port as an ordinary user."""
    folder.joinpath("test_it.py").write_text("def test_it(figures): pass\n")
    folder.joinpath("pytest.ini").write_text("[pytest]\n")
    hook = "import pytest\n@pytest.hookimpl(tryfirst=True)\ndef pytest_runtestloop():\n    "
    folder.joinpath("conftest.py").write_text(f"{hook}exec({BECOME!r}, {{}})\n")

    def run(what: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "HIL_LOCK_DIR": str(folder / "locks"), "BECOME": BECOME}
        return subprocess.run(
            [sys.executable, "-c", AS_NOBODY, refused, what],
            cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    return run


def test_a_session_says_what_opens_the_port(as_nobody, refused):
    done = as_nobody("open")
    assert done.returncode == 1
    assert done.stderr.startswith(f"TransportError: {refused}: permission denied; ")
    assert "udev" in done.stderr
    assert "usermod -aG" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_doctor_finds_it(as_nobody):
    done = as_nobody("doctor")
    assert done.returncode == 1, done.stderr
    assert "WRONG  permission" in done.stdout
    assert "usermod -aG" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_run_does_not_begin(as_nobody, refused):
    done = as_nobody("run")
    said = done.stdout + done.stderr
    assert done.returncode == pytest.ExitCode.USAGE_ERROR, said
    (line,) = [line for line in said.splitlines() if "permission denied" in line]
    assert refused in line
    assert "usermod -aG" in line
    assert "Traceback" not in said


def rights(monkeypatch, tmp_path, mode, group, members=()):
    """A file that stands for a port with these rights."""
    port = tmp_path / "ttyUSB0"
    port.touch()
    port.chmod(mode)
    monkeypatch.setattr(Path, "group", lambda self: group)
    monkeypatch.setattr("hil.boards.diagnosis._listed_in", lambda name: name in members)
    return permission_fix(str(port))


def test_the_groups_port_needs_the_group(monkeypatch, tmp_path):
    told = rights(monkeypatch, tmp_path, 0o660, "dialout")
    assert "`sudo usermod -aG dialout $USER`" in told
    assert "udev" not in told


def test_a_new_member_must_log_in_again(monkeypatch, tmp_path):
    told = rights(monkeypatch, tmp_path, 0o660, "uucp", members=("uucp",))
    assert "log out and in" in told
    assert "usermod" not in told


@pytest.mark.parametrize(("mode", "group"), [(0o600, "dialout"), (0o660, "root"), (0o620, "tty")])
def test_a_port_closed_to_groups_needs_a_rule(monkeypatch, tmp_path, mode, group):
    told = rights(monkeypatch, tmp_path, mode, group)
    assert 'MODE="0660"' in told
    assert f'GROUP="{"dialout" if group == "root" else group}"' in told
