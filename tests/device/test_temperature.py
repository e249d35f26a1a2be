"""The chip's temperature, asked of the real virtual machine with a port's modules put in."""

import pytest

from hil.boards.thermometer import read_temperature
from hil.model.errors import RemoteCodeError

MODULES = {
    "a newer ESP32": ("esp32", "mcu_temperature = lambda self: 43", 43.0),
    "the first ESP32": ("esp32", "raw_temperature = lambda self: 122", 50.0),
    "a micro:bit": ("microbit", "temperature = lambda self: -4", -4.0),
    "a pyboard": (
        "pyb",
        "\n".join(
            (
                "def ADCAll(self, bits, mask):",
                "  assert (bits, mask) == (12, 0x70000)",
                "  return self",
                " def read_core_temp(self):",
                "  return 36.25",
            )
        ),
        36.2,
    ),
}


def put_in(runner, name, body):
    runner.exec(f"class M:\n {body}\nimport sys\nsys.modules['{name}'] = M()")


@pytest.fixture
def bare(connect_board):
    with connect_board("") as runner:
        yield runner


def test_a_port_without_a_thermometer_says_nothing(bare):
    assert read_temperature(bare.repl) is None
    names = bare.exec(
        "print([n for n in globals() if n[0] == '_' and n[1] != '_' and globals()[n]])"
    )
    assert names.strip() == "[]"


@pytest.mark.parametrize("port", MODULES)
def test_each_port_in_its_own_way(bare, port):
    name, body, celsius = MODULES[port]
    put_in(bare, name, body)
    assert read_temperature(bare.repl) == pytest.approx(celsius, abs=0.06)


def test_the_formula_of_the_rp2(bare):
    """27 degrees at 0.706 V, 1.721 mV less for each more; of 16 readings the mean."""
    readings = "[round((0.706 - 0.001721 * k) / 3.3 * 65535) for k in (9, 11)]"
    bare.exec(
        "import sys, machine\n"
        "class ADC:\n"
        " CORE_TEMP = 4\n"
        f" readings = {readings} * 8\n"
        " def __init__(self, channel):\n  assert channel == 4\n"
        " def read_u16(self):\n  return ADC.readings.pop()\n"
        "class Sys:\n platform = 'rp2'\n"
        "class M:\n pass\n"
        "M.ADC = ADC\n"
        "sys.modules['machine'] = M\n"
        "sys.modules['sys'] = Sys\n"
    )
    assert read_temperature(bare.repl) == pytest.approx(37.0, abs=0.1)


@pytest.mark.parametrize("nonsense", ["'warm'", "float('nan')", "1e9", "-273.15", "None"])
def test_what_is_no_temperature_is_none(bare, nonsense):
    put_in(bare, "microbit", f"temperature = lambda self: {nonsense}")
    assert read_temperature(bare.repl) is None


def test_a_port_that_raises_is_passed_over(bare):
    put_in(bare, "esp32", "def mcu_temperature(self):\n  raise OSError(5)")
    put_in(bare, "microbit", "temperature = lambda self: 21")
    assert read_temperature(bare.repl) == 21.0


def test_a_board_that_fails_is_an_error():
    class Failing:
        def exec(self, code, *, timeout_s):
            raise RemoteCodeError("MemoryError")

    with pytest.raises(RemoteCodeError):
        read_temperature(Failing())
