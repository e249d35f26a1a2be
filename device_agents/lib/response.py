# hil: needs=
# An interrupt handler that answers on a pin, for an instrument that sees edges: behind its first
# stamp it inverts the pin `response`. Sent behind lib/event_chain.py; without that in the
# configuration nothing is different.
from array import array
from time import ticks_us

from lib.edge_handler import listen
from lib.event_chain import EventChain, hil_nothing
from lib.pins import output_pin, pin_setter, release_pin

hil_bind = EventChain.bind


def hil_responding(handler, respond, state):
    # state: the level to set next, the stamp
    def stamped():
        return state[1]

    def rest():
        handler(None, stamped)

    def responding(_=None, us=ticks_us):
        state[1] = us()
        respond(state[0])
        state[0] ^= 1
        rest()

    return responding


def hil_bind_response(self, rest=hil_nothing, defer=None):
    hil_bind(self, rest, defer)
    cfg = self.job.cfg
    pin_id = cfg.get("response")
    if pin_id is not None:
        pin = output_pin(pin_id, 0)
        self.job.at_exit(lambda: release_pin(pin_id, pin, cfg.get("safe") == "low"))
        self.handler = hil_responding(self.handler, pin_setter(pin), array("l", (1, 0)))
        listen(self.pin, self.handler, self.hard)


EventChain.bind = hil_bind_response
