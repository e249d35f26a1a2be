"""How the parts of the decoder tell what they left out."""

from __future__ import annotations

from collections.abc import Callable

OnFault = Callable[[str, str, int], None]
"""Called with kind, detail and the offset in the stream; see :class:`hil.records.Fault`."""
