"""What the asyncio techniques share: the library under either name, and a run that ends."""

try:
    import asyncio
except ImportError:
    try:
        import uasyncio as asyncio
    except ImportError:
        asyncio = None


async def hil_until_end(job):
    """The main program as a coroutine: sleeps, or takes turns between the tasks'."""
    turns = 0
    job.coroutines = True
    while job.running():
        job.idle_step()
        if job.busy:
            turns += 1
            await asyncio.sleep_ms(0)
        else:
            await asyncio.sleep_ms(20 if job.streaming else min(job.left_ms, 1000))
    if job.busy:
        job.set_counter("background", turns)


async def hil_main_task(job, coroutines):
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        await hil_until_end(job)
    finally:
        for task in tasks:
            if task.done():
                await task  # it never ends by itself: raise what it raised
            task.cancel()


def run_coroutines(job, coroutines):
    """Run endless coroutines until the job's window ends, and leave a clean event loop."""
    companions = [make() for make in job.companions]
    try:
        asyncio.run(hil_main_task(job, coroutines + companions))
    finally:
        asyncio.new_event_loop()
