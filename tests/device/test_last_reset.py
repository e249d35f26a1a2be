"""A board asked when it was last reset: the real virtual machine, which has no `reset_cause`."""

from __future__ import annotations

from hil.boards.backends.sim import VirtualBoard
from hil.boards.last_reset import LastReset, ask_last_reset
from hil.boards.raw_repl import RawRepl
from hil.recording.interfaces import seconds


def test_it_tells_how_long_it_has_been_up():
    with VirtualBoard() as board, RawRepl(board.port) as repl:
        repl.enter()
        last = ask_last_reset(repl)
        assert last.booted_s is not None
        assert last.booted_s < seconds(repl.clock)
        assert not last.by_watchdog


def test_only_a_reset_in_the_time_that_is_meant_is_told():
    assert LastReset().describe(100.0) == ""
    assert LastReset(booted_s=99.0).describe(100.0) == ""
    assert LastReset(booted_s=99.0, by_watchdog=True).describe(100.0) == ""
    assert "without a word" in LastReset(booted_s=110.0).describe(100.0)
    assert "WDT_RESET" in LastReset(booted_s=110.0, by_watchdog=True).describe(100.0)
    assert LastReset(booted_s=110.0).describe(None) == ""
    assert "WDT_RESET" in LastReset(by_watchdog=True).describe(None)
