# hil: needs=
"""What this board is and can do, found by trying; stands alone and is run in small pieces.

Every question is a function of the same name, asked at once: the next one takes its memory.
"""

import gc
import sys

gc.collect()
try:
    print("hil:free=%d" % gc.mem_free())
except AttributeError:
    pass

try:
    import time
except ImportError:
    import utime as time

try:
    import machine
except ImportError:
    machine = None

try:
    import micropython
except ImportError:
    micropython = None

hilp_caps = []


def hilp_try(cap, f):
    """Note a capability if f() does not fail and is not False; else False."""
    try:
        got = f()
    except Exception:
        return False
    if got is not False and cap:
        hilp_caps.append(cap)
    return got


def hilp_has(module, name, cap):
    if hasattr(module, name):
        hilp_caps.append(cap)


def hilp_f():
    v = list(sys.implementation[1])
    version = ".".join(str(n) for n in v[:3])
    if len(v) > 3 and v[3]:
        version += "-" + v[3]
    print("hil:platform=" + sys.platform)
    print("hil:version=" + version)
    if v[0] > 1 or v[1] >= 14:
        hilp_caps.append("raw_paste")


hilp_try("", hilp_f)


def hilp_f():
    try:
        name = sys.implementation._machine
    except AttributeError:
        import os

        name = os.uname().machine
    print("hil:machine=" + name)


hilp_try("", hilp_f)


def hilp_f():
    us = time.ticks_us
    best = 1 << 20
    for _ in range(20):
        t = n = us()
        while n == t:
            n = us()
        d = time.ticks_diff(n, t)
        if 0 < d < best:
            best = d
    print("hil:tp=%d" % (time.ticks_add(0, -1) + 1))
    print("hil:res_us=%d" % best)


hilp_try("", hilp_f)


def hilp_f():
    f = machine.freq()
    print("hil:cpu_hz=%d" % (f if isinstance(f, int) else f[0]))


hilp_try("", hilp_f)


def hilp_f():
    print("hil:uid=" + "".join("%02x" % b for b in machine.unique_id()))


hilp_try("", hilp_f)


def hilp_f():
    """How many calls the schedule queue takes: straight code lets none of them run."""
    code = "def hilp_f(s):\n d=0\n try:\n"
    for i in range(1, 18):
        code += "  s(bool,0)\n  d=%d\n" % i
    space = {}
    exec(code + " except RuntimeError:\n  return d\n return 0\n", space)
    d = space["hilp_f"](micropython.schedule)
    if d:
        print("hil:sched_depth=%d" % d)


hilp_try("", hilp_f)


def hilp_f():
    """Constructor forms; the first timer that there is stays for the next question."""
    forms = []
    for i in (-1, 0, 1):
        try:
            hilp_timers.append(machine.Timer(i))
        except Exception:
            continue
        forms.append("virtual" if i < 0 else "id%d" % i)
        if i >= 0 and "timer_numbered" not in hilp_caps:
            hilp_caps.append("timer_numbered")
    if hilp_timers:
        forms.append("init" if hasattr(hilp_timers[0], "init") else "start")
    print("hil:timer_forms=" + "+".join(forms))


hilp_timers = []
hilp_try("", hilp_f)


def hilp_f():
    """A hard callback; none is left behind."""
    t = hilp_timers[0]
    hilp_caps.append("timer")
    mode = machine.Timer.ONE_SHOT
    hilp_try(
        "timer_hard", lambda: t.init(mode=mode, period=1000, callback=lambda t: None, hard=True)
    )
    t.deinit()


hilp_try("", hilp_f)


def hilp_f():
    import pyb

    pyb.Timer(4).source_freq
    if "timer_hard" not in hilp_caps:  # its callbacks are hard
        hilp_caps.extend(("timer_hard", "timer_pyb"))


hilp_try("timer_legacy", hilp_f)


def hilp_f():
    return hasattr(machine.Pin, "irq")


hilp_try("pin_irq", hilp_f)


def hilp_f():
    __import__("_thread")
    kind = getattr(sys.implementation, "_thread", "")
    if kind:
        print("hil:thread=" + kind)
        if kind == "GIL":
            hilp_caps.append("thread_gil")


hilp_try("thread", hilp_f)


def hilp_f():
    """The library itself where there is room for it, else only its core in C."""
    try:
        small = gc.mem_free() < 24000
    except AttributeError:
        small = True
    if small:
        try:
            __import__("_asyncio")
        except ImportError:
            __import__("_uasyncio")
        return True
    try:
        import asyncio
    except ImportError:
        import uasyncio as asyncio

        hilp_caps.append("uasyncio")
    hilp_has(asyncio, "ThreadSafeFlag", "tsf")


hilp_try("asyncio", hilp_f)


def hilp_f():
    import select

    p = select.poll()
    p.register(sys.stdin, select.POLLIN)
    p.poll(0)


hilp_try("stdin_poll", hilp_f)


def hilp_f():
    try:
        import binascii
    except ImportError:
        import ubinascii as binascii
    return hasattr(binascii, "crc32")


hilp_try("crc32", hilp_f)


def hilp_native():
    exec("import micropython\n@micropython.native\ndef hilp_f():\n pass\n", {})


def hilp_viper():
    exec("import micropython\n@micropython.viper\ndef hilp_f():\n pass\n", {})


hilp_try("native", hilp_native)
hilp_try("viper", hilp_viper)
del hilp_native, hilp_viper


def hilp_f():
    """Sockets, and a way into a network: loopback or Wi-Fi."""
    __import__("socket")
    return hasattr(machine, "SIM") or bool(__import__("network").WLAN)


hilp_try("socket", hilp_f)


def hilp_f():
    import os

    os.listdir()


hilp_try("fs", hilp_f)


hilp_has(micropython, "schedule", "schedule")
hilp_has(micropython, "heap_lock", "heap_lock")
hilp_has(micropython, "alloc_emergency_exception_buf", "emergency_buf")
hilp_has(micropython, "mem_info", "mem_info")
hilp_has(machine, "disable_irq", "disable_irq")
hilp_has(machine, "Pin", "pin")
hilp_has(getattr(sys, "stdout", None), "buffer", "stdout_buffer")
print("hil:caps=" + ",".join(hilp_caps))
for hilp_n in [n for n in globals() if n.startswith("hilp_")]:
    del globals()[hilp_n]
del hilp_n
