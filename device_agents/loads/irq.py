# hil: needs=timer
"""Other interrupts: a periodic timer's soft callback works a little, 20 * intensity a second."""

from lib.timers import HilTimer


def hil_irq_work(count):
    work = range(20)

    def callback(_=None):
        for _ in work:
            count[0] = (count[0] + 1) & 127

    return callback


def load_start(job):
    timer = HilTimer(job)
    timer.periodic(1000000 // (20 * job.cfg.get("intensity", 50)), hil_irq_work(bytearray(1)))
    return None
