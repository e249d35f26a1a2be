"""The time in which a capture records."""

import gc
import time


class Window:
    """Counts milliseconds in steps, so that it may be longer than a tick wrap."""

    def __init__(self, cfg):
        self.cfg = cfg
        self.duration_us = cfg["duration"]
        self.duration_ms = self.left_ms = self.duration_us // 1000
        self.streaming = cfg.get("mode") == "streaming"
        self.opened = False
        self.stopped = None
        self.us0 = self.us1 = self.ms0 = self.ms1 = self.last_ms = 0

    def open(self):
        """Start the window, on a tidy heap."""
        gc.collect()
        if self.cfg.get("gc") == 0:
            gc.disable()
        self.opened = True
        self.ms0 = self.last_ms = time.ticks_ms()
        self.us0 = time.ticks_us()

    def running(self):
        """True until the window ends; ask at least once in half a wrap of ticks_ms."""
        now = time.ticks_ms()
        left = self.left_ms - time.ticks_diff(now, self.last_ms)
        self.left_ms = left
        self.last_ms = now
        if left > 0 and self.stopped is None:
            return True
        self.close()
        return False

    def stop(self, error):
        """End the window early, from wherever error was raised; the main program raises it then."""
        self.stopped = error

    def close(self):
        """End the window; the first time counts."""
        if self.opened:
            self.opened = False
            self.left_ms = 0
            self.us1 = time.ticks_us()
            self.ms1 = time.ticks_ms()
