"""The self-check at the start of a session, on the embedded board with and without its jumper."""

import pytest

from hil.boards.backends.registry import parse_board
from hil.experiments.plan import capture_job, find_profile, make_cases
from hil.experiments.session import Session
from hil.model.errors import CapabilityMissing


def test_a_missing_jumper_skips_what_needs_it_and_says_what_to_connect(tmp_path):
    event, timer = make_cases(
        find_profile("quick"), ("event_irq", "timer_soft"), ("idle",), duration_s=0.1
    )
    with Session(parse_board("sim:clock=virtual,wires=none")) as session:
        assert "loopback" not in session.identity.capabilities
        assert "pin_irq_hard" in session.identity.capabilities
        with pytest.raises(CapabilityMissing, match="connect pin 4 to pin 5"):
            session.capture(capture_job(event, session.board), tmp_path / "event")
        assert session.missing_jumper()
        session.capture(capture_job(timer, session.board), tmp_path / "timer")
        assert (tmp_path / "timer").stat().st_size > 0


def test_with_the_jumper_the_loopback_is_there_and_the_pins_are_inputs_again():
    with Session(parse_board("sim:clock=virtual")) as session:
        assert {"loopback", "pins", "pin_irq_hard"} <= set(session.identity.capabilities)
        assert session.missing_jumper() is None
        mode = session.run(
            "from machine import Pin\nprint(Pin(4).value(1), Pin(5).value(), 'OUT' in repr(Pin(4)))"
        )
        assert b"True" not in mode


def test_a_board_without_hard_interrupts_is_told_by_the_same_check():
    with Session(parse_board("sim:clock=virtual,irq_hard=0")) as session:
        assert "loopback" in session.identity.capabilities
        assert "pin_irq_hard" not in session.identity.capabilities
