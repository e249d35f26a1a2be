"""What the main program does while tasks run: the load, sending, pings, or nothing."""

import time

from lib.clock import Ponger
from lib.report import flush
from lib.window import Window


def no_turn():
    """A turn with nothing to do."""


class Background(Window):
    """The main program beside the tasks; naive loops take a turn themselves by idle_step()."""

    step = None
    ponger = None
    idle_step = staticmethod(no_turn)

    def start_background(self, load_start):
        """Start the load; streaming also sends and answers pings at every turn."""
        self.companions = []  # coroutine functions of the load, for techniques on asyncio
        if load_start:
            self.step = load_start(self)
        if self.streaming or self.cfg.get("pings"):
            self.ponger = Ponger(self.writer)
        self.exchange()
        if self.streaming:
            self.idle_step = self.turn if self.ponger.poll else self.send_turn
        elif self.step:
            self.idle_step = self.step
        self.busy = bool(self.step or self.cfg.get("background"))

    def exchange(self, count=0):
        """Compare clocks with the host where that disturbs nothing, if it wants to."""
        if self.ponger and self.cfg.get("pings"):
            self.ponger.serve(count or self.cfg["pings"])

    def send_turn(self):
        """One turn of streaming."""
        if self.step:
            self.step()
        flush(self)

    def turn(self):
        """One turn of streaming where stdin can be polled."""
        self.send_turn()
        if self.ponger.turn():
            self.left_ms = 0

    def wait(self):
        """Be the main program until the window ends; counts its turns when it never sleeps."""
        idle_step = self.idle_step
        running = self.running
        if not self.busy:
            sleep = time.sleep_ms
            while running():
                idle_step()
                sleep(1)
            return
        turns = 0
        while running():
            idle_step()
            turns += 1
        self.set_counter("background", turns)
