# hil: needs=pio
"""A PIO state machine sets the pace; the task runs in the interrupt that it raises.

One state machine a task, all with one program. Its clock ticks every 10 us, or shorter where
periods and phases are no multiples of that: 32 bits hold half a day so, and the divider is finer
than at the full clock. The instructions beside the count are taken off it. The divider has steps of
1/256; where these don't make the clock exactly, pio_ppb in the end frame says by how much a period
is too long.
"""

import time

import machine
import rp2
from lib.periods import common_us


@rp2.asm_pio()
def hil_pace():
    pull()  # noqa: F821
    mov(x, osr)  # noqa: F821
    pull()  # noqa: F821
    jmp("count")  # noqa: F821
    wrap_target()  # noqa: F821
    mov(x, osr)  # noqa: F821
    label("count")  # noqa: F821
    jmp(x_dec, "count")  # noqa: F821
    irq(rel(0))  # noqa: F821
    wrap()  # noqa: F821


def hil_pio_ppb(hz, clock_hz):
    """By how much a period is too long, in 1e-9: what the divider loses in its steps of 1/256."""
    divider = hz * 256 // clock_hz
    return (divider * clock_hz - hz * 256) * 1000000000 // (hz * 256)


def hil_pacer(job, k, tick_us):
    """Task k's state machine, set up; the function that starts it, due first after a period."""
    period = job.periods_us[k] // tick_us
    pacer = rp2.StateMachine(k, hil_pace, freq=1000000 // tick_us)
    job.at_exit(lambda: hil_stop_pacer(pacer))
    pacer.irq(handler=job.activate[k], hard=True)
    pacer.put(job.phases_us[k] // tick_us + period - 6)
    pacer.put(period - 3)
    return pacer.active


def hil_stop_pacer(pacer):
    """No more interrupts of a state machine."""
    pacer.active(0)
    pacer.irq(handler=None)


def run(job):
    blocks = range((job.n + 3) // 4)
    job.at_exit(lambda: [rp2.PIO(block).remove_program(hil_pace) for block in blocks])
    tick_us = common_us(job.periods_us + job.phases_us + (10,))
    starts = [hil_pacer(job, k, tick_us) for k in range(job.n)]
    error = hil_pio_ppb(machine.freq(), 1000000 // tick_us)
    if error:
        job.set_counter("pio_ppb", error)
    job.open()
    now = time.ticks_us()
    for start in starts:
        start(1)
    for k in range(job.n):
        job.begin(k, job.phases_us[k] + job.periods_us[k], now)
    job.wait()
