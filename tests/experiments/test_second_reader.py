"""Bytes that another process took out of a capture are no stamps that the board dropped."""

from __future__ import annotations

import pytest

from hil.boards.backends.registry import parse_board
from hil.boards.backends.sim import VirtualBoard
from hil.boards.fault_injection import LinkFaults, parse_faults
from hil.experiments.capture_sources import LiveSource
from hil.experiments.plan import PROFILES, make_cases
from hil.experiments.session import Session
from hil.model.errors import CaptureError

READER = "pid 7 (`cat`) has the port open too, and what is read there is missing here: end it"


@pytest.mark.parametrize("reader", [READER, ""], ids=["another reader", "nobody"])
def test_a_capture_that_lost_bytes_to_another_reader_is_invalid(tmp_path, monkeypatch, reader):
    monkeypatch.setenv("HIL_LOCK_DIR", str(tmp_path / "locks"))
    monkeypatch.setattr("hil.boards.backends.serial.second_readers", lambda _: reader)
    (case,) = make_cases(PROFILES["quick"], ["timer_soft"], ["idle"], duration_s=0.2, windows=1)
    faults = LinkFaults(parse_faults("drop=0.004,seed=5"))
    with VirtualBoard() as board:
        source = LiveSource(Session(parse_board(board.port), faults=faults), tmp_path, 0)
        try:
            if not reader:
                assert source.take(case, None).faults  # bytes were lost, and nobody took them
                assert source.link_warnings == ()
                return
            with pytest.raises(CaptureError, match=r"bytes of it are lost: pid 7 \(`cat`\)"):
                source.take(case, None)
            assert source.link_warnings == (READER,)
        finally:
            source.close()
