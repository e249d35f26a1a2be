"""Outputs of tasks and the loopback pair; with no known pins the outputs do nothing."""

try:
    from machine import Pin
except ImportError:
    Pin = None


def null_set(value):
    """The output of a task that has no pin."""


def output_pin(pin_id, level):
    """A pin object that drives level."""
    if Pin is None:
        import microbit

        pin = getattr(microbit, pin_id)
        pin.write_digital(level)
        return pin
    pin = Pin(pin_id, Pin.OUT)
    pin.value(level)
    return pin


def pin_setter(pin):
    """A function that sets the pin to 0 or 1 without allocating."""
    if pin is None:
        return null_set
    if hasattr(pin, "write_digital"):
        return pin.write_digital
    return pin.value


def release_pin(pin_id, pin, keep):
    """Leave a pin driven low (keep) or, as after a reset, as an input."""
    pin_setter(pin)(0)
    if Pin is not None and not keep:
        Pin(pin_id, Pin.IN)


def make_task(stamp, set_pin, level):
    """A task: stamp first, then toggle; allocation-free, takes what callbacks are given."""
    state = bytearray((level,))

    def activate(_=None):
        stamp()
        v = state[0] ^ 1
        state[0] = v
        set_pin(v)

    return activate


def loop_pins(job):
    """The loopback pair as (output pin, input pin), the output low."""
    out_id, in_id = job.cfg["loop"]
    out = output_pin(out_id, 0)
    job.at_exit(lambda: release_pin(out_id, out, job.cfg.get("safe") == "low"))
    return out, Pin(in_id, Pin.IN)
