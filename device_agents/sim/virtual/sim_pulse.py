# `machine.time_pulse_us`: waits for a level and then for its end, in steps from event to event.
import sim_now as _now


def _until(pin, level, due):
    while pin.value() != level:
        if _now.ns >= due:
            return False
        if _now.level or _now.masked or _now.thread is not None:
            _now.spend(_now.READ)
        else:
            _now.wait_step(due)
    return True


def time_pulse_us(pin, level, timeout_us=1000000):
    level = 1 if level else 0
    if not _until(pin, level, _now.ns + timeout_us * 1000):
        return -2
    start = _now.ns
    if not _until(pin, 1 - level, start + timeout_us * 1000):
        return -1
    return (_now.ns - start) // 1000
