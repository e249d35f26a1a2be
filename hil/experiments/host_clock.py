"""How the host's clock is kept, and how far its rate may be off.

A skew is the board's rate against the host's: what the host's clock is wrong by is in it. The
kernel says whether somebody synchronises it (``adjtimex(2)``, ``ntp_adjtime(3)``), and the files of
the usual daemons who. chrony also knows how well it knows the rate. Nothing here needs root or the
network, changes anything or raises.

Sources: adjtimex(2); RFC 5905, 11.3 and the kernel's ``time/ntp.c`` for how an offset is slewed;
the chrony manual, ``tracking``.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from pathlib import Path

from hil.model.results import HostClock

UNSYNCHRONISED_PPM = 50.0
"""What a computer's crystal is off by at most when nobody corrects it: the usual tolerance."""
SYNCHRONISED_PPM = 1.0
"""What the rate of a synchronised clock is off by at most, beside the slewing of an offset, where
nothing says more: how far a crystal's rate moves with the temperature from one poll to the next."""
_UNSYNCHRONISED = 0x40  # STA_UNSYNC
_NANOSECONDS = 0x2000  # STA_NANO
_ERROR = 5  # TIME_ERROR
_SHIFT_PLL = 2
_CHRONYC_S = 0.3
_DAEMONS = (
    ("chrony", ("run/chrony/chronyd.pid", "run/chronyd.pid", "var/run/chrony/chronyd.pid")),
    ("timesyncd", ("run/systemd/timesync/synchronized",)),
    ("ntpd", ("run/ntpd.pid", "var/run/ntpd.pid")),
)


class _Timex(ctypes.Structure):
    """``struct timex`` of Linux up to where we read it, and room for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("rest", ctypes.c_long * 32),
    )


def read_host_clock(root: Path = Path("/")) -> HostClock:
    """How the clock of this computer is synchronised, and how far its rate may be off in ppm.

    ``sync`` is the daemon (``chrony``, ``timesyncd``, ``ntpd``), ``ntp`` where the kernel's clock
    is synchronised and nobody says by what, ``none`` where it is not, ``unknown`` where this
    system does not tell. ``root`` is where the daemons' files are looked for.
    """
    kernel = _kernel_state()
    if kernel is None:
        return HostClock("unknown", UNSYNCHRONISED_PPM)
    state, timex = kernel
    return judge_host_clock(
        synchronised=state != _ERROR and not timex.status & _UNSYNCHRONISED,
        offset_us=timex.offset / (1000 if timex.status & _NANOSECONDS else 1),
        time_constant=timex.constant,
        daemon=_daemon(root),
    )


def judge_host_clock(
    *, synchronised: bool, offset_us: float, time_constant: int, daemon: str | None
) -> HostClock:
    """What the kernel's state, read, says.

    Of an offset that is still to be corrected the kernel's loop takes ``2 ** -(2 + time_constant)``
    in each second: so many ppm is the clock slewed by. ``daemon`` is who corrects it, if known.
    """
    if not synchronised:
        return HostClock("none", UNSYNCHRONISED_PPM)
    if daemon == "chrony" and (told := _ask_chrony()) is not None:
        return HostClock("chrony", told)
    slewed_ppm = abs(offset_us) / 2.0 ** (_SHIFT_PLL + min(max(time_constant, 0), 10))
    return HostClock(daemon or "ntp", SYNCHRONISED_PPM + slewed_ppm)


def chrony_error_ppm(tracking: str) -> float | None:
    """How far off the rate is by a line of ``chronyc -c tracking``; ``None`` for any other text.

    The sum of the residual frequency, of its bounds (``skew``), and of the last correction spread
    over the time between two of them.
    """
    fields = tracking.strip().split(",")
    try:
        offset_s, residual_ppm, skew_ppm, interval_s = (float(fields[at]) for at in (4, 8, 9, 12))
    except (IndexError, ValueError):
        return None
    slewed_ppm = abs(offset_s) * 1e6 / max(interval_s, 1.0)
    return abs(residual_ppm) + abs(skew_ppm) + slewed_ppm


def _kernel_state() -> tuple[int, _Timex] | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        timex = _Timex()
        state = ctypes.CDLL(None).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else (state, timex)


def _daemon(root: Path) -> str | None:
    for name, files in _DAEMONS:
        if any((root / file).exists() for file in files):
            return name
    return None


def _ask_chrony() -> float | None:
    program = shutil.which("chronyc")
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, "-c", "tracking"],
            capture_output=True, text=True, timeout=_CHRONYC_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return chrony_error_ppm(done.stdout) if done.returncode == 0 else None
