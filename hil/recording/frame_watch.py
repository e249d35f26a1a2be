"""Whether what a board sends has frames of its agent in it, as the bytes arrive."""

from __future__ import annotations

from hil.protocol import frames


class FrameWatch:
    """Counts sound frames, cheaply: of each arrival only whether there is one, and what follows."""

    def __init__(self) -> None:
        self._line = b""

    def feed(self, data: bytes) -> bytes | None:
        """What came behind the last frame that ended in ``data``, ``None`` if none did."""
        text = self._line + data
        end = text.rfind(b"\n")
        self._line = text[end + 1 :][-frames.MAX_FRAME :]
        while end >= 0:
            begin = text.rfind(b"\n", 0, end) + 1
            _, mark, content = text[begin:end].rstrip(b"\r").rpartition(frames.MARK)
            if mark and frames.is_sound(content):
                return text[end + 1 :]
            end = begin - 1
        return None
