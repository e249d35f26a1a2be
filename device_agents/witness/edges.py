# ruff: noqa: F821 - the words of the PIO assembler and of viper are no names of this file
# A second Pico as an instrument: the edges of up to eight pins, counted by PIO, sent as frames.
# One state machine watches one pin, two PIO cycles a turn, and counts X down once a turn. At an
# edge it pushes X and the edge's direction; DMA puts that into a ring in memory, which the loop
# below empties. Every way through the program takes two cycles for each count, so that the
# time is exact however many edges there were, and whether or not they had room.
import time
from array import array

import machine
import micropython
import rp2
import uctypes
from lib.clock import Ponger
from lib.console import stdout_write
from lib.frames import FrameWriter
from machine import Pin

_HIL_PIO = 0x50200000  # PIO1 lies 0x100000 behind it
_HIL_DMA = 0x50000000
_HIL_MOST = 0x0FFFFFFF  # words that a DMA channel is told to take: years of edges
_HIL_BLOCK = 512


@rp2.asm_pio(in_shiftdir=rp2.PIO.SHIFT_RIGHT, fifo_join=rp2.PIO.JOIN_RX)
def hil_edge_counter():
    mov(x, invert(null))
    jmp("low")
    label("rise")
    in_(x, 31)  # ISR was 0: X in bits 1 to 31, bit 0 is 0
    push(noblock)
    mov(isr, invert(null))
    jmp(x_dec, "rise1")
    label("rise1")
    jmp(x_dec, "rise2")
    label("rise2")
    jmp(x_dec, "high")
    label("high")
    jmp(x_dec, "high1")
    label("high1")
    jmp(pin, "high")
    in_(x, 31)  # ISR was all ones: bit 0 is 1
    push(noblock)
    jmp(x_dec, "fall1")
    label("fall1")
    jmp(x_dec, "fall2")
    label("fall2")
    jmp(x_dec, "low")
    wrap_target()
    label("low")
    jmp(pin, "rise")
    jmp(x_dec, "low")
    wrap()


@micropython.viper
def _hil_take(ring: ptr32, out: ptr32, first: int, n: int, mask: int):
    for i in range(n):
        out[i] = ring[(first + i) & mask]


@micropython.viper
def _hil_switch(first: int, value: int, second: int, value2: int):
    # the two blocks as close together as can be
    a = ptr32(first)
    b = ptr32(second)
    a[0] = value
    b[0] = value2


class RawDma:
    # a DMA channel where the firmware has no rp2.DMA (before 1.22), on the RP2040; taken from above

    def __init__(self, k):
        self.channel = 11 - k

    def begin(self, source, target, request, bits):
        base = _HIL_DMA + 0x40 * self.channel
        for at, value in ((0, source), (4, target), (8, _HIL_MOST)):
            machine.mem32[base + at] = value
        # enabled, words, writes go on, ring of writes, chained to itself, paced by the request
        control = 1 | 2 << 2 | 1 << 5 | bits << 6 | 1 << 10 | self.channel << 11 | request << 15
        machine.mem32[base + 12] = control | 1 << 21

    def close(self):
        machine.mem32[_HIL_DMA + 0x444] = 1 << self.channel


class OwnedDma:
    # the same by the firmware's own class, which stops it at a reset too

    def __init__(self, k):
        self.dma = rp2.DMA()
        self.channel = self.dma.channel

    def begin(self, source, target, request, bits):
        control = self.dma.pack_ctrl(
            inc_read=False, inc_write=True, ring_size=bits, ring_sel=True, treq_sel=request
        )
        self.dma.config(read=source, write=target, count=_HIL_MOST, ctrl=control, trigger=True)

    def close(self):
        self.dma.active(0)
        self.dma.close()


