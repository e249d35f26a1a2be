# The host's time in microseconds, and what takes time: here the processor itself does.
import utime

now = read = round_up = utime.ticks_us
nap = utime.sleep_us
VIRTUAL = False


def born_ns(board_us):
    # The wall clock when the board's clock was zero.
    return utime.time_ns() - board_us * 1000


def write_cost():
    pass


PIN = 0
