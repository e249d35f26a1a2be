"""Clock exchanges: the host's times of each with the board's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from hil.records import Pings
from hil.ticks import nearest, unwrap
from hil.wire.channels import TextFrame
from hil.wire.fields import integer
from hil.wire.timebase import TimeBase


class HostPing(NamedTuple):
    """Monotonic nanoseconds at which the host sent a ping and had its answer."""

    tx_ns: int
    rx_ns: int


def read_pings(
    texts: Sequence[TextFrame],
    host: Sequence[HostPing],
    arrival_ns: Callable[[int], int] | None,
    period: int,
    base: TimeBase | None,
    fault: Callable[..., None],
) -> Pings | None:
    """Pair answers with the host's times: by the time of arrival where known, else by order.

    Between two answers the board's time goes on by about what passed on the host, so that the
    board's ticks unwrap over any interval; the first one is the nearest to the window's start.
    An answer without its host times is left out.
    """
    answers: list[tuple[TextFrame, int, int]] = []
    for frame in texts:
        if frame.kind == "P":
            try:
                rx, tx = (integer(frame.fields, key, high=period - 1) for key in ("rx", "tx"))
            except ValueError as error:
                fault("damaged", f"the answer to a ping: {error}", frame.offset)
                continue
            answers.append((frame, rx, tx))
    pairs: list[tuple[HostPing, int, int]] = []
    if arrival_ns is not None:
        waiting = {ping.rx_ns: ping for ping in host}
        for frame, rx, tx in answers:
            ping = waiting.pop(arrival_ns(frame.line_end), None)
            if ping is not None:
                pairs.append((ping, rx, tx))
    elif len(answers) == len(host):
        pairs = [(ping, rx, tx) for ping, (_, rx, tx) in zip(host, answers, strict=True)]
    elif host:
        fault("missing", f"{len(host)} pings but {len(answers)} answers: no clock comparison")
    if not pairs:
        return None
    host_tx, host_rx = np.array([ping for ping, _, _ in pairs], np.int64).T
    board_rx = np.array([rx for _, rx, _ in pairs], np.int64)
    board_tx = np.array([tx for _, _, tx in pairs], np.int64)
    unwrapped = unwrap(board_rx, period, step=np.diff(host_rx) // 1000)
    if base is not None:
        unwrapped += nearest(int(board_rx[0]), period, base.start) - int(board_rx[0])
    return Pings(
        host_tx_ns=host_tx.copy(),
        board_rx_us=unwrapped,
        board_tx_us=unwrapped + (board_tx - board_rx) % period,
        host_rx_ns=host_rx.copy(),
    )
