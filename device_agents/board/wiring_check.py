# hil: needs=
"""Is the jumper there: drive the loopback output both ways, read the input, leave both inputs."""

import time

from machine import Pin


def hil_check_wiring(out_id, in_id):
    """Prints hil:loop= the levels read for 0, 1, 0, 1 driven, and hil:irq=hard where that is."""
    source = Pin(out_id, Pin.OUT)
    sink = Pin(in_id, Pin.IN)
    seen = ""
    try:
        for level in (0, 1, 0, 1):
            source.value(level)
            time.sleep_us(100)
            seen += str(sink.value())
        source.value(0)
        try:
            sink.irq(handler=hil_ignore, trigger=Pin.IRQ_RISING, hard=True)
            print("hil:irq=hard")
        except (TypeError, ValueError, AttributeError):
            pass
    finally:
        try:
            sink.irq(handler=None)
        except (TypeError, ValueError, AttributeError):
            pass
        Pin(out_id, Pin.IN)
    print("hil:loop=" + seen)


def hil_ignore(pin):
    """A handler that does nothing."""
