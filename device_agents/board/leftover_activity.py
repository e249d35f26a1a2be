# hil: needs=
"""What goes on at the prompt when a user's program was interrupted; looks, and changes nothing.

A timer or thread that was left can't be asked for, but what it does shows: global variables,
attributes of global objects and levels of pins change while nothing else runs. Stands alone; prints
hil:changed=NAME for each, and what callbacks print comes with it; hil:running=NAME for a PWM or a
state machine that runs, of which nothing shows in a variable. Where no program has been, a short
look is enough.
"""

import sys as hils_sys
import time as hils_time


def hils_plain(v):
    """Something that differs when the value does, or None for what is not looked at."""
    if isinstance(v, (int, float, str)):
        return v
    if isinstance(v, (list, dict, set, bytes)):
        return len(v)
    if isinstance(v, bytearray):
        return hash(bytes(v[:64]))
    if type(v).__name__ in ("Pin", "Signal", "LED"):
        return v.value()
    if type(v).__name__ == "array":
        return hash(tuple(v[:32]))


def hils_runs(v):
    """Whether this is hardware that runs by itself."""
    kind = type(v).__name__
    if kind == "PWM":
        return v.freq() > 0 and 0 < v.duty_u16() < 65535
    return kind == "StateMachine" and v.active()


def hils_look(seen):
    space = globals()
    for name in list(space):
        v = space[name]
        if name[:5] == "hils_" or isinstance(v, (type, type(hils_sys))):
            continue
        parts = {name: v}
        if type(v).__name__ not in ("Timer", "Pin"):
            for key in getattr(v, "__dict__", ()):
                parts[name + "." + key] = v.__dict__[key]
        for key in parts:
            try:
                now = hils_plain(parts[key])
                if hils_runs(parts[key]) and key not in hils_running:
                    hils_running.append(key)
            except Exception:
                continue
            if seen.setdefault(key, now) != now and key not in hils_changed:
                hils_changed.append(key)


def hils_used():
    """Whether a program has been here: a name of its own, or a module that came from a file."""
    space = globals()
    for name in list(space):
        plain = isinstance(space[name], type(hils_sys)) and not hasattr(space[name], "__file__")
        if not (plain or name == "_" or name[:2] == "__" or name[:5] == "hils_"):
            return True
    return False


hils_changed = []
hils_running = []
hils_seen = {}
for hils_i in range(20 if hils_used() else 5):  # half a second, or a tenth
    hils_look(hils_seen)
    hils_time.sleep_ms(5 + 12 * (hils_i % 4))
hils_look(hils_seen)
for hils_i in hils_changed[:20]:
    print("hil:changed=" + hils_i)
for hils_i in hils_running[:20]:
    print("hil:running=" + hils_i)
