"""What is wrong with a recording as such, before anything of the board is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hil.model.edges import EdgeFinding

if TYPE_CHECKING:
    from hil.model.captures import IntArray
    from hil.model.edges import EdgeRecording

ODD_RATE_PPM = 500.0
"""Two clocks that differ by more are not both in order."""
_UNKNOWN_DELAY_NS = 10e6  # of a pair of times where too few of them tell
_ENOUGH = 8


def recording_findings(recording: EdgeRecording) -> tuple[EdgeFinding, ...]:
    """Gaps that it reports, times that run backwards, and a rate that the host contradicts."""
    findings = []
    if recording.lost:
        total = sum(gap.end_ns - gap.start_ns for gap in recording.lost)
        reasons = ", ".join(sorted({gap.reason for gap in recording.lost}))
        count = len(recording.lost)
        times = "once" if count == 1 else f"{count} times"
        text = f"the instrument lost edges {times}, {total / 1e6:.3g} ms in all: {reasons}"
        first, last = recording.lost[0].start_ns, max(gap.end_ns for gap in recording.lost)
        findings.append(EdgeFinding("gap", text, "interval", "", count, first, last))
    for line in recording.lines:
        back = int((np.diff(line.times_ns) < 0).sum())
        if back:
            text = f"times of {line.name} run backwards, {back} times"
            findings.append(EdgeFinding("order", text, "recording", line.name, back))
    rate = host_rate(recording.own_ns, recording.host_ns)
    if rate is not None and (rate[1] > ODD_RATE_PPM or rate[2] < -ODD_RATE_PPM):
        text = (
            f"the instrument's clock is {rate[0]:+.0f} ppm off the host's "
            f"({rate[1]:.0f} to {rate[2]:.0f}): its sample rate is wrong"
        )
        findings.append(EdgeFinding("rate", text, "recording"))
    return tuple(findings)


def host_rate(own_ns: IntArray, host_ns: IntArray) -> tuple[float, float, float] | None:
    """Rate of the instrument against the host in ppm and its bounds; ``None`` without two pairs.

    Between the first and the last quarter of the pairs, each by its median; a pair is as wrong as
    the pairs scatter about that line, of few pairs by 10 ms.
    """
    count = min(own_ns.size, host_ns.size)
    if count < 2:
        return None
    own = (own_ns[:count] - own_ns[0]).astype(np.float64)
    host = (host_ns[:count] - host_ns[0]).astype(np.float64)
    quarter = max(1, count // 4)
    span = float(np.median(host[-quarter:]) - np.median(host[:quarter]))
    if span <= 0:
        return None
    rate = float(np.median(own[-quarter:]) - np.median(own[:quarter])) / span - 1.0
    if count < _ENOUGH:
        error = 2.0 * _UNKNOWN_DELAY_NS
    else:
        left = own - host * (1.0 + rate)
        error = 2.0 * float(np.ptp(left))
    return rate * 1e6, (rate - error / span) * 1e6, (rate + error / span) * 1e6
