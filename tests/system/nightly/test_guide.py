"""The guide's commands: each is known, and what an ordinary user types runs as it stands.

With ``HIL_TEST_GUIDE=1`` (``tox -e guide``) in a folder and an environment of its own, as root by a
user made for it: packages are fetched, embedded boards stand in for the ports.
"""

import contextlib
import os
import pwd
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from webhook_server import WebhookServer

ROOT = Path(__file__).parents[3]
GUIDE = ROOT / "docs" / "how-to" / "nightly.md"
BOARDS = {
    f"/dev/hil-{name}": f"sim:clock=virtual,seed={n}"
    for n, name in enumerate(("pico-1", "pico-2", "esp32"), 1)
}
KEEPERS = ("sudo ", "useradd ", "cp contrib/", "systemctl ", "install -", "createuser ")
"""What root or a database's keeper types."""
ELSEWHERE = ("17 1 * * * ", "LG_COORDINATOR=", "farm/bin/", "python3 -m venv farm ")
"""A line of crontab, and the farm's (tests/system/labgrid)."""
OF_THE_UNIT = (
    "python3 -m venv .venv && .venv/bin/pip install --require-hashes -r constraints.txt",
    ".venv/bin/pip install --no-deps --no-build-isolation .",
)
"""The same as an ordinary user's, above, typed by root in /srv/hil."""
EXAMPLE = "pytest --board=auto --hil-expect=id:"


def commands():
    """Every line of code in the guide, one that goes on joined to the next."""
    lines = re.findall(r"^    (?! )(.*(?:\\\n    .*)?)$", GUIDE.read_text(), flags=re.M)
    return [line for line in lines if line.strip()]


def typed_by_a_user():
    others = (*KEEPERS, *ELSEWHERE, EXAMPLE)
    return [c for c in commands() if not c.startswith(others) and c not in OF_THE_UNIT]


def test_every_command_of_the_guide_is_known():
    users = typed_by_a_user()
    assert len(users) == 13
    assert all(
        c.startswith(
            (
                ".venv/bin/hil ",
                ".venv/bin/pytest ",
                ".venv/bin/pip ",
                "export HIL_",
                "python3 -m venv .venv",
            )
        )
        for c in users
    )


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize("command", commands())
def test_every_command_is_one_for_a_shell(command):
    script = re.sub(r"^17 1 \* \* \* ", "", command)
    done = subprocess.run(["bash", "-n", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_root_copies_is_there_and_goes_where_the_units_look():
    for command in commands():
        for source in re.findall(r"\bcontrib/\S+", command):
            assert list(ROOT.glob(source)), source
    unit = (ROOT / "contrib" / "systemd" / "hil-nightly.service").read_text()
    assert "/srv/hil/.venv/bin/pytest" in unit
    assert "/srv/hil" in GUIDE.read_text()


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_the_line_of_crontab_measures_all_and_expects_all():
    (line,) = [c for c in commands() if c.startswith("17 1 * * * ")]
    for board in BOARDS:
        assert line.count(board) == 2


@contextlib.contextmanager
def somebody(folder):
    """The beginning of a command that an ordinary user types, who owns ``folder``."""
    if os.geteuid() != 0 or shutil.which("useradd") is None:
        yield []
        return
    name = f"hil-guide-{os.getpid()}"
    subprocess.run(["useradd", "--no-create-home", "--home-dir", str(folder), name], check=True)
    try:
        account = pwd.getpwnam(name)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
        yield ["runuser", "-u", name, "--"]
    finally:
        subprocess.run(["userdel", "--force", name], check=False, capture_output=True)


@pytest.mark.skipif(
    os.environ.get("HIL_TEST_GUIDE") != "1", reason="fetches packages: HIL_TEST_GUIDE=1"
)
@pytest.mark.timeout(900)
def test_an_ordinary_user_comes_to_the_end_of_the_guide(tmp_path_factory):
    home = Path(os.environ.get("TMPDIR", "/tmp")) / f"hil-guide-{os.getpid()}"
    clone = home / "hil"
    clone.mkdir(parents=True)
    (home / "tmp").mkdir()  # pytest's folder in /tmp is named by USER, whoever that was last time
    try:
        files = subprocess.run(
            ["git", "-c", "safe.directory=*", "ls-files", "-z"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for name in filter(None, files.split("\0")):
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name)
        settings = Path("~/.config/pip/pip.conf").expanduser()
        if settings.is_file():  # where packages come from
            (home / ".config" / "pip").mkdir(parents=True)
            shutil.copy(settings, home / ".config" / "pip")
        with somebody(home) as as_user, WebhookServer() as chat:
            _type_all(as_user, home, clone, chat)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _type_all(as_user, home, clone, chat):
    python = Path(sys.base_prefix) / "bin"
    readable = not as_user or not str(python).startswith("/root")
    path = f"{python}:/usr/bin:/bin" if readable else "/usr/bin:/bin:/usr/local/bin"
    passed_on = ("PIP_", "SSL_CERT", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")
    environment = {n: v for n, v in os.environ.items() if n.upper().startswith(passed_on)}
    environment |= {"HOME": str(home), "PATH": path, "LANG": "C.UTF-8", "USER": "guide"}
    environment["TMPDIR"] = str(home / "tmp")

    def typed(command, status=0):
        for port, board in BOARDS.items():
            command = command.replace(port, board)
        command = command.replace("/var/lib/hil", "reports")
        done = subprocess.run(
            [
                *(*as_user, "env", "-i", *(f"{k}={v}" for k, v in environment.items())),
                *("bash", "-c", command),
            ],
            cwd=clone,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    said = {}
    for command in typed_by_a_user():
        if command.startswith("export HIL_"):
            name, _, value = command.removeprefix("export ").partition("=")
            value = value.split("   ")[0].strip().strip('"')
            for port, board in BOARDS.items():
                value = value.replace(port, board)
            environment[name] = chat.url if name == "HIL_NOTIFY" else value
            continue
        udev = command.startswith(".venv/bin/hil boards --udev")  # none is attached here
        said[command.split(" --keep")[0]] = typed(command, 1 if udev else 0)
    assert (
        "3 cases measured"
        in said[next(c for c in said if c.startswith(".venv/bin/pytest --hil-expect"))]
    )
    assert "no USB serial port" in said[".venv/bin/hil boards"]
    assert chat.bodies[-1]["text"].startswith("hil: all well")
    again = next(c for c in said if c.startswith(".venv/bin/pytest --hil-expect"))
    gone = again.replace("/dev/hil-esp32", "/dev/no-such-port")
    del environment["HIL_BOARD"]
    night = typed(gone + " " + " ".join(f"--board={b}" for b in list(BOARDS)[:2]), 8)
    assert "missing: /dev/no-such-port" in night
    assert chat.bodies[-1]["missing"] == ["/dev/no-such-port"]
    assert "(missing)" in typed("COLUMNS=160 .venv/bin/hil history --last=1")
