"""What a second board that watches pins sends during one window: clock exchanges, then edges."""

from __future__ import annotations

import bisect
from array import array
from typing import TYPE_CHECKING

from hil.protocol.capture_limits import CaptureLimits
from hil.protocol.decoder import StreamDecoder
from hil.protocol.events import HostPing
from hil.protocol.frames import MAX_BLOCK
from hil.protocol.witness_edges import read_recording
from hil.recording.clock_exchange import ClockExchange

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hil.model.edges import EdgeRecording
    from hil.recording.interfaces import Clock

MAX_EDGES = 50_000_000
"""Of all lines in one window: 8 bytes each while they come."""
_COUNTING = b"~G"


class WitnessStream:
    """Takes the bytes of one window as they arrive; answers the agent's requests for pings.

    ``send`` puts bytes on the link, ``lines`` are the lines that the agent was told to watch,
    ``clock`` is the one that arrivals are stamped with, ``window_us`` the planned length.
    """

    def __init__(
        self, send: Callable[[bytes], None], lines: Sequence[str], clock: Clock, window_us: int
    ) -> None:
        self.counting = False
        """Whether the agent has begun to watch."""
        self._lines = tuple(lines)
        self._limits = CaptureLimits.of_edges(window_us, MAX_EDGES)
        self._decoder = StreamDecoder(self._limits)
        self._pings: list[HostPing] = []
        self._ends, self._times = array("Q"), array("q")
        self._received = 0
        self._tail = b""
        # none while it counts: nobody waits for an answer then, so that its arrival says little
        self._exchange = ClockExchange(send, self._ping, clock=clock)

    @property
    def full(self) -> bool:
        """Whether more edges came than a window may have."""
        return self._decoder.stamps + MAX_BLOCK > self._limits.other

    def feed(self, data: bytes, host_ns: int) -> None:
        """Take what arrived at a time of the host."""
        if not data:
            return
        self._received += len(data)
        self._ends.append(self._received)
        self._times.append(host_ns)
        if not self.counting:
            self._tail = (self._tail + data)[-4096:]
            self.counting = _COUNTING in self._tail
        self._decoder.feed(data)
        self._exchange.feed(data, host_ns)

    def recording(self, instrument: str) -> EdgeRecording:
        """All that came, under the instrument's name; to be called once."""
        return read_recording(
            self._decoder.finish(), self._lines, instrument, self._pings, self._arrival_ns
        )

    def _ping(self, tx_ns: int, rx_ns: int) -> None:
        self._pings.append(HostPing(tx_ns, rx_ns))

    def _arrival_ns(self, offset: int) -> int:
        return self._times[min(bisect.bisect_right(self._ends, offset), len(self._times) - 1)]
