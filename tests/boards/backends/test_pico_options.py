"""The texts of the emulated Pico, its firmware files, and what is said of wrong ones."""

import struct
from fractions import Fraction

import pytest

from hil.boards.backends.pico_firmware import find_firmware
from hil.boards.backends.pico_options import PicoOptions, parse_pico
from hil.boards.backends.registry import parse_board
from hil.model.errors import ConfigurationError

RP2040, RP2350 = 0xE48BFF56, 0xE48BFF59


def uf2_block(address=0x10000000, length=256, flags=0x2000, family=RP2040, end=0x0AB16F30):
    header = struct.pack("<8I", 0x0A324655, 0x9E5D5157, flags, address, length, 0, 1, family)
    return header + bytes(476) + struct.pack("<I", end)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("pico", PicoOptions()),
        ("pico:new.uf2", PicoOptions("new.uf2")),
        ("pico?wires=none", PicoOptions(wires=())),
        ("pico:a:b.uf2?wires=4-5+29-0", PicoOptions("a:b.uf2", wires=((4, 5), (29, 0)))),
        ("pico?ppm=-20.125&pace=1", PicoOptions(ppm=Fraction(-161, 8), pace=True)),
    ],
)
def test_the_options_are_read(text, options):
    assert parse_pico(text) == options


@pytest.mark.parametrize("text", ["picobello", "qemu-microbit", "sim", "port:pico"])
def test_other_texts_are_of_other_boards(text):
    assert parse_pico(text) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pico:", "no firmware after"),
        ("pico?", "unknown option ''"),
        ("pico?wire=4-5", "did you mean wires?"),
        ("pico?ppm", "ppm needs a value"),
        ("pico?ppm=1&ppm=1", "ppm is given twice"),
        ("pico?ppm=fast", "a number from -100000 to 100000"),
        ("pico?ppm=100000.001", "a number from -100000 to 100000"),
        ("pico?ppm=1e3", "a number from -100000 to 100000"),
        ("pico?pace=2", "1 to follow real time"),
        ("pico?wires=4", "pairs of pins from 0 to 29"),
        ("pico?wires=4-30", "pairs of pins from 0 to 29"),
        ("pico?wires=4-5,6-7", "pairs of pins from 0 to 29"),
        ("pico?wires=4-5+5-6", "a pin is named twice"),
        ("pico?wires=4-4", "a pin is named twice"),
    ],
)
def test_a_wrong_option_is_one_clear_line(text, said):
    with pytest.raises(ConfigurationError) as refusal:
        parse_board(text)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_run_is_the_same_again_unless_it_follows_real_time():
    assert parse_board("pico").repeatable
    assert not parse_board("pico?pace=1").repeatable


def test_the_folder_of_a_run_has_the_firmware_s_name():
    assert (
        parse_board("pico:/some/where/RPI PICO-v1.28.0.uf2?ppm=1").slug == "pico-RPI-PICO-v1-28-0"
    )


def test_a_firmware_that_is_named_is_taken(tmp_path):
    path = tmp_path / "good.uf2"
    path.write_bytes(uf2_block() + uf2_block(0x10000100))
    assert find_firmware(str(path)) == path


def test_without_a_name_the_variable_counts_and_then_what_was_downloaded(tmp_path, monkeypatch):
    cache = tmp_path / ".cache" / "rp2040py"
    cache.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("HIL_PICO_UF2", raising=False)
    with pytest.raises(ConfigurationError, match=r"no firmware is here; download .* HIL_PICO_UF2"):
        find_firmware("")
    for name in ("RPI_PICO-20230426-v1.20.0.uf2", "RPI_PICO-20251209-v1.27.0.uf2"):
        (cache / name).write_bytes(uf2_block())
    (cache / "RPI_PICO_W-20260101-v1.28.0.uf2").write_bytes(uf2_block())
    assert find_firmware("").name == "RPI_PICO-20251209-v1.27.0.uf2"
    named = tmp_path / "mine.uf2"
    named.write_bytes(uf2_block())
    monkeypatch.setenv("HIL_PICO_UF2", str(named))
    assert find_firmware("") == named


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it has 0 bytes"),
        (b"UF2\n" * 100, "it has 400 bytes"),
        (bytes(5_000_000), "it has 5000000 bytes"),
        (bytes(512), "block 0 does not begin and end"),
        (uf2_block() + uf2_block(end=1), "block 1 does not begin and end"),
        (uf2_block(family=RP2350), "block 0 is for another chip"),
        (uf2_block(flags=1), "block 0 is not for the flash"),
        (uf2_block(address=0x20000000), "block 0 lies outside"),
        (uf2_block(address=0x101FFFFF), "block 0 lies outside"),
        (uf2_block(length=477), "block 0 lies outside"),
    ],
)
def test_a_file_that_is_no_firmware_is_refused(tmp_path, content, said):
    path = tmp_path / "bad.uf2"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as refusal:
        find_firmware(str(path))
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"no firmware file .*absent\.uf2"):
        find_firmware(str(tmp_path / "absent.uf2"))
