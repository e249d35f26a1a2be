"""Secrets masked in what a board sends, before anybody stores or shows it.

As many asterisks as characters take a secret's position, so that offsets and line lengths stay. A
frame of text gets its check characters anew; a block of stamps stays damaged, for its numbers are
gone. A secret that is cut between two reads is waited for: of an unfinished one at most three bytes
are given out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.protocol.frames import KINDS, MARK, MAX_FRAME, TEXT_KINDS, check, is_sound

if TYPE_CHECKING:
    from hil.model.secret_patterns import Finding, SecretPatterns

FILLER = b"*"
_CONTEXT = 3
_LINE_ENDS = (b"\n", b"\x04")
_OWN_LINES = (MARK, b"hil:")
# what a session waits for: the name of a network may be a word of it
_OWN_WORDS = (
    b"raw repl; ctrl-b to exit\r\n>ok mpy: soft reboot\r\nmicropython circuitpython hil_main "
    b"hil_take traceback (most recent call last):\r\n  file memoryerror syntaxerror nameerror"
)


class StreamScrubber:
    """Masks ``patterns`` in the bytes of one link.

    Memory is bounded by the longest pattern and the longest frame.
    """

    def __init__(self, patterns: SecretPatterns) -> None:
        self.patterns = patterns
        self._context = b""  # the last bytes that were given out, as they came
        self._held = b""
        self._line = _Line()

    def feed(self, data: bytes) -> bytes:
        """What may be given out now that ``data`` has come."""
        raw = self._context + self._held + data
        fresh = len(self._context)
        findings, begins = self.patterns.find(raw)
        # of a secret that may begin here the first bytes are given out: they may be a prompt
        end = max(fresh, begins) if len(raw) - begins > _CONTEXT else len(raw)
        masked = bytearray(raw)
        for finding in findings:
            if self._counts(raw, fresh, finding):
                masked[finding.start : finding.end] = FILLER * (finding.end - finding.start)
        self._held = raw[end:]
        self._context = raw[max(0, end - _CONTEXT) : end]
        return self._line.feed(raw[fresh:end], bytes(masked[fresh:end]))

    def flush(self) -> bytes:
        """What is still held, at the end of the stream; an unfinished secret is masked."""
        held, self._held = self._held, b""
        return self._line.feed(held, FILLER * len(held)) + self._line.flush()

    def _counts(self, raw: bytes, fresh: int, finding: Finding) -> bool:
        """Whether it is masked: a short one is not in a line of the harness's own."""
        if raw[finding.start : finding.end].lower() in _OWN_WORDS:
            return False
        before = self._line.raw + raw[fresh : finding.start]
        line = before[max(before.rfind(end) for end in _LINE_ENDS) + 1 :]
        return finding.distinctive or not any(mark in line for mark in _OWN_LINES)


class _Line:
    """The line that has begun, as it came and as it is given out."""

    def __init__(self) -> None:
        self.raw = b""
        self._masked = b""
        self._given = 0

    def feed(self, raw: bytes, masked: bytes) -> bytes:
        """What may be given out of bytes of which as many are masked as came."""
        out = []
        while raw:
            end = min(at for at in (*map(raw.find, _LINE_ENDS), len(raw)) if at >= 0) + 1
            if raw == masked and self.raw == self._masked:  # nothing to mend: the last line only
                end = max(map(raw.rfind, _LINE_ENDS)) + 1 or len(raw)
            self.raw += raw[:end]
            self._masked += masked[:end]
            ended = raw[:end].endswith(_LINE_ENDS)
            raw, masked = raw[end:], masked[end:]
            if ended or len(self.raw) > MAX_FRAME:
                out.append(self.flush())
            elif not self._is_masked_frame:
                out.append(self._masked[self._given :])
                self._given = len(self._masked)
        return b"".join(out)

    def flush(self) -> bytes:
        """The rest of the line; another one begins."""
        rest = _repaired(self.raw, self._masked)[self._given :]
        self.raw = self._masked = b""
        self._given = 0
        return rest

    @property
    def _is_masked_frame(self) -> bool:
        _, mark, content = self.raw.rpartition(MARK)
        return bool(mark) and self.raw != self._masked and content[:1].decode("latin-1") in KINDS


def _repaired(raw: bytes, masked: bytes) -> bytes:
    """A line; where it ended in a sound frame of text that was masked, in a sound one again."""
    if raw == masked:
        return masked
    at = raw.rfind(MARK) + 1
    content = raw[at:].rstrip(b"\r\n\x04")
    if not at or not is_sound(content) or chr(content[0]) not in TEXT_KINDS:
        return masked
    body = masked[at : at + len(content) - 6]
    return masked[:at] + body + check(body) + masked[at + len(content) :]
