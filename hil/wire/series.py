"""Short series of periodic stamps that an agent took after its window, each with its own grid.

A grid frame with ``track=METHOD:k`` says what was intended of the channel of that name, and when
the series began and ended: its times are put together on a base of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from hil.errors import CaptureError
from hil.records import Series, Track
from hil.ticks import window_length
from hil.wire.channels import RawChannel, TextFrame
from hil.wire.fields import integer
from hil.wire.timebase import Ambiguous, TimeBase
from hil.wire.totals import Total
from hil.wire.tracks import MAX_PERIOD_US, MOST_PER_PERIOD

_NAME = re.compile(r"([ -:<-}]{1,60}):([0-9]{1,2})\Z")


def read_series(
    texts: Sequence[TextFrame],
    channels: Mapping[str, RawChannel],
    totals: Mapping[str, Total],
    period: int,
    fault: Callable[..., None],
) -> tuple[Series, ...]:
    """Every series whose times are certain; a fault for every other one."""
    found: dict[tuple[str, int], Series] = {}
    for frame in texts:
        if frame.kind != "G" or "track" not in frame.fields:
            continue
        name = frame.fields["track"]
        try:
            one = _read(name, frame.fields, channels, totals, period)
        except ValueError as error:
            fault("damaged", f"the series {name[:60]!r} is left out: {error}", frame.offset)
        except (Ambiguous, CaptureError) as why:
            # these figures alone are lost: the capture itself is sound
            fault("missing", f"the series {name[:60]!r} is left out: {why}", frame.offset)
        else:
            if found.setdefault((one.method, one.track.index), one) is not one:
                fault("duplicate", f"the series {name[:60]!r} is there twice", frame.offset)
    return tuple(found.values())


def _read(
    name: str,
    fields: Mapping[str, str],
    channels: Mapping[str, RawChannel],
    totals: Mapping[str, Total],
    period: int,
) -> Series:
    match = _NAME.match(name)
    if match is None or name not in channels or channels[name].kind != "ticks":
        raise ValueError("it has no channel")
    channel, total = channels[name], totals[name]
    us0, us1, ms0, ms1 = (
        integer(fields, key, high=period - 1) for key in ("origin", "end", "ms0", "ms1")
    )
    offset = integer(fields, "offset", low=-MAX_PERIOD_US, high=MAX_PERIOD_US)
    every = integer(fields, "period", low=1, high=MAX_PERIOD_US)
    length = window_length(us0=us0, us1=us1, ms0=ms0, ms1=ms1, period=period, planned_us=0)
    most = MOST_PER_PERIOD * (length // every + 100)
    if channel.end_index > most or sum(gap.count for gap in total.gaps) > most:
        raise ValueError(f"it claims {channel.end_index} stamps, which can't be")
    values = channel.values
    if len(values) and not 0 <= values.min() <= values.max() < period:
        raise ValueError("it has stamps that are no ticks of this board")
    base = TimeBase(period, us0, length, measured=True)
    origin = us0 + offset
    stamps = base.track(values, total.gaps, total.dropped, first=origin, interval=every)
    track = Track(
        index=int(match[2]),
        period_us=float(every),
        origin_us=origin,
        end_us=base.end,
        stamps_us=stamps,
        dropped=total.dropped,
        gaps=total.gaps,
    )
    return Series(match[1], track)
