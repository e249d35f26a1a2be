"""Secrets planted wherever hil takes any; then every byte that it leaves or shows is searched."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from echoing_board import EchoingBoard, spellings

from hil.cli.main import main
from hil.model.secrets import KNOWN_SECRETS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

NETWORK = "canary-network"
CANARIES = {
    name: f"c4n4ry-{name}/@:#?%'&x"
    for name in ("wifi", "option", "environment", "libpq", "board", "farm")
}
CANARIES["ini"] = "c4n4ry-ini/@:#?%&x"  # where an option is split, a quote would end it
SERVER = "postgresql://me:{}@127.0.0.1:1/farm"
SUITE = """
import os
import pytest

def test_lateness(figures):
    known = dict(os.environ)
    figures.check("lateness_p50_us")
    assert known == {}, known

def test_crash(figures):
    raise KeyError(open(os.environ["HIL_WIFI"]).read())
"""
STARTED_S = 60.0
PYTEST = ("-l", "-vv", "-rA", "-p", "no:cacheprovider")
# its web server at a loopback address is refused: with idle there is a case that is measured
CASES = ("--hil-technique=timer_soft", "--hil-load=web,idle", "--hil-duration-s=1", "--hil-seed=1")


def variables(folder: Path) -> dict[str, str]:
    """The environment of a user who has a password for everything."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("HIL_")},
        **{"HIL_LOCK_DIR": str(folder / "locks"), "TMPDIR": str(folder / "tmp")},
        **{"HIL_WIFI": str(folder.parent / "secret" / "wifi.toml")},
        **{"PGPASSWORD": CANARIES["libpq"], "LG_COORDINATOR": f"me:{CANARIES['farm']}@[::1]:1"},
        **{"HIL_HISTORY": SERVER.format(CANARIES["environment"])},
    }


def start_pytest(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", *PYTEST, *CASES, *words],
        cwd=folder,
        env=variables(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="surrogateescape",
    )


def hil(*words: str) -> str:
    """What a command shows, with the name by which it is called, run in this process."""
    said = io.StringIO()
    KNOWN_SECRETS.clear()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
        contextlib.suppress(SystemExit),
    ):
        patch.setattr(sys, "argv", ["hil", *words])
        main(words)
    return said.getvalue()


@pytest.fixture(scope="module")
def shown(tmp_path_factory) -> dict[str, str]:
    """By command what it showed; by name what each file holds that was left."""
    base = tmp_path_factory.mktemp("canaries")
    folder, secret = base / "run", base / "secret"
    for path in (folder, folder / "tmp", secret):
        path.mkdir()
    secret.joinpath("wifi.toml").write_text(f'ssid = "{NETWORK}"\npassword = "{CANARIES["wifi"]}"')
    folder.joinpath("test_it.py").write_text(SUITE)
    folder.joinpath("pytest.ini").write_text("[pytest]\n")
    url = SERVER.format(CANARIES["option"])
    said: dict[str, str] = {}
    with EchoingBoard() as board, pytest.MonkeyPatch.context() as patch:
        for name, value in variables(folder).items():
            patch.setenv(name, value)
        patch.chdir(folder)
        run = start_pytest(folder, f"--board={board.port}", "--hil-out=out", f"--hil-history={url}")
        end = time.monotonic() + STARTED_S
        while not list(folder.glob("locks/*")) and time.monotonic() < end:
            time.sleep(0.02)
        beside = {
            "lock conflict": start_pytest(folder, f"--board={board.port}", "--hil-out=second"),
            "address": start_pytest(
                folder,
                *("-o", f"addopts=--hil-history={SERVER.format(CANARIES['ini'])}"),
                *(f"--board=socket://me:{CANARIES['board']}@127.0.0.1:1", "--hil-out=third"),
            ),
        }
        said["looking"] = hil("boards", "--no-probe", board.port)
        said |= {name: process.communicate(timeout=120)[0] for name, process in beside.items()}
        said["run"] = run.communicate(timeout=120)[0]
        assert board.told == {NETWORK, CANARIES["wifi"]}, said["run"]
        assert board.echoed >= 20, said["run"]
        said["doctor"] = hil("doctor", "--watch-s=0", "--board", board.port)
        address = f"port:socket://me:{CANARIES['board']}@127.0.0.1:1"
        said["doctor of an address"] = hil("doctor", "--json", "--board", address)
        said["farm"] = hil("doctor", "--board=labgrid:place")
        said["usage"] = hil("trend", "x", "--histroy", url)
        said["history"] = hil("history", "--history", url)
        (latest,) = map(str, folder.glob("out/2*"))
        said["report"] = hil("report", latest)
        said["show"] = hil("show", latest)
        said["export"] = hil("export", latest, "--to", "all")
        said["add"] = hil("history", "add", latest, "--history=kept.db")
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".py":
            said[str(path.relative_to(folder))] = path.read_bytes().decode("latin-1")
    return said


def test_each_of_them_was_there_to_be_told(shown):
    """The search below is not blind: each command came to where it had a secret in hand."""
    assert "in use by pid" in shown["lock conflict"]
    assert "--hil-history=" in shown["lock conflict"]
    assert "busy" in shown["looking"]
    assert "127.0.0.1:1" in shown["address"]
    assert "***" in shown["run"]
    assert "unrecognized arguments" in shown["usage"]
    for name in ("run", "history"):  # nobody answers there, or there is no driver
        assert "postgresql://me@127.0.0.1:1/farm" in shown[name] or "driver" in shown[name]
    names = {Path(name).name for name in shown}
    assert names >= {"report.html", "results.json", "junit.xml", "run.jsonl", "kept.db"}
    captures = [text for name, text in shown.items() if name.endswith(".hilcap")]
    assert any("I know ****" in text for text in captures)


@pytest.mark.parametrize("canary", [*CANARIES, "network"])
def test_none_of_them_is_anywhere(shown, canary):
    secret = CANARIES.get(canary, NETWORK)
    words = {*spellings(secret), secret.partition("/")[0]}
    words |= {word.encode().decode("latin-1") for word in words}
    for where, text in shown.items():
        assert not [word for word in words if word.strip("\"'") in text], where
