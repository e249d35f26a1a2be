"""The response pin: inverted by every run of an interrupt handler, and no part of a latency."""

import numpy as np
import pytest

AFTER = ("workloads/isr_latency.py", "workloads/sync_pattern.py")
EVENTS = {"isr_events": 40, "sync": 16, "sync_seed": 5, "sync_us": 1000, "sync_pin": 8}
PROVE = """\
import micropython, time
job = Job({"periods": (10000,), "duration": 300000, "pins": (0,), "loop": (4, 5), "response": 9},
    FrameWriter(lambda *a: None))
job.prepare()
job.open()
chain = EventChain(job, loop_pins(job), True, "loopback")
chain.record(50)
chain.bind()
for f in (chain.stimulus, chain.handler):
    f(3)
answer = Pin(9).value
micropython.heap_lock()
try:
    chain.handler(3)
    a = answer()
    chain.stimulus()
    b = answer()
finally:
    micropython.heap_unlock()
print(a, b, chain.state[3])
job.clean_up()
"""


def test_the_handler_answers_without_allocating(runner):
    runner.deploy("event_irq", after=AFTER)
    shown = runner.exec(PROVE).split()
    # by two events and two calls by hand: inverted each time
    assert shown[:2] == ["1", "0"]
    assert shown[2] == "2"


def latencies(decoded, method):
    stim, isr, sched, defer = (
        decoded.channels[f"{stage}.{method}"].values for stage in ("stim", "isr", "sched", "defer")
    )
    return isr - stim, defer - sched


@pytest.mark.parametrize("method", ["loopback/hard", "loopback/soft", "loopback/hard/tsf"])
def test_the_answer_is_no_part_of_the_board_s_own_latencies(runner, method):
    plain = latencies(runner.run("event_irq", **EVENTS), method)
    answered = latencies(runner.run("event_irq", response=9, **EVENTS), method)
    for before, after in zip(plain, answered, strict=True):
        assert before.size == after.size == 40
        assert np.median(after) == pytest.approx(np.median(before), abs=1)
    assert runner.exec("import machine\nprint(machine.Pin(9))").strip() == "Pin(9, mode=IN)"
