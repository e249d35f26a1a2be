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


def test_lock_event_and_stream(board):
    code = """
import asyncio
out = []
async def client():
    r, w = await asyncio.open_connection("127.0.0.1", port)
    w.write(b"hello\\n"); await w.drain()
    out.append(await r.readline())
    w.close()
async def serve(r, w):
    w.write((await r.readline()).upper()); await w.drain()
    w.close(); await w.wait_closed()
async def main():
    global port
    for port in range(42000, 42100):
        try:
            server = await asyncio.start_server(serve, "127.0.0.1", port)
            break
        except OSError:
            pass
    await asyncio.sleep_ms(0)
    await client()
    server.close(); await server.wait_closed()
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
    assert board.eval(code, "out") == [b"HELLO\n", "out", "in"]


def test_flag_set_by_a_timer(board):
    """A hard callback sets it while asyncio sleeps in its poll: no event may be missed."""
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
t = machine.Timer(-1, period=7, callback=cb, hard=True)
a = time.ticks_ms()
asyncio.run(asyncio.wait_for(main(), 3))
t.deinit()
took = time.ticks_diff(time.ticks_ms(), a)
"""
    took, late = board.eval(code, "(took, late)")
    assert len(late) == 60
    assert 410 <= took < 2000


def test_many_companions_keep_their_order(board):
    code = """
import asyncio, time
n = [0] * 50
async def blink(k):
    for _ in range(10):
        await asyncio.sleep_ms(k % 7 + 1)
        n[k] += 1
async def main():
    await asyncio.gather(*[blink(k) for k in range(50)])
asyncio.run(main())
"""
    assert board.eval(code, "n") == [10] * 50


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
    taken = board.eval(code, "[asyncio.run(turns(n)) for n in (0, 1, 2)]")
    assert all(bytes_taken < 300 for bytes_taken in taken)  # less than a byte a turn
