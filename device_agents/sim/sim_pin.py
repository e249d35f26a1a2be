# machine.Pin: levels, pulls, jumper wires between pins, and interrupts on edges.
import micropython
import sim_config as cfg
import sim_controller as controller
import sim_irq as irq
import umachine
from sim_clock import pause
from sim_edges import EDGES, note
from sim_now import PIN, write_cost

_pins = [None] * cfg.pins
_latency = cfg.latency_us


class _Irq:
    def __init__(self, pin):
        self._pin = pin

    def __call__(self):
        self._pin._interrupt()

    def trigger(self, trigger=None):
        old = self._pin._trigger
        if trigger is not None:
            self._pin._trigger = trigger
        return old

    def flags(self):
        return self._pin._flags


class Pin(umachine.PinBase):
    IN = 0
    OUT = 1
    OPEN_DRAIN = 2
    PULL_UP = 1
    PULL_DOWN = 2
    IRQ_FALLING = 4
    IRQ_RISING = 8

    def __new__(cls, id, *args, **kw):
        n = id
        if isinstance(n, Pin):
            return n
        if isinstance(n, str):
            n = n[1:] if n[:1] in "PD" else "x"
            n = int(n) if n.isdigit() else -1
        if not isinstance(n, int) or not 0 <= n < len(_pins):
            raise ValueError("unknown pin %r" % id)
        self = _pins[n]
        if self is None:
            self = object.__new__(cls)
            self._reset(n)
            _pins[n] = self
        return self

    def __init__(self, id, *args, **kw):
        if args or kw:
            self.init(*args, **kw)

    def _reset(self, n):
        self._n = n
        self._mode = 0
        self._pull = None
        self._latch = 0
        self._outside = -1  # what the host drives; -1 nothing
        self._last = 0
        self._wired = ()
        self._handler = None
        self._trigger = 0
        self._hard = False
        self._flags = 0
        self._busy = False
        self._again = False
        self._fired = None
        self._irq = None

    def __repr__(self):
        return "Pin(%d, mode=%s)" % (self._n, ("IN", "OUT", "OPEN_DRAIN")[self._mode])

    def init(self, mode=-1, pull=-1, *, value=None, drive=None, alt=None):
        if value is not None:
            self._latch = 1 if value else 0
        if mode is not None and mode != -1:
            if mode not in (0, 1, 2):
                raise ValueError("invalid pin mode")
            self._mode = mode
        if pull != -1:
            self._pull = pull
        self._settle()

    def _drives(self):
        return self._mode == 1 or (self._mode == 2 and not self._latch)

    def _level(self):
        if self._mode == 1 or (self._mode == 2 and not self._latch):
            return self._latch
        for p in self._wired:
            if p._drives():
                return p._latch
        if self._outside >= 0:
            return self._outside
        return 1 if self._pull == 1 or self._mode == 2 else 0

    def _note(self):
        note(self._n, self._level())
        for p in self._wired:
            note(p._n, p._level())

    def _settle(self):
        if EDGES:
            self._note()
        if self._trigger:
            self._edge()
        else:
            self._last = self._level()
        for p in self._wired:
            p._edge()

    def value(self, v=None):
        if v is None:
            return self._level()
        v = 1 if v else 0
        if PIN:
            write_cost()
        if v != self._latch:
            self._latch = v
            if EDGES or self._wired or self._trigger:
                self._settle()

    __call__ = value

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)

    def toggle(self):
        self.value(1 - self._latch)

    high = on
    low = off

    def mode(self, m=None):
        if m is None:
            return self._mode
        self.init(m)

    def pull(self, p=-1):
        if p == -1:
            return self._pull
        self.init(-1, p)

    def _edge(self):
        new = self._level()
        if new == self._last:
            return
        self._last = new
        flag = 8 if new else 4
        if self._trigger & flag and self._handler is not None:
            self._flags = flag
            self._interrupt()

    def _interrupt(self):
        if _latency:
            pause(_latency)
        handler = self._handler
        if not self._hard:
            self._fired = handler
            irq.soft(_soft, self)
            return
        if self._busy:  # an edge from within its own handler stays pending
            self._again = True
            return
        irq.lock()
        micropython.heap_lock()
        self._busy = True
        try:
            while True:
                self._again = False
                if not controller.run_hard(handler, self, "Pin"):
                    self._handler = None
                    break
                if not self._again:
                    break
        finally:
            self._busy = False
            micropython.heap_unlock()
            irq.unlock()
        irq.wake(2)

    def _set_irq(self, handler, trigger, hard):
        irq.lock()
        self._handler = handler
        self._trigger = trigger if handler is not None else 0
        self._hard = hard
        self._last = self._level()
        irq.unlock()
        if self._irq is None:
            self._irq = _Irq(self)
        return self._irq

    if cfg.irq_hard:

        def irq(self, handler=None, trigger=12, *, hard=False):
            return self._set_irq(handler, trigger, hard)

    else:

        def irq(self, handler=None, trigger=12):
            return self._set_irq(handler, trigger, False)


def _soft(pin):
    pin._fired(pin)


def _stimulus(n, level):
    pin = _pins[n]
    if pin is not None:
        pin._outside = level if level < 2 else -1
        if EDGES:
            pin._note()
        pin._edge()


for _a, _b in cfg.wires:
    Pin(_a)._wired += (Pin(_b),)
    Pin(_b)._wired += (Pin(_a),)
controller.set_stimulus(_stimulus)
