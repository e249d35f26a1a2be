"""What an embedded board could read of its user: nothing that is secret."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import pytest

from hil.boards.backends.sim import VirtualBoard

CANARY = "pl4nted-canary"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_process_of_a_board_has_a_secret(monkeypatch, processes):
    for name in ("PGPASSWORD", "FORGE_TOKEN", "HIL_WIFI_PASSWORD"):
        monkeypatch.setenv(name, CANARY)
    monkeypatch.setenv("HIL_HISTORY", f"postgresql://me:{CANARY}@host/farm")
    monkeypatch.setenv("ANYTHING", f"http://me:{CANARY}@proxy")
    monkeypatch.setenv("PLAIN", "plain-canary")
    with VirtualBoard() as board, board.open_repl() as prompt:
        prompt.enter()
        pids = [board.pid, *processes.children(board.pid)]
        assert len(pids) > 1
        for pid in pids:
            folder = Path(f"/proc/{pid}")
            with contextlib.suppress(PermissionError):
                assert CANARY.encode() not in folder.joinpath("environ").read_bytes()
            assert CANARY.encode() not in folder.joinpath("cmdline").read_bytes()
        said = prompt.exec("import os\nprint(os.getenv('PLAIN'), os.getenv('PGPASSWORD'))")
        assert said.split() == [b"plain-canary", b"None"]
