"""The ways in which a callback can find its state: it is given the timer and no more."""

from lib.report import error_lines

hil_state_level = 0
hil_state_stamp = hil_state_set = None


def hil_global(_):
    """State in global variables: one callback can serve one pin."""
    global hil_state_level
    hil_state_stamp()
    hil_state_level ^= 1
    hil_state_set(hil_state_level)


def make_global(stamp, set_pin):
    global hil_state_stamp, hil_state_set
    hil_state_stamp, hil_state_set = stamp, set_pin
    return hil_global


class Blinker:
    """State in an object; its method is bound once, where allocating is allowed."""

    def __init__(self, stamp, set_pin):
        self.stamp = stamp
        self.set_pin = set_pin
        self.level = 0
        self.bound = self.toggle

    def toggle(self, _):
        self.stamp()
        self.level ^= 1
        self.set_pin(self.level)


def make_bound(stamp, set_pin):
    return Blinker(stamp, set_pin).bound


def make_closure(stamp, set_pin):
    """State in the variables of the function around."""
    level = 0

    def toggle(_):
        nonlocal level
        stamp()
        level ^= 1
        set_pin(level)

    return toggle


class Allocating:
    """A callback that takes heap: in an interrupt that is a MemoryError, caught and stored."""

    def __init__(self, stamp, set_pin):
        self.stamp = stamp
        self.errors = 0
        self.error = None
        self.last = None
        self.bound = self.toggle

    def toggle(self, _):
        self.stamp()
        try:
            self.last = bytearray(64)
        except MemoryError as error:
            self.errors += 1
            self.error = error

    def tell(self, method, calls):
        """In the log: what was caught, with its traceback as far as the port has it."""
        if self.errors:
            counts = (method, self.errors, calls)
            print("%s: caught %d times in %d calls, the run goes on:" % counts)
            for line in error_lines(self.error):
                print("caught:", line)
