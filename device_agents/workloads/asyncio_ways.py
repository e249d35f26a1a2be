# hil: needs=asyncio
"""asyncio both ways: asyncio.run, and the loop object with create_task and run_forever.

Two blinkers at different rates, with busy companions that give way after every little piece of
work. ways is a list of series, WAY/RATES/COMPANIONS separated by commas, such as
run/2:1/10,run_forever/7:11/50; way_us is the length of each.
"""

from lib.aio import asyncio
from lib.series import Series

FAST_US = {"2:1": (10000, 20000), "7:11": (7000, 11000)}


async def hil_way_blinker(activate, period_ms):
    while True:
        activate()
        await asyncio.sleep_ms(period_ms)


async def hil_companion(turns):
    x = 1
    while True:
        for _ in range(20):
            x = (x * 75 + 74) % 65537
        turns[0] = (turns[0] + 1) & 0xFFFF
        await asyncio.sleep_ms(0)


async def hil_way_main(tasks, length_us):
    """The main coroutine: sleeps while the others work, then ends them."""
    await asyncio.sleep_ms(length_us // 1000)
    for task in tasks:
        if task.done():
            await task
        task.cancel()


async def hil_way_run(coroutines, length_us):
    await hil_way_main([asyncio.create_task(c) for c in coroutines], length_us)


def hil_run_forever(coroutines, length_us):
    """As people write it without asyncio.run: the loop goes on until it is stopped."""
    loop = asyncio.get_event_loop()
    tasks = [loop.create_task(c) for c in coroutines]

    failed = []

    async def end():
        try:
            await hil_way_main(tasks, length_us)
        except BaseException as error:
            failed.append(error)
        loop.stop()

    loop.create_task(end())
    loop.run_forever()
    if failed:
        raise failed[0]


def hil_way(job, way):
    """One series."""
    entry, rates, companions = way.split("/")
    periods = FAST_US[rates]
    length_us = job.cfg["way_us"]
    names = ["asyncio/%s:%d" % (way, k) for k in range(2)]
    series = Series(job, names, periods, length_us)
    turns = [0]
    coroutines = [hil_way_blinker(series.stamper(k), periods[k] // 1000) for k in range(2)]
    coroutines += [hil_companion(turns) for _ in range(int(companions))]
    asyncio.new_event_loop()
    for k in range(2):
        series.begin(k, 0)
    try:
        if entry == "run_forever":
            hil_run_forever(coroutines, length_us)
        else:
            asyncio.run(hil_way_run(coroutines, length_us))
    finally:
        asyncio.new_event_loop()
    for k in range(2):
        series.end(k)
    series.send()


def after(job, run):
    for way in job.cfg["ways"].split(","):
        hil_way(job, way)
