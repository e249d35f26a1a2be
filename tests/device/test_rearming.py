"""A one-shot timer that re-arms itself is over when its job is."""

STOPPED_WHILE_A_CALL_WAITS = """
import time

class Ending:
    def __init__(self):
        self.exits = []
    def at_exit(self, fn):
        self.exits.append(fn)

job = Ending()
armed = []
start, callback = hil_rearming(job, lambda: None, 10000, time.ticks_us())
start(armed.append)
callback()
before = len(armed)
for fn in job.exits:
    fn()
callback()  # it waited in the scheduler's queue
print(before, len(armed))
"""


def test_a_call_that_comes_after_the_end_does_not_start_the_timer_again(runner):
    runner.deploy("timer_oneshot")
    assert runner.exec(STOPPED_WHILE_A_CALL_WAITS).split() == ["2", "2"]
