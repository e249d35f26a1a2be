"""Every board of the shipped wiring is matched by what its port prints, and by nothing else's."""

import pytest

from hil.agents.bundle import agents_folder
from hil.boards.wiring import check_answer, find_wiring, load_wiring
from hil.model.board import NO_WIRING
from hil.model.errors import ConfigurationError

FOLDER = agents_folder() / "wiring"
MACHINES = {
    "PYBv1.1 with STM32F405RG": "pyboard-v1",
    "PYBLITEv1.0 with STM32F411RE": "pyboard-v1",
    "PYBD-SF2W with STM32F722IEK": "pyboard-d",
    "PYBD-SF6W with STM32F767IIK": "pyboard-d",
    "ESP32 module with ESP32": "esp32",
    "Generic ESP32 module with ESP32": "esp32",
    "Generic ESP32 module with SPIRAM with ESP32": "esp32",
    "Generic ESP32S3 module with ESP32S3": "esp32-s3",
    "Generic ESP32S3 module with Octal-SPIRAM with ESP32S3": "esp32-s3",
    "Generic ESP32S3 module with ESP32-S3": "esp32-s3",
    "ESP32C3 module with ESP32C3": "esp32-c3",
    "ESP module with ESP8266": "esp8266",
    "ESP module (1M) with ESP8266": "esp8266",
    "Raspberry Pi Pico with RP2040": "rp2-pico",
    "Raspberry Pi Pico W with RP2040": "rp2-pico",
    "Raspberry Pi Pico2 with RP2350": "rp2-pico",
    "Raspberry Pi Pico 2 W with RP2350": "rp2-pico",
    "Teensy 4.0 with MIMXRT1062DVJ6A": "teensy-4",
    "Teensy 4.1 with MIMXRT1062DVJ6A": "teensy-4",
    "ItsyBitsy M0 Express with SAMD21G18A": "samd21",
    "ItsyBitsy M4 Express with SAMD51G19A": "samd51",
    "PCA10040 with NRF52832": "nrf52",
    "PCA10056 with NRF52840": "nrf52",
    "micro:bit with nRF51822": "microbit",
    "micro:bit with NRF51822": "microbit-nrf",
}


@pytest.mark.parametrize(("machine", "file"), MACHINES.items())
def test_what_a_port_prints_finds_its_wiring_and_no_other(machine, file):
    assert find_wiring(FOLDER, machine) == load_wiring(FOLDER / f"{file}.toml")
    fitting = [path.stem for path in FOLDER.glob("*.toml") if find_wiring_alone(path, machine)]
    assert fitting == [file]


def find_wiring_alone(path, machine):
    import re

    pattern = load_wiring(path).match_machine
    return bool(pattern and re.search(pattern, machine))


@pytest.mark.parametrize(
    "machine",
    ["", "linux", "Nucleo with STM32L476", "ESP32S2 module with ESP32S2", "ESP32C6 with ESP32C6"],
)
def test_an_unknown_board_gets_no_pins(machine):
    assert find_wiring(FOLDER, machine) is NO_WIRING


def test_an_rp2_board_of_another_maker_gets_the_generic_pins():
    assert find_wiring(FOLDER, "Tiny 2040 with RP2040").name == "RP2 board"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda p: p.stem)
def test_every_file_names_outputs_for_two_tasks_and_its_jumper(path):
    wiring = load_wiring(path)
    assert len(wiring.outputs) >= 2
    used = {*wiring.outputs, *(wiring.loopback or ())}
    assert not used & set(wiring.avoid)
    if wiring.loopback:
        assert str(wiring.loopback[0]) in wiring.jumper


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("outputs = [1, 1]", "twice"),
        ("outputs = [1, 2]\nloopback = [2, 3]", "loopback pair"),
        ("loopback = [2, 2]", "twice"),
        ("leds = [5]\navoid = [5]", "avoided"),
        ('clock_jump_us = "1"', "microseconds"),
        ("clock_jump_us = -1", "microseconds"),
        ("note = 3", "note must be a text"),
    ],
)
def test_contradictions_are_refused_in_one_line(tmp_path, text, said):
    path = tmp_path / "b.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=said) as caught:
        load_wiring(path)
    assert "\n" not in str(caught.value)


def test_the_self_check_takes_the_loopback_away_and_says_what_to_connect():
    wiring = load_wiring(FOLDER / "rp2-pico.toml")
    assert check_answer({"loop": "0101", "irq": "hard"}, wiring) == (
        ("pins", "loopback", "pin_irq_hard"),
        "",
    )
    for seen in ("0000", "1111", "1010", ""):
        words, why = check_answer({"loop": seen}, wiring)
        assert words == ("pins",)
        assert "connect pin 4 to pin 5 of the Raspberry Pi Pico" in why
