"""What is probably wrong with a board that does not answer, from what came instead."""

from __future__ import annotations

_TEXT = frozenset((*range(0x20, 0x7F), 0x03, 0x04, 0x07, 0x08, 0x09, 0x0A, 0x0D, 0x1B))
_PATTERNS: tuple[tuple[tuple[bytes, ...], str], ...] = (
    (
        (b"waiting for download", b"DOWNLOAD_BOOT", b"DOWNLOAD(USB"),
        "the chip is in its boot loader; press reset without holding BOOT and run again",
    ),
    (
        (b"invalid header", b"flash read err", b"No bootable app", b"csum err"),
        "the chip finds no firmware; flash MicroPython (https://micropython.org/download)",
    ),
    (
        (b"Guru Meditation", b"abort() was called", b"FATAL: uncaught"),
        "the firmware crashes; flash it again (https://micropython.org/download)",
    ),
    (
        (b"login:", b"Password:"),
        "a login prompt answers, not a board; choose another port (`hil boards` lists them)",
    ),
    (
        (b"Adafruit CircuitPython",),
        "the board runs CircuitPython; flash MicroPython (https://micropython.org/download)",
    ),
)
_MAIN_PY = (
    "a program on the board prints and does not stop at Ctrl-C; press reset and run again at once, "
    "or remove its main.py (safe mode, or erase the flash)"
)


def next_step(port: str, seen: bytes) -> str:
    """The next thing to try, in one line; ``seen`` is the end of what the board sent."""
    if not seen:
        return (
            "nothing came at all; press the board's reset button and run again, "
            "then check port, cable and firmware (a program that switches Ctrl-C off "
            "or a board that is held in reset looks the same)"
        )
    for words, advice in _PATTERNS:
        if any(word in seen for word in words):
            return advice
    if is_garbage(seen):
        return (
            "what comes is no text, so the baud rate is probably wrong; "
            f"give the board's, as in --board={port}?baud=9600"
        )
    if is_echo(seen):
        return (
            "only what was sent comes back; that is a modem, a terminal with echo, "
            "or a jumper between TX and RX"
        )
    if b"\n" in seen and len(seen) > 200:
        return _MAIN_PY
    return "what came fits no MicroPython prompt; press the board's reset button and run again"


def is_garbage(seen: bytes) -> bool:
    """Whether a good part of the bytes can't be text (UTF-8 included)."""
    strange = sum(byte not in _TEXT for byte in seen)
    if strange * 5 < len(seen):
        return False
    try:
        seen.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return strange * 2 > len(seen)


def is_echo(seen: bytes) -> bool:
    """Whether nothing but our own control characters came, as they are or as a terminal shows."""
    return not seen.replace(b"^C", b"").replace(b"^A", b"").strip(b"\x01\x02\x03\x04\r\n")
