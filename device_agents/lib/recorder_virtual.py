# hil: needs=virtual
# Stamps on a board in virtual time, where storing one takes as long as the board was told.
# Sent behind lib/recorder.py.
import machine
from lib.recorder import Channel

hil_free_stamper = Channel.make


def hil_charged_stamper(buf, us, full):
    free, seek = hil_free_stamper(buf, us, full)

    def stamp(_=None, free=free, store_cost=machine.store_cost):
        free()
        store_cost()

    return stamp, seek


Channel.make = hil_charged_stamper


def hil_charged_slot(self, i, tick, free=Channel.slot, store_cost=machine.store_cost):
    free(self, i, tick)
    store_cost()


Channel.slot = hil_charged_slot
