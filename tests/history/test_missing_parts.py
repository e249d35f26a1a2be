"""What the last run had and this one was asked for and lacks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import runs

from hil.history.missing_parts import AskedCases, missing_parts
from hil.history.stored_records import make_history_run
from hil.model.results import ErrorRecord, Skip

A, B = (runs.board(name, unique_id=name) for name in ("A", "B"))
CASES = (("timer_soft", "idle"), ("timer_soft", "gc"), ("thread", "idle"))


def measured(*what, number=1, skipped=(), errors=()):
    """A run of (board, technique, load)."""
    rng = np.random.default_rng(number)
    taken = [runs.capture(rng, technique, load, of=board, n=40) for board, technique, load in what]
    made = make_history_run(runs.results(taken, number), taken)
    return replace(made, skipped=tuple(skipped), errors=tuple(errors))


def every(*boards):
    return [(board, *case) for board in boards for case in CASES]


def asked(*boards, cases=CASES, **more):
    return AskedCases({(name, *case) for name in boards for case in cases}, **more)


def test_a_whole_run_misses_nothing():
    before, now = measured(*every(A)), measured(*every(A), number=2)
    assert missing_parts(before, now, asked("A")) == ()


def test_a_technique_and_a_case_that_are_gone_are_told_with_the_reason():
    before = measured(*every(A))
    now = measured(
        (A, "timer_soft", "idle"),
        number=2,
        skipped=[
            Skip("A", "thread", "idle", "the board has no threads"),
            Skip("A", "thread", "idle", "lateness_p99_us: too few samples"),
        ],
        errors=[ErrorRecord("A", "timer_soft", "gc", "the board did not answer")],
    )
    assert missing_parts(before, now, asked("A")) == (
        "timer_soft, gc, A: asked for and not measured (the board did not answer)",
        "technique thread, A: asked for and not measured (the board has no threads)",
    )


def test_what_was_not_selected_is_not_missing():
    before, now = measured(*every(A, B)), measured((A, "timer_soft", "idle"), number=2)
    assert missing_parts(before, now, asked("A", cases=CASES[:1])) == ()
    assert missing_parts(before, now, AskedCases(frozenset())) == ()


@pytest.mark.parametrize("every_board", [True, False])
def test_a_board_is_missing_where_every_board_or_this_one_was_asked_for(every_board):
    before, now = measured(*every(A, B)), measured(*every(A), number=2)
    gone = ("board B: measured in 20261101T000100Z_pico, asked for and not in this run",)
    told = missing_parts(before, now, asked("A", every_board=every_board))
    assert told == (gone if every_board else ())
    assert missing_parts(before, now, asked("A", "B", every_board=every_board)) == gone


def test_a_board_that_gave_nothing_is_told_once():
    before, now = measured(*every(A, B)), measured(*every(A), number=2)
    nothing = replace(now, boards=(*now.boards, replace(before.boards[1], cases=())))
    told = missing_parts(before, nothing, asked("A", "B"))
    assert told == ("board B: measured in 20261101T000100Z_pico, asked for and not in this run",)


def test_a_board_at_another_port_is_the_same_board():
    before = measured(*every(A))
    now = measured(*every(replace(A, name="/dev/ttyUSB7")), number=2)
    assert missing_parts(before, now, asked("/dev/ttyUSB7")) == ()
