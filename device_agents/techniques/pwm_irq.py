# hil: needs=pwm,pin_irq,disable_irq,loopback
"""A PWM output, looped back into an input, sets the pace; the tasks run in the pin's interrupt.

One PWM serves all tasks. Its frequency is the slowest whole number of hertz that has an edge at
every activation (pwm_hz in the end frame); the handler counts rising edges, and each task runs at
every n-th one. The handler is hard where the port has that (counter hard). The grid begins at an
edge that the main program waited for, for nobody can choose the phase of a PWM; those that come
until the window opens are counted.
"""

import time

import machine
from lib.edge_handler import listen
from lib.periods import common_us
from lib.pins import loop_pins

HIL_MOST_HZ = 5000
HIL_MANY = 1 << 29


class NoPwm(Exception):
    """No PWM sets this pace."""


def hil_set_frequency(pwm, base_us):
    """Set the slowest frequency that has an edge every base_us, and return it."""
    hz = step = 1000000 // common_us((base_us, 1000000))
    while hz <= HIL_MOST_HZ:
        try:
            pwm.freq(hz)
            if abs(pwm.freq() - hz) * 100 <= hz:
                return hz
        except ValueError:  # too slow for this port
            pass
        hz += step
    raise NoPwm("no whole Hz up to %d has an edge every %d us" % (HIL_MOST_HZ, base_us))


def hil_every_nth_edge(activate, left, every):
    """The handler: counts down the edges of each task, and runs those whose turn it is."""
    tasks = range(len(left))

    def edge(_=None):
        for k in tasks:
            n = left[k] - 1
            if n == 0:
                n = every[k]
                activate[k]()
            left[k] = n

    return edge


def hil_wait_for_edge(pin, hz):
    """The time of a rising edge."""
    if machine.time_pulse_us(pin, 0, 4000000 // hz + 100000) < 0:
        raise NoPwm("no edges of the PWM come over the loopback")
    return time.ticks_us()


def run(job):
    out, pin = loop_pins(job)
    pwm = machine.PWM(out)
    job.at_exit(pwm.deinit)
    hz = hil_set_frequency(pwm, common_us(job.periods_us + job.phases_us))
    pwm.duty_u16(32768)
    job.set_counter("pwm_hz", hz)
    every = [period * hz // 1000000 for period in job.periods_us]
    left = [HIL_MANY] * job.n
    edge = hil_every_nth_edge(job.activate, left, every)
    job.at_exit(lambda: pin.irq(handler=None))
    now = hil_wait_for_edge(pin, hz)
    job.set_counter("hard", listen(pin, edge))
    job.open()
    first = [(job.periods_us[k] + job.phases_us[k]) * hz // 1000000 for k in range(job.n)]
    state = machine.disable_irq()
    passed = HIL_MANY - left[0]
    left[:] = first
    machine.enable_irq(state)
    now = time.ticks_add(now, passed * 1000000 // hz)
    for k in range(job.n):
        job.begin(k, job.phases_us[k] + job.periods_us[k], now)
    job.wait()
