"""A pin's interrupt handler, hard where the port has that."""


def listen(pin, handler, hard=True):
    """Call handler at rising edges: 1 if in the interrupt itself, 0 if the port has only soft ones.

    With hard=False it is a soft one everywhere.
    """
    if hard:
        try:
            pin.irq(handler=handler, trigger=pin.IRQ_RISING, hard=True)
            return 1
        except (TypeError, ValueError):
            pass
    pin.irq(handler=handler, trigger=pin.IRQ_RISING)
    return 0
