# hil: needs=
"""The chip's own temperature in degrees Celsius, where its port tells it. Stands alone.

It is the die's, some kelvin above the board's, and of use for what changes. Each port has a way of
its own: what is not there is passed over without a word.
"""

import sys

try:
    import esp32

    try:
        _v = esp32.mcu_temperature()
    except AttributeError:  # the first ESP32, in degrees Fahrenheit
        _v = (esp32.raw_temperature() - 32) / 1.8
    print("hil:temp=" + str(_v))
except Exception:
    pass
try:
    if sys.platform == "rp2":
        import machine

        _v = getattr(machine.ADC, "CORE_TEMP", 4)
        _n = machine.ADC(_v)
        _v = 0
        for _ in range(16):
            _v += _n.read_u16()
        # RP2040 datasheet, 4.9.5: 27 - (volts - 0.706) / 0.001721
        print("hil:temp=" + str(27 - (_v / 16 * 3.3 / 65535 - 0.706) / 0.001721))
except Exception:
    pass
try:
    import pyb

    # bits 16 to 18: the channels inside the chip, so that no pin is touched
    print("hil:temp=" + str(pyb.ADCAll(12, 0x70000).read_core_temp()))
except Exception:
    pass
try:
    import microbit

    print("hil:temp=" + str(microbit.temperature()))
except Exception:
    pass
try:
    if sys.platform[:3] == "nrf":
        import machine

        print("hil:temp=" + str(machine.Temp().read()))
except Exception:
    pass
_v = _n = None
