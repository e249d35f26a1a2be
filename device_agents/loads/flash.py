# hil: needs=fs
"""The main program writes the file system: intensity blocks of 256 bytes a second (1..100).

Two small files of its own take turns, each begun anew after 16 blocks; both are removed at the end.
Only names that were free at the start are used, so that no file of the user's is touched.
"""

import os
import time


def hil_free_names(count):
    """Names that no file has."""
    taken = os.listdir()
    names = ["_hil%d.tmp" % i for i in range(len(taken) + count)]
    return [name for name in names if name not in taken][:count]


class FlashLoad:
    """Writes a block when it is time."""

    def __init__(self, intensity):
        self.names = hil_free_names(2)
        self.every_ms = 1000 // intensity
        self.last = time.ticks_ms()
        self.block = bytes(range(256))
        self.blocks = 0
        self.file = None

    def step(self):
        now = time.ticks_ms()
        if time.ticks_diff(now, self.last) < self.every_ms:
            return
        self.last = now
        if self.blocks % 16 == 0:
            self.close()
            self.file = open(self.names[self.blocks // 16 % 2], "wb")
        self.file.write(self.block)
        self.file.flush()
        self.blocks += 1

    def close(self):
        if self.file:
            self.file.close()
            self.file = None

    def remove(self):
        """Both files, if they were ever written."""
        self.close()
        for name in self.names[: (self.blocks + 15) // 16]:
            os.remove(name)
        self.names = ()


def load_start(job):
    load = FlashLoad(job.cfg.get("intensity", 50))

    def end():
        load.remove()
        job.set_counter("load_blocks", load.blocks)

    job.at_exit(end)
    return load.step
