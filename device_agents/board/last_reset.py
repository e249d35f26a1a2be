# hil: needs=
"""How long the board has been up, and whether a watchdog started it. Stands alone."""

try:
    import time
except ImportError:
    import utime as time
print("hil:up_ms=" + str(time.ticks_ms()))
try:
    import machine

    print("hil:wdt=" + str(int(machine.reset_cause() == machine.WDT_RESET)))
except Exception:
    pass
