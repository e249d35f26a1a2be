"""asyncio over the board's own task queue and clock."""

from __future__ import annotations


def test_order_cancel_timeout_gather(board):
    code = """
import asyncio
log = []
async def say(n, ms, times=1):
    for _ in range(times):
        await asyncio.sleep_ms(ms)
        log.append(n)
    return n * 10
async def fail():
    await asyncio.sleep_ms(1)
    raise ValueError("x")
async def main():
    got = await asyncio.gather(say(3, 60), say(1, 20), say(2, 40))
    log.append(got)
    endless = asyncio.create_task(say(9, 5, 1000))
    await asyncio.sleep_ms(2)
    endless.cancel()
    try:
        await endless
    except asyncio.CancelledError:
        log.append("cancelled")
    try:
        await asyncio.wait_for(say(8, 500), 0.02)
    except asyncio.TimeoutError:
        log.append("timeout")
    try:
        await fail()
    except ValueError:
        log.append("failed")
    t = asyncio.create_task(fail())
    try:
        await t
    except ValueError:
        log.append("task failed")
    log.append((t.done(), await asyncio.create_task(say(5, 0))))
    equal = [asyncio.create_task(say(n, 0)) for n in (11, 12, 13)]
    for t in equal:
        await t
    return "end"
log.append(asyncio.run(main()))
"""
    assert board.eval(code, "log") == [
        1,
        2,
        3,
        [30, 10, 20],
        "cancelled",
        "timeout",
        "failed",
        "task failed",
        5,
        (True, 50),
        11,
        12,
        13,
        "end",
    ]


def test_lock_and_event(board):
    code = """
import asyncio
out = []
async def main():
    lock, event = asyncio.Lock(), asyncio.Event()
    async def waiter():
        await event.wait()
        async with lock:
            out.append("in")
    t = asyncio.create_task(waiter())
    async with lock:
        event.set()
        await asyncio.sleep_ms(5)
        out.append("out")
    await t
asyncio.run(main())
"""
    assert board.eval(code, "out") == ["out", "in"]


def test_a_stream_over_stdin(board):
    """A task reads what the host types while another one goes on."""
    code = """
import asyncio, sys
async def reader(n):
    got = await asyncio.StreamReader(sys.stdin).readline()
    print(got, n[0])
async def main():
    n = [0]
    async def ticks():
        while True:
            await asyncio.sleep_ms(10)
            n[0] += 1
    t = asyncio.create_task(ticks())
    await reader(n)
    t.cancel()
asyncio.run(main())
"""
    board.start(code)
    board.sleep(0.1055)
    board.type(b"hello\n")
    assert board.ended() == ("b'hello\\n' 10\n", "")


def test_sleeps_keep_to_the_grid_of_the_millisecond_clock(start):
    """The first one begins within a millisecond; what the loop costs is not added to the others."""
    code = """
import asyncio, time
out = []
async def go():
    a = time.ticks_us()
    for _ in range(40):
        await asyncio.sleep_ms(25)
        b = time.ticks_us()
        out.append(time.ticks_diff(b, a))
        a = b
asyncio.run(go())
"""
    for knobs in ("", "ppm=1000", "ppm=1000,tick_bits=16", "ppm=-1000,tick_bits=20"):
        first, *others = start(f"read_us=1,{knobs}").enter().eval(code, "out")
        assert 24_000 < first <= 25_000, knobs
        # a skewed clock comes to its millisecond within a microsecond of the host, where that falls
        assert max(abs(us - 25_000) for us in others) <= (1 if "ppm" in knobs else 0), knobs
        assert abs(sum(others) - 39 * 25_000) <= 1, knobs


def test_flag_set_by_a_timer(board):
    """A hard callback sets it while asyncio sleeps in its poll: no event is missed, none late."""
    code = """
import asyncio, machine, time
flag = asyncio.ThreadSafeFlag()
late = []
at = 0
def cb(t):
    global at
    at = time.ticks_us()
    flag.set()
async def main():
    for _ in range(60):
        await flag.wait()
        late.append(time.ticks_diff(time.ticks_us(), at))
begin = time.ticks_us()
t = machine.Timer(-1, period=7, callback=cb, hard=True)
asyncio.run(asyncio.wait_for(main(), 3))
last = time.ticks_diff(at, begin)
t.deinit()
"""
    last, late = board.eval(code, "(last, late)")
    assert last == 60 * 7000 + 2
    assert len(late) == 60
    assert len(set(late)) == 1, "the event loop takes the same turns every time"
    assert 0 < late[0] < 100


def test_many_companions_keep_their_order(board):
    code = """
import asyncio, time
log = []
async def blink(k):
    for _ in range(10):
        await asyncio.sleep_ms(k % 7 + 1)
    log.append(k)
async def main():
    await asyncio.gather(*[blink(k) for k in range(50)])
asyncio.run(main())
"""
    assert board.eval(code, "log") == [k for rest in range(7) for k in range(rest, 50, 7)]


def test_an_event_loop_that_polls_takes_no_heap(board):
    """Garbage of a poll would make every call slower: the allocator searches on past it."""
    code = """
import asyncio, gc
async def turns(flags):
    tasks = [asyncio.create_task(asyncio.ThreadSafeFlag().wait()) for _ in range(flags)]
    await asyncio.sleep_ms(0)
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for _ in range(300):
        await asyncio.sleep_ms(0)
    taken = gc.mem_alloc() - before
    gc.enable()
    for task in tasks:
        task.cancel()
    return taken
"""
    assert board.eval(code, "[asyncio.run(turns(n)) for n in (0, 1, 2)]") == [0, 0, 0]
