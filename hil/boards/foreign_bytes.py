"""What comes from a link beside the board's own answers: recognised, taken out, told with a remedy.

A log line of ESP-IDF may stand anywhere in an answer, between any two of its bytes: it is taken out
before the answer is read (:meth:`ForeignBytes.strip`). An AT command of ModemManager or an echo
can't be taken out, for the board has heard it too, or everything comes twice. What a capture
receives is stored as it came; there such lines are only noticed.
"""

from __future__ import annotations

import re

from hil.model.printable import escaped_bytes
from hil.protocol.log_lines import BODY, COLOUR, LEVEL, LOG_LINE, LOG_SIGN, MOST_BODY, TIME

MODEM_MANAGER_FIX = (
    "stop it, `sudo systemctl disable --now ModemManager`, or keep it away from this port by an "
    'udev rule with ENV{ID_MM_DEVICE_IGNORE}="1"'
)
QUIET_CODE = "try:\n import esp\n esp.osdebug(None)\n print('hil:quiet')\nexcept Exception:\n pass"
"""Switches the log of an ESP chip off until the chip is reset; on other boards does nothing."""
QUIET_ANSWER = b"hil:quiet"
_LOG = re.compile(LOG_LINE + rb"\r?\n")
_SIGN = re.compile(LOG_SIGN)


def _begun(*parts: bytes) -> bytes:
    """A pattern for what begins as ``parts`` do and ends before they are all there."""
    pattern = b""
    for part in reversed(parts):
        pattern = rb"(?:" + part + pattern + rb")?"
    return pattern


_HEAD = (LEVEL, rb" ", rb"\(", TIME, rb"\)", rb" ")
_UNFINISHED = re.compile(
    rb"(?:\x1b%b|%b%b|(?:%b)?%b \(%b\) %b{0,%d}\r?)\Z"
    % (
        *(_begun(rb"\[", rb"[0-9;]{0,8}", rb"m", *_HEAD), LEVEL, _begun(*_HEAD[1:])),
        *(COLOUR, LEVEL, TIME, BODY, MOST_BODY),
    )
)
_BEGINS = re.compile(rb"\x1b|%b(?: |\Z)" % LEVEL)
_AT = re.compile(
    rb"[\r\n>] ?(?:NameError: name 'AT\w*'"
    rb"|AT(?:[+&^$][ -~]{0,60}|[EFIZQVH]\d?(?: ?[EFIZQVH]\d)*)?\r)"
)
_NO_NAME = re.compile(r"NameError: name 'AT\w*'")
_ECHO = (b"\x05A\x01", b"\x03\x03\x01")
ESP_LOG, MODEM, ECHO = "log lines of ESP-IDF", "AT commands", "echo"


class ForeignBytes:
    """The foreign bytes of one board's link, also when its port is opened again.

    ``counts`` is how often each kind was seen.
    """

    def __init__(self) -> None:
        self.counts = dict.fromkeys((ESP_LOG, MODEM, ECHO), 0)
        self.quiet = False
        """Whether the board was told to log nothing, and did as it was told."""
        self._sample = b""
        self._tail = b"\n"

    def watch(self, data: bytes) -> None:
        """Notice what comes, as it comes from the port."""
        recent = self._tail + data
        known = len(self._tail)
        self._tail = recent[-64:]
        if b" (" in recent:
            for match in _SIGN.finditer(recent):
                if match.end() > known:
                    self.counts[ESP_LOG] += 1
                    self._sample = self._sample or recent[match.start() : match.start() + 60]
        if b"AT" in recent:
            self.counts[MODEM] += sum(m.end() > known for m in _AT.finditer(recent))
        if b"\x01" in data:
            for mark in _ECHO:
                at = recent.rfind(mark)
                self.counts[ECHO] += at >= 0 and at + len(mark) > known

    def notice_error(self, text: str) -> None:
        """Notice what a board says of code that was sent to it: an AT command is no name."""
        self.counts[MODEM] += _NO_NAME.search(text) is not None

    def strip(self, data: bytes) -> tuple[bytes, bytes]:
        """``data`` without whole foreign lines, and its end that may become one.

        What looks like the beginning of a line and is none is given as soon as that shows.
        """
        if not _BEGINS.search(data):
            return data, b""
        data = _LOG.sub(b"", data)
        unfinished = _UNFINISHED.search(data, max(0, len(data) - MOST_BODY - 40))
        if unfinished is None:
            return data, b""
        return data[: unfinished.start()], data[unfinished.start() :]

    def since(self, before: dict[str, int]) -> str:
        """What has come since ``counts`` were ``before`` and what stops it, as a sentence."""
        kinds = [kind for kind, count in self.counts.items() if count > before.get(kind, 0)]
        return "; ".join(self._told(kind) for kind in kinds)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What has come so far and what stops it, a sentence for each kind."""
        return tuple(self._told(kind) for kind, count in self.counts.items() if count)

    def _told(self, kind: str) -> str:
        if kind == ESP_LOG:
            sample = escaped_bytes(re.split(rb"[\r\n\x1b]", self._sample)[0])
            told = f"log lines of ESP-IDF came in between (`{sample}`): write "
            told += "`import esp; esp.osdebug(None)` into its boot.py"
            return f"{told}; for this run they were switched off so" if self.quiet else told
        if kind == MODEM:
            return f"AT commands came in between, as ModemManager sends them: {MODEM_MANAGER_FIX}"
        return (
            "what is sent comes back: switch the local echo of the terminal server or adapter off, "
            "or take away a jumper between TX and RX"
        )


def strip_whole(data: bytes) -> bytes:
    """``data`` without whole foreign lines."""
    return _LOG.sub(b"", data)
