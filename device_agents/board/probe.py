# hil: needs=
"""What this board is and can do, found by trying: one small question after the other.

Each is a statement of its own that prints its answer at once and keeps nothing, so that one after
the other fits into the same little memory; what does not fit stays unknown. Stands alone.
"""

import gc

gc.collect()
try:
    print("hil:free=%d" % gc.mem_free())
except AttributeError:
    pass
import sys

try:
    import time
except ImportError:
    import utime as time
print("hil:tp=%d" % (time.ticks_add(0, -1) + 1))
print("hil:platform=" + sys.platform)
_v = list(sys.implementation[1])
print("hil:version=%d.%d.%d" % tuple(_v[:3]) + ("-" + _v[3] if _v[3:] and _v[3] else ""))
if _v[:2] >= [1, 14]:
    print("hil:cap=raw_paste")
try:
    print("hil:machine=" + sys.implementation._machine)
except AttributeError:
    try:
        import os

        print("hil:machine=" + os.uname().machine)
    except Exception:
        pass
try:
    import machine
except ImportError:
    machine = None
try:
    _v = machine.freq()
    print("hil:cpu_hz=%d" % (_v if isinstance(_v, int) else _v[0]))
except Exception:
    pass
try:
    _v = ""
    for _n in machine.unique_id():
        _v += "%02x" % _n
    print("hil:uid=" + _v)
except Exception:
    pass


def _v(us, diff=time.ticks_diff):
    # a loop may cost several steps, so uneven distances decide; calibration looks closer
    best = 1 << 20
    for _ in range(20):
        t = n = us()
        while n == t:
            n = us()
        best = min(best, max(diff(n, t), 1))
    g = near = far = 0
    for k in range(128):
        t = us()
        time.sleep_us(k % 32)
        d = diff(us(), t)
        if d > 0:
            r = d % best
            if d < 2 * best:
                if min(r, best - r) < 2:
                    near += 1
                else:
                    far += 1
            while d:
                g, d = d, g % d
    if best > 15 and near > 4 and not far:  # a step may be cut to whole us: 30 or 31
        return best
    return g or best


print("hil:res_us=%d" % _v(time.ticks_us))
if getattr(machine, "CLOCK", None) == "virtual":
    print("hil:cap=virtual")
for _n in ("Pin", "disable_irq"):
    if hasattr(machine, _n):
        print("hil:cap=" + _n.lower())
if hasattr(getattr(machine, "Pin", None), "irq"):
    print("hil:cap=pin_irq")
if hasattr(getattr(machine, "PWM", None), "duty_u16"):
    print("hil:cap=pwm")
try:
    import micropython
except ImportError:
    micropython = None
for _n in ("schedule", "heap_lock", "mem_info"):
    if hasattr(micropython, _n):
        print("hil:cap=" + _n)
if hasattr(micropython, "alloc_emergency_exception_buf"):
    print("hil:cap=emergency_buf")
_v = []
for _n in (-1, 0, 1):
    try:
        _v.append(machine.Timer(_n))
        print("hil:cap=timer_%s" % ("virtual" if _n < 0 else "numbered"))
    except Exception:
        pass
if _v:
    print("hil:cap=timer")
    print("hil:cap=timer_" + ("init" if hasattr(_v[0], "init") else "start"))
_n = 1
try:
    _v[0].init(mode=machine.Timer.ONE_SHOT, period=1000, callback=lambda t: None, hard=True)
    print("hil:cap=timer_hard")
    _n = 0
except Exception:
    pass
try:
    _v[0].deinit()
except Exception:
    pass
try:
    __import__("pyb").Timer(4).source_freq()
    print("hil:cap=timer_legacy")
    if _n:  # its callbacks are hard where the other's are not
        print("hil:cap=timer_hard,timer_pyb")
except Exception:
    pass
try:
    __import__("rp2").StateMachine
    print("hil:cap=pio")
except Exception:
    pass
try:
    __import__("_thread")
    print("hil:cap=thread")
    if sys.implementation._thread == "GIL":
        print("hil:cap=thread_gil")
except Exception:
    pass
try:
    if getattr(gc, "mem_free", int)() > 24000:
        import asyncio
    else:
        import _asyncio as asyncio
    print("hil:cap=asyncio")
except Exception:
    asyncio = None
if not asyncio:
    try:
        if getattr(gc, "mem_free", int)() > 24000:
            import uasyncio as asyncio
        else:
            import _uasyncio as asyncio
        print("hil:cap=asyncio,uasyncio")
    except Exception:
        pass
if hasattr(asyncio, "ThreadSafeFlag"):
    print("hil:cap=tsf")
try:
    import select

    _v = select.poll()
    _v.register(sys.stdin, select.POLLIN)
    _v.poll(0)
    print("hil:cap=stdin_poll")
except Exception:
    pass
try:
    import binascii
except ImportError:
    try:
        import ubinascii as binascii
    except ImportError:
        binascii = None
if hasattr(binascii, "crc32"):
    print("hil:cap=crc32")
if hasattr(getattr(sys, "stdout", None), "buffer"):
    print("hil:cap=stdout_buffer")
for _n in ("native", "viper"):
    try:
        exec("import micropython\n@micropython.%s\ndef _v():\n pass\n" % _n)
        print("hil:cap=" + _n)
    except Exception:
        pass
try:
    __import__("socket")
    if not hasattr(machine, "SIM"):  # which has a loopback of its own
        __import__("network").WLAN
    print("hil:cap=socket")
except Exception:
    pass
try:
    import os

    os.listdir()
    print("hil:cap=fs")
except Exception:
    pass
if hasattr(micropython, "schedule"):
    # how many calls its queue takes: straight code lets none of them run
    _v = "_n=0\ntry:\n"
    for _n in range(1, 18):
        _v += " micropython.schedule(bool,0)\n _n=%d\n" % _n
    try:
        exec(_v + " _n=0\nexcept RuntimeError:\n pass\n")
    except Exception:
        _n = 0
    if _n:
        print("hil:sched_depth=%d" % _n)
_v = _n = None
gc.collect()
print("hil:end=1")
