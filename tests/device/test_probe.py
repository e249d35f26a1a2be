"""The probe finds what a board has, whatever it lacks."""

import pytest

from hil.agents import bundle
from hil.boards import identity
from hil.model.errors import CapabilityMissing, RemoteCodeError


def probe(runner):
    return identity.probe_board(runner.repl)


def test_a_complete_board(runner):
    facts = probe(runner)

    assert facts["tp"] == str(2**30)
    assert facts["platform"] == "linux"
    assert facts["version"].startswith("1.")
    assert bytes.fromhex(facts["uid"]).startswith(b"hil-sim")
    assert int(facts["free"]) > 10_000
    have = set(facts["caps"].split(","))
    assert "pwm" in have
    assert "pio" not in have
    for technique in bundle.technique_names():
        bundle.require_capabilities(technique, "irq", have | {"pins", "loopback", "pio"})


def test_it_leaves_nothing_behind(runner):
    probe(runner)
    names = runner.exec("print([n for n in globals() if n.startswith('_') and n[1] != '_'])")
    assert set(eval(names)) <= {"_n", "_v"}
    assert runner.exec("print(_n, _v)").strip() == "None None"


@pytest.mark.parametrize(
    ("knobs", "lost", "remaining", "reason"),
    [
        ("timer=0", {"timer_soft", "timer_hard", "asyncio_flag"}, {"cooperative"}, "machine.Timer"),
        ("thread=0", {"thread"}, {"timer_soft"}, "_thread"),
        ("asyncio=0", {"asyncio_sleep", "asyncio_flag"}, {"thread"}, "no asyncio"),
        ("irq_hard=0", {"timer_hard"}, {"timer_soft", "event_irq"}, "hard=True"),
        ("tick_bits=16", set(), {"timer_hard"}, ""),
    ],
)
def test_what_a_board_lacks_is_a_reason(connect_board, knobs, lost, remaining, reason):
    with connect_board(knobs) as runner:
        facts = probe(runner)
        have = {*facts["caps"].split(","), "pins", "loopback"}
        if knobs.startswith("tick_bits"):
            assert facts["tp"] == "65536"
        for technique in lost:
            with pytest.raises(CapabilityMissing, match=reason):
                bundle.require_capabilities(technique, "idle", have)
        for technique in remaining:
            bundle.require_capabilities(technique, "idle", have)
            decoded = runner.run(technique)
            assert runner.end(decoded)["status"] == "ok"
            assert len(decoded.channels["task0"].values) in (29, 30, 31)
            if knobs == "timer=0":
                assert runner.end(decoded)["polled_tick"] == "1"


def test_a_question_that_does_not_fit_into_the_memory_is_left(runner):
    class Full:
        """The board's own REPL, but the heap is full at every third question."""

        def __init__(self):
            self.asked = 0

        def exec(self, code, *, timeout_s):
            self.asked += 1
            if self.asked > 3 and self.asked % 3 == 0:
                raise RemoteCodeError("the board raised MemoryError: parser could not allocate")
            if "import micropython" in code:
                raise RemoteCodeError("the board raised NameError: name 'machine' isn't defined")
            return runner.repl.exec(code, timeout_s=timeout_s)

    facts = identity.probe_board(Full())
    assert facts["tp"] == str(2**30)
    assert "end" in facts or "caps" in facts
    with pytest.raises(RemoteCodeError, match="ZeroDivisionError"):
        identity.probe_board(Failing())


class Failing:
    def exec(self, code, *, timeout_s):
        raise RemoteCodeError("the board raised ZeroDivisionError: divide by zero")
