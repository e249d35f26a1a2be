"""The console that frames leave by and pings come in by, in the forms that ports have."""

import sys


def stdout_write():
    """The rawest write that the console has; a function of bytes or of a str."""
    try:
        return sys.stdout.buffer.write
    except AttributeError:
        pass
    try:
        return sys.stdout.write
    except AttributeError:
        return lambda text: print(text, end="")


def stdin_read():
    """A function that reads n characters, waiting for them, or None."""
    try:
        return sys.stdin.buffer.read
    except AttributeError:
        pass
    try:
        return sys.stdin.read
    except AttributeError:
        return None


def stdin_poll():
    """A function of a time-out in ms that is true when a character waits, or None."""
    try:
        import select

        poller = select.poll()
        poller.register(sys.stdin, select.POLLIN)
    except (ImportError, AttributeError, OSError, TypeError):
        return None
    return poller.poll
