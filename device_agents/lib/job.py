"""One capture on the board: set up, run a technique, clean up whatever happens, send the record."""

import gc
import time

from lib.background import Background
from lib.console import stdout_write
from lib.frames import FrameWriter
from lib.pins import make_task, output_pin, pin_setter, release_pin
from lib.recorder import Channel
from lib.report import send_record


class Job(Background):
    """What a technique works with; cfg is described in docs/decisions/0002-agents.md."""

    def __init__(self, cfg, writer):
        Background.__init__(self, cfg)
        self.writer = writer
        self.periods_us = cfg["periods"]
        self.n = len(self.periods_us)
        self.phases_us = cfg.get("phases") or (0,) * self.n
        self.grids = [None] * self.n
        self.channels = []
        self.grids_sent = False
        # numbered: each deadline comes from the one before, so that the n-th activation answers the
        # n-th release; order: so it does where the task waits for itself and keeps no grid
        self.answers = [""] * self.n
        self.counters = {}
        self.failure = None
        self.exits = []
        self.activate = []
        self.out = []
        self.timers_used = 0

    def prepare(self):
        """Everything that allocates: outputs, buffers, tasks."""
        cfg = self.cfg
        text = "v=1;technique=%s;load=%s;tp=%d;tasks=%d;mode=%s"
        mode = cfg.get("mode", "buffered")
        names = (cfg.get("technique", ""), cfg.get("load", "idle"))
        self.writer.text("H", text % (names + (time.ticks_add(0, -1) + 1, self.n, mode)))
        pins = cfg.get("pins") or ()
        levels = cfg.get("levels") or ()
        keep = cfg.get("safe") == "low"
        for k in range(self.n):
            level = levels[k] if k < len(levels) else 1 - k % 2
            pin = None
            if k < len(pins):
                pin = output_pin(pins[k], level)
                self.at_exit(lambda i=pins[k], p=pin: release_pin(i, p, keep))
            self.out.append(pin)
            stamp = self.channel("task%d" % k, "ticks", self.room(k)).stamper()
            self.activate.append(make_task(stamp, pin_setter(pin), level))

    def room(self, k):
        """Stamps to make room for: the window's and a tenth more, if the heap is so large."""
        cfg = self.cfg
        if cfg.get("capacity"):
            return cfg["capacity"]
        wanted = self.duration_ms * 1100 // self.periods_us[k] + 16
        if self.streaming:
            wanted = min(wanted, 2048)
        return self.fit(wanted, self.n - k)

    def fit(self, wanted, arrays):
        """How many of wanted stamps fit into each of some arrays, with half the heap left."""
        gc.collect()  # what was sent as code is garbage by now, and would count as taken
        width = 4 if time.ticks_add(0, -1) < 1 << 31 else 8
        return min(wanted, gc.mem_free() // (2 * width * arrays))

    def channel(self, name, kind, capacity):
        """A new channel, announced to the host."""
        channel = Channel(name, kind, capacity, self.streaming)
        self.writer.text("C", "i=%d;name=%s;kind=%s" % (len(self.channels), name, kind))
        self.channels.append(channel)
        return channel

    def begin(self, k, offset_us=0, origin=None):
        """Ask for task k from now (or a tick) on: the first activation is due after offset_us."""
        if not self.opened:
            self.open()
        self.grids[k] = (time.ticks_us() if origin is None else origin, offset_us)

    def begin_all(self, after_period=False):
        """Begin every task at one instant with its phase; timers first fire after a period."""
        if not self.opened:
            self.open()
        now = time.ticks_us()
        for k in range(self.n):
            first = self.periods_us[k] if after_period else 0
            self.begin(k, self.phases_us[k] + first, now)
        return now

    def at_exit(self, fn):
        """Call fn at the end, whatever happens, newest first."""
        self.exits.append(fn)

    def set_counter(self, name, value):
        """A counter for the end frame."""
        self.counters[name] = value

    def clean_up(self, oldest=0):
        """Run the clean-ups but the oldest, each tried twice; failures are counted."""
        while len(self.exits) > oldest:
            fn = self.exits.pop()
            for _ in range(2):
                try:
                    fn()
                    break
                except BaseException as error:
                    self.counters["cleanup_failed"] = self.counters.get("cleanup_failed", 0) + 1
                    self.failure = self.failure or error
        gc.enable()

    def watch(self):
        """What still comes when all is stopped, for two periods if these are not long."""
        if self.n:
            count = lambda: sum([c.n + c.dropped for c in self.channels])  # noqa: E731
            n = count()
            time.sleep_ms(min(2 * max(self.periods_us) // 1000 + 1, 100))
            self.set_counter("strays", count() - n)


def hil_emergency_buffer():
    """Where the port has one: room for the traceback of an exception in an interrupt."""
    try:
        import micropython

        micropython.alloc_emergency_exception_buf(100)
    except (ImportError, AttributeError):
        pass


def hil_main(run, cfg, load_start=None, after=()):
    """Run one capture, then what is measured after its window beside the same load, and send it."""
    job = Job(cfg, FrameWriter(stdout_write()))
    status = "ok"
    try:
        hil_emergency_buffer()
        job.prepare()
        job.start_background(load_start)
        job.load_exits = len(job.exits)
        job.load_timers = job.timers_used
        run(job)
        if job.stopped:
            raise job.stopped
        job.close()
        job.streaming = False
        job.exchange(1)  # at the window's own end: what follows takes seconds
        job.clean_up(job.load_exits)
        job.exchange()
        for more in after:
            job.timers_used = job.load_timers
            more(job, run)
            job.clean_up(job.load_exits)
    except KeyboardInterrupt:
        status = "interrupted"
    except BaseException as error:
        status = "error"
        job.failure = error
    job.clean_up()
    job.close()
    try:
        job.watch()
        if status == "ok":
            job.exchange()
    except KeyboardInterrupt:
        status = "interrupted"
    send_record(job, status)