class Witness:
    def __init__(self, pins, bits, div):
        self.pins = pins
        self.div = div
        self.size = (1 << bits) >> 2
        self.bits = bits
        room = bytearray((len(pins) + 1) << bits)
        self.room = room
        first = -uctypes.addressof(room) & ((1 << bits) - 1)
        self.rings = [first + (k << bits) for k in range(len(pins))]  # bytes into room, aligned
        self.out = array("l", range(_HIL_BLOCK))
        self.sent = [0] * len(pins)  # words of each line that are sent or given up
        self.dropped = [0] * len(pins)
        self.dmas = []
        self.machines = []
        self.blocks = sorted({k >> 2 for k in range(len(pins))})

    def setup(self):
        for k in range(len(self.pins)):
            pin = Pin(self.pins[k], Pin.IN, Pin.PULL_DOWN)  # quiet where no wire is
            # state machines 0-3 are PIO0's, 4-7 PIO1's
            self.machines.append(rp2.StateMachine(k, hil_edge_counter, in_base=pin, jmp_pin=pin))
            dma = OwnedDma(k) if hasattr(rp2, "DMA") else RawDma(k)
            self.dmas.append(dma)
            block = _HIL_PIO + ((k >> 2) << 20)
            machine.mem32[block + 0xC8 + 0x18 * (k & 3)] = self.div << 16  # a whole divider
            target = uctypes.addressof(self.room) + self.rings[k]
            dma.begin(block + 0x20 + 4 * (k & 3), target, (k >> 2) * 8 + 4 + (k & 3), self.bits)

    def masks(self):
        return [(1 << min(4, len(self.pins) - 4 * b)) - 1 for b in self.blocks]

    def switch(self, on):
        # all machines of a block at one time, clock dividers in step; the time before and after
        masks = self.masks() + [0]
        values = [m | m << 8 if on else m for m in masks]
        at = _HIL_PIO + (0x2000 if on else 0x3000)
        two = len(self.blocks) > 1  # nothing may come between them
        state = machine.disable_irq() if two else 0
        before = time.ticks_us()
        _hil_switch(at, values[0], at + 0x100000, values[1])
        after = time.ticks_us()
        if two:
            machine.enable_irq(state)
        return before, after

    def taken(self, k):
        # words that DMA has taken of line k
        return _HIL_MOST - (machine.mem32[_HIL_DMA + 0x40 * self.dmas[k].channel + 8] & _HIL_MOST)

    def stalls(self):
        # which lines had no room in their FIFO since the last call
        stalled = 0
        for b in self.blocks:
            at = _HIL_PIO + (b << 20) + 8
            flags = machine.mem32[at] & 15
            machine.mem32[at] = flags
            stalled |= flags << 4 * b
        return stalled

    def drain(self, writer, least):
        # send what came; one D frame tells when, and how many words each line had by then
        now = time.ticks_us()
        counts = [self.taken(k) for k in range(len(self.pins))]
        if max(counts[k] - self.sent[k] for k in range(len(counts))) < least:
            return False
        stalls = self.stalls()
        text = "us=%d;full=%d;n=" % (now, stalls)
        writer.text("D", text + ",".join([str(n) for n in counts]))
        for k in range(len(counts)):
            self.send(writer, k, counts[k])
        return True

    def send(self, writer, k, end):
        at = self.sent[k]
        size = self.size
        while at < end:
            n = min(end - at, _HIL_BLOCK)
            _hil_take(self.ring(k), self.out, at, n, size - 1)
            late = self.taken(k) - size + 16  # what was overwritten while it was copied
            if late > at:
                lost = min(late, end) - at
                self.dropped[k] += lost
                at += lost
                continue
            writer.stamps(k, 1, self.out, 0, n, at)
            at += n
        self.sent[k] = at

    def ring(self, k):
        return memoryview(self.room)[self.rings[k] : self.rings[k] + (1 << self.bits)]

    def rest(self, k):
        # what a stopped machine has counted, with the FIFO that nobody reads any more
        machine_k = self.machines[k]
        while machine_k.rx_fifo():
            machine_k.get()
        machine_k.exec("in_(x, 31)")
        machine_k.exec("push(noblock)")
        return machine_k.get() >> 1

    def close(self):
        for machine_k in self.machines:
            machine_k.active(0)
        for dma in self.dmas:
            dma.close()
        for b in self.blocks:
            rp2.PIO(b).remove_program()


def hil_witness(config):
    writer = FrameWriter(stdout_write(), 2048)
    ponger = Ponger(writer)
    witness = Witness(config["pins"], config["bits"], config["div"])
    names = config["names"]
    patience_us = config["every_us"]
    least = min(256, witness.size >> 3)
    try:
        witness.setup()
        text = "tp=%d;hz=%d;div=%d;lines=%d"
        modulus = time.ticks_add(0, -1) + 1
        writer.text("H", text % (modulus, machine.freq(), config["div"], len(names)))
        for k in range(len(names)):
            writer.text("C", "i=%d;name=%s;kind=value" % (k, names[k]))
        ponger.serve(config["pings"])
        witness.stalls()
        start = witness.switch(True)
        writer.text("G", "us0=%d;us1=%d" % start)
        last = start[1]
        while True:
            if ponger.poll(2) and ponger.answer() in (b"q", "q"):
                break
            now = time.ticks_us()
            if witness.drain(writer, 0 if time.ticks_diff(now, last) > patience_us else least):
                last = now
        stop = witness.switch(False)
        witness.drain(writer, 0)
        ponger.serve(config["pings"])
        for dma in witness.dmas:
            dma.close()
        witness.dmas = []
        for k in range(len(names)):
            text = "i=%d;n=%d;dropped=%d"
            writer.text("T", text % (k, witness.sent[k] - witness.dropped[k], witness.dropped[k]))
        rests = ",".join([str(witness.rest(k)) for k in range(len(names))])
        writer.text("E", "us0=%d;us1=%d;status=ok;x=%s" % (stop + (rests,)))
    finally:
        witness.close()
