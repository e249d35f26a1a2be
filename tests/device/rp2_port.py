"""The module ``rp2`` for the embedded board, executed there: the instructions that we use.

A program is run by its cycles up to its second interrupt, and goes on at that pace. What runs for
that is machine code, as all of the embedded board is: no time of the board passes in it.
"""

import sys

import micropython
import sim_clock
import sim_controller

x, osr, x_dec = "x", "osr", "x_dec"
port_program = []


def port_instruction(name):
    return lambda *args: port_program.append((name, args))


pull, mov = port_instruction("pull"), port_instruction("mov")
jmp, irq = port_instruction("jmp"), port_instruction("irq")
label, wrap_target, wrap = map(port_instruction, ("label", "wrap_target", "wrap"))


def rel(number):
    return number


class PortStateMachine:
    made = []  # noqa: RUF012

    def __init__(self, number, program, freq):
        self.program = program
        self.tick_us = 1000000 // freq
        self.fifo = []
        self._slot = -1
        self._handler = None
        self.made.append(self)

    def irq(self, handler=None, trigger=1, hard=False):
        assert hard or handler is None
        self._handler = handler

    def put(self, value):
        assert 0 <= value < 1 << 32
        assert len(self.fifo) < 4
        self.fifo.append(value)

    @micropython.native
    def active(self, on=None):
        if on is not None:
            sim_controller.drop(self)
        if on:
            first, second = self.interrupts()
            self._due = sim_clock.now() + first * self.tick_us
            self._period = (second - first) * self.tick_us
            sim_controller.add(self)
        return self._slot >= 0

    @micropython.native
    def interrupts(self):
        """The cycles of the first two interrupts."""
        code, labels, start = [], {}, 0
        for name, args in self.program:
            if name == "label":
                labels[args[0]] = len(code)
            elif name == "wrap_target":
                start = len(code)
            elif name != "wrap":
                code.append((name, args))
        at = cycle = counter = shifted = 0
        times = []
        while len(times) < 2:
            name, args = code[at]
            at += 1
            cycle += 1
            if name == "pull":
                shifted = self.fifo.pop(0)
            elif name == "mov":
                counter = shifted
            elif name == "irq":
                times.append(cycle)
            elif len(args) == 1:
                at = labels[args[0]]
            else:  # to itself: as often as the counter says, and once more to find it empty
                assert labels[args[1]] == at - 1
                cycle += counter
            if at == len(code):
                at = start
        return times

    @micropython.native
    def _fire(self):
        self._due += self._period
        if self._handler is not None:
            sim_controller.run_hard(self._handler, self, "PIO")


class PortPio:
    removed = 0

    def __init__(self, number):
        assert number == 0

    def remove_program(self, program):
        assert not any(machine.active() for machine in PortStateMachine.made)
        PortPio.removed += 1


class PortModule:
    StateMachine = PortStateMachine
    PIO = PortPio

    @staticmethod
    def asm_pio():
        def assembled(function):
            port_program[:] = []
            function()
            return list(port_program)

        return assembled


sys.modules["rp2"] = PortModule
