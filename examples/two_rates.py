# hil: period_ms=20,50
"""Two asyncio tasks at different rates, written the naive way: each sleeps a whole period."""

import asyncio

from hil_agent import asked, stamps


async def blink(k, period_ms):
    asked(k)  # the first activation is due now
    while True:
        stamps[k]()
        await asyncio.sleep_ms(period_ms)


async def main():
    fast = asyncio.create_task(blink(0, 20))
    await blink(1, 50)
    await fast


asyncio.run(main())
