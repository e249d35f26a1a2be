"""The recorder on the real VM: nothing allocated per stamp, nothing lost unsaid."""

import pytest

from hil.agents import bundle
from hil.protocol.decoder import decode

RECORDERS = pytest.mark.parametrize(
    "recorder",
    ["\n".join(bundle.pieces("lib/recorder.py", in_native=native)) for native in (False, True)],
    ids=["plain", "native"],
)

HEAP_LOCK = """
import micropython
{recorder}
buffered = Channel("a", "ticks", 50)
halves = Channel("b", "ticks", 40, True)
slots = Channel("c", "slots", 10)
values = Channel("d", "value", 10)
stamp, both = buffered.stamper(), halves.stamper()
def run():
    for i in range(100):
        stamp()
        both(None)
        slots.slot(i, i)
        values.put(i)
micropython.heap_lock()
try:
    run()
finally:
    micropython.heap_unlock()
for c in (buffered, halves, slots, values):
    print(c.n, c.dropped)
"""

STREAM = """
import sys
from lib.frames import FrameWriter
{recorder}
writer = FrameWriter(sys.stdout.buffer.write)
writer.text("C", "i=0;name=x;kind=ticks")
channel = Channel("x", "ticks", {capacity}, True)
stamp = channel.stamper()
for burst in {bursts}:
    for i in range(burst):
        stamp()
    channel.send(writer, 0, {least})
channel.send(writer, 0)
writer.text("T", "i=0;n=%d;dropped=%d" % (channel.n, channel.dropped))
"""


@RECORDERS
def test_a_stamp_allocates_nothing_and_counts_what_has_no_room(on_vm, recorder):
    out = on_vm(HEAP_LOCK.format(recorder=recorder))
    assert out.decode().split() == ["50", "50", "40", "60", "10", "90", "10", "90"]


@RECORDERS
@pytest.mark.parametrize(
    ("capacity", "bursts", "gaps"),
    [
        (20, [5] * 30, []),
        (20, [19, 8, 7, 9], []),
        (20, [20, 20, 7], [(30, 10)]),
        (20, [35, 5], [(20, 15)]),
        (20, [9, 3, 60, 2], [(30, 42)]),
        (20, [25, 25, 25], [(20, 5), (30, 15)]),
        (2, [1] * 9, []),
    ],
)
@pytest.mark.parametrize("least", [1, 8])
def test_a_stream_is_whole_or_says_where_not(on_vm, recorder, capacity, bursts, gaps, least):
    out = on_vm(STREAM.format(recorder=recorder, capacity=capacity, bursts=bursts, least=least))
    got = decode(out)
    channel = got.channels["x"]
    totals = next(frame.fields for frame in got.texts if frame.kind == "T")
    assert got.faults == ()
    dropped = sum(gap.count for gap in channel.gaps) + sum(bursts) - channel.end_index
    assert int(totals["n"]) == len(channel.values) == sum(bursts) - dropped
    assert int(totals["dropped"]) == dropped
    assert (channel.values[1:] >= channel.values[:-1]).all()
    if least == 1:
        assert [(gap.position, gap.count) for gap in channel.gaps] == gaps


def test_slots_keep_minus_one_where_an_event_has_no_stamp(on_vm):
    out = on_vm(
        """
import sys
from lib.frames import FrameWriter
from lib.recorder import Channel
writer = FrameWriter(sys.stdout.buffer.write)
writer.text("C", "i=0;name=x;kind=slots")
channel = Channel("x", "slots", 10, True)
channel.slot(9, 900)
channel.send(writer, 0, 1 << 20)
channel.slot(1, 100)
channel.slot(-1, 5)
channel.send(writer, 0)
"""
    )
    assert decode(out).channels["x"].values.tolist() == [-1, 100, *[-1] * 7, 900]


def test_a_stamp_is_the_time_of_its_call(on_vm):
    """Between a read of the clock before and one after, nothing added and nothing rounded."""
    out = on_vm(
        """
from time import ticks_us
from lib.recorder import Channel
c = Channel("task0", "ticks", 200)
stamp = c.stamper()
wrong = 0
for i in range(200):
    before = ticks_us()
    stamp()
    if not before <= c.buf[i] <= ticks_us():
        wrong += 1
print(wrong, c.n)
"""
    )
    assert out.split() == [b"0", b"200"]
