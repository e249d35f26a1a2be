"""Why a board does not come to its prompt, in one line that says what to do.

By what it sent, and by whether it had answered before: nothing is said that was not seen.
"""

from __future__ import annotations

from hil.boards.other_firmware import recognise_other

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
)
_TAKEN = (
    "os.dupterm(None), Ctrl-C off by micropython.kbd_intr(-1), USB set up without a serial port, "
    "machine.deepsleep() or a loop without an end"
)
START_WITHOUT = "start it without its own files"
_FILES = (
    f"{START_WITHOUT} (safe mode, where its firmware has one) or erase its flash, and flash "
    "MicroPython again"
)
_MAIN_PY = (
    "a program on the board prints and does not stop at Ctrl-C, which it catches or has switched "
    "off (micropython.kbd_intr(-1)); press reset and run again at once, or remove its main.py "
    "(safe mode, or erase the flash)"
)
_WEB_REPL = (
    "its boot.py starts the WebREPL and nothing answers at this port: take os.dupterm() and "
    "`import webrepl` out of it, over the WebREPL itself"
)
LEFT_FOR_GOOD = (
    "it went away at the soft reset: if it stays away, its boot.py sets USB up without a serial "
    f"port, or calls machine.deepsleep(); {_FILES}"
)
"""What is to be said where a port does not come back after a soft reset."""
_ESP = "hold BOOT while pressing reset, `esptool erase_flash`, and flash MicroPython again"
_WITHOUT_FILES = {
    "2e8a": "hold BOOTSEL while plugging it in, copy flash_nuke.uf2 onto the drive that comes up, "
    "then MicroPython",
    "303a": _ESP,
    "10c4": f"if it is an ESP board, {_ESP}",
    "1a86": f"if it is an ESP board, {_ESP}",
    "0403": f"if it is an ESP board, {_ESP}",
    "f055": "hold USR while pressing RST until both LEDs are lit, then let go: safe mode runs no "
    "file; remove what is wrong there",
    "239a": "press reset twice for its boot loader, and flash MicroPython again",
    "2341": "press reset twice for its boot loader, and flash MicroPython again",
    "0d28": "copy the firmware's .hex file onto its drive: that erases its files",
    "16c0": "press its button for the boot loader, erase its flash, and flash MicroPython again",
}


def without_files(usb_id: str) -> str:
    """How a board with this USB id (``vid:pid``) starts without its own files; else empty.

    A serial adapter's id tells little of the board behind it.
    """
    return _WITHOUT_FILES.get(usb_id.partition(":")[0].lower(), "")


def next_step(port: str, seen: bytes, *, was_reset: bool = False) -> str:
    """The next thing to try, in one line; ``seen`` is the end of what the board sent.

    ``was_reset``: it had answered, and was then reset softly.
    """
    for words, advice in _PATTERNS:
        if any(word in seen for word in words):
            return advice
    if b"WebREPL" in seen:
        return _WEB_REPL
    if was_reset:
        since = "comes to no prompt" if seen.strip() else "says nothing"
        return (
            f"it answered until it was reset softly, and {since} since: its boot.py takes the "
            f"prompt away ({_TAKEN}): {_FILES}"
        )
    if not seen:
        return (
            "nothing came at all; press the board's reset button and run again, "
            "then check port, cable and firmware. A board that is held in reset looks the same, "
            f"and one whose boot.py or main.py takes the prompt away ({_TAKEN}): {_FILES}"
        )
    if other := recognise_other(seen):
        return other
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
