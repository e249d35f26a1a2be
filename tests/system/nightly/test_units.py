"""The systemd units: what they may do is little, and what a run needs is there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from hil.boards import lock_files

ROOT = Path(__file__).parents[3]
UNITS = ROOT / "contrib" / "systemd"
MOST = 3.0
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="needs systemd-analyze: apt install systemd"
)


def settings(name):
    of_unit = {}
    for line in (UNITS / name).read_text().splitlines():
        if "=" in line and line[0] not in "#[":
            key, _, value = line.partition("=")
            of_unit.setdefault(key, []).append(value)
    return of_unit


@pytest.fixture
def units(tmp_path):
    """Copies whose programs exist on this host, so that systemd looks at the rest."""
    program = Path(sys.executable).with_name("pytest")
    for path in UNITS.glob("*.service"):
        text = path.read_text().replace("/srv/hil/.venv/bin/pytest", str(program))
        text = text.replace("/srv/hil/.venv/bin/hil", str(program.with_name("hil")))
        (tmp_path / path.name).write_text(text)
    return tmp_path


@needs_systemd
@pytest.mark.parametrize("name", sorted(path.name for path in UNITS.glob("*.service")))
def test_little_is_open_to_a_unit(units, name):
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"./{name}"],
        cwd=units,
        env={**os.environ, "SYSTEMD_COLORS": "0", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert exposure, done.stdout + done.stderr
    assert float(exposure[1]) <= MOST


def test_serial_ports_stay_usable():
    unit = settings("hil-nightly.service")
    assert unit["DevicePolicy"] == ["closed"]
    assert "PrivateDevices" not in unit
    assert {"char-ttyUSB rw", "char-ttyACM rw"} <= set(unit["DeviceAllow"])
    assert unit["SupplementaryGroups"] == ["dialout"]


def test_locks_are_where_another_users_run_finds_them():
    unit = settings("hil-nightly.service")
    environment = dict(word.split("=", 1) for line in unit["Environment"] for word in line.split())
    folder = environment["HIL_LOCK_DIR"]
    assert folder == lock_files._SHARED_FOLDERS[0]
    assert unit["ReadWritePaths"] == [folder]
    for page in ("nightly.md", "attaching.md"):
        assert folder in (ROOT / "docs" / "how-to" / page).read_text()


def test_a_run_that_does_not_end_is_ended_and_told():
    unit = settings("hil-nightly.service")
    (limit,) = unit["TimeoutStartSec"]
    jobs = YAML(typ="safe").load(ROOT / ".github" / "workflows" / "nightly.yml")["jobs"]
    assert limit == f"{jobs['measure']['timeout-minutes'] // 60}h"
    (units,) = unit["OnFailure"]
    failed, notify = units.split()
    assert (UNITS / failed).is_file()
    assert notify == "hil-notify@%n.service"
    (command,) = settings("hil-notify@.service")["ExecStart"]
    assert command.split("bin/")[1] == "hil notify /var/lib/hil/latest --unit=%i"


def test_the_clocks_state_can_be_asked_and_not_be_set():
    unit = settings("hil-nightly.service")
    assert unit["SystemCallFilter"][-1] == "adjtimex"
    assert unit["CapabilityBoundingSet"] == [""]
    assert "ProtectClock" not in unit  # it would forbid asking, too


def test_secrets_are_credentials_and_not_on_a_command_line():
    assert "HIL_HISTORY" not in settings("hil-nightly.service")["ExecStart"][0]
    secrets = settings("secrets.conf")
    files = dict(line.split(":", 1) for line in secrets["LoadCredential"])
    environment = dict(line.split("=", 1) for line in secrets["Environment"])
    notify = environment.pop("HIL_NOTIFY")
    assert notify == "@%d/notify"
    assert environment == {"PGPASSFILE": "%d/pgpass", "HIL_WIFI": "%d/wifi.toml"}
    environment["HIL_NOTIFY"] = notify.removeprefix("@")
    page = (ROOT / "docs" / "how-to" / "nightly.md").read_text()
    for name, source in files.items():
        assert f"%d/{name}" in environment.values()
        assert source in page
    assert "0600" in page


@needs_systemd
def test_systemd_takes_the_unit_that_tells(units):
    name = "hil-notify@hil-nightly.service"
    (units / "hil-notify@.service").rename(units / name)
    done = subprocess.run(
        ["systemd-analyze", "verify", str(units / name)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
def test_systemd_takes_the_secrets_too(units):
    folder = units / "hil-nightly.service.d"
    folder.mkdir()
    shutil.copy(UNITS / "secrets.conf", folder)
    done = subprocess.run(
        ["systemd-analyze", "verify", str(units / "hil-nightly.service")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
