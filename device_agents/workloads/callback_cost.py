"""What one call of a callback takes from the heap: counted, and proven with the heap locked."""

import gc

import micropython

CALLS = 32


def hil_taken(callback):
    """Heap bytes that CALLS calls leave taken, or None where the port does not count them."""
    if not hasattr(gc, "mem_alloc"):
        return None
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for _ in range(CALLS):
        callback(3)
    taken = gc.mem_alloc() - before
    gc.enable()
    return taken


def hil_works_locked(callback):
    """Whether the callback runs with the heap locked; None where it can't be locked."""
    if not hasattr(micropython, "heap_lock"):
        return None
    callback(3)
    micropython.heap_lock()
    try:
        callback(3)
        callback(3)
        works = 1
    except MemoryError:
        works = 0
    finally:
        micropython.heap_unlock()
    return works


def count_cost(job, method, callback, failures=None):
    """Counters taken.METHOD (bytes in CALLS calls) and locked.METHOD (1: works without a heap)."""
    taken = hil_taken(callback)
    if taken is not None:
        job.set_counter("taken." + method, taken - hil_taken(hil_no_callback))
        job.set_counter("calls." + method, CALLS)
    works = hil_works_locked(callback)
    if works is not None:
        job.set_counter("locked." + method, 0 if failures and failures() else works)


def hil_no_callback(_):
    """The empty call that is taken off."""
