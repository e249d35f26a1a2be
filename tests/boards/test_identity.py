import pytest

from hil.boards.identity import identity_from_probe, parse_probe
from hil.model.errors import CaptureError

OUTPUT = (
    b"boot says hello\r\nhil:platform=rp2\r\nhil:machine=Pico with RP2040\r\nhil:version=1.24.1\r\n"
    b"hil:tp=1073741824\r\nhil:res_us=1\r\nhil:cpu_hz=125000000\r\nhil:uid=e661\r\n"
    b"hil:free=180000\r\nhil:caps=timer,timer_hard,<b>,schedule\r\n"
)


def identity(output=OUTPUT, **more):
    return identity_from_probe(
        parse_probe(output), name="b", port="/dev/ttyACM0", source="hardware", **more
    )


def test_facts_are_read_and_noise_ignored():
    board = identity(wired=("pins",))
    assert (board.platform, board.machine) == ("rp2", "Pico with RP2040")
    assert board.tick_period == 1 << 30
    assert board.cpu_hz == 125_000_000
    assert board.capabilities == ("pins", "schedule", "timer", "timer_hard")


def test_absent_facts_are_none_not_zero():
    board = identity(b"hil:tp=65536\nhil:cpu_hz=0\nhil:free=what\n")
    assert board.cpu_hz is None
    assert board.free_bytes is None
    assert board.machine == "unknown"


@pytest.mark.parametrize("period", [b"", b"hil:tp=0", b"hil:tp=1000", b"hil:tp=-4", b"hil:tp=x"])
def test_a_board_without_a_usable_clock_is_refused(period):
    with pytest.raises(CaptureError, match="tick period"):
        identity(period)


def test_a_long_text_is_cut():
    facts = parse_probe(b"hil:machine=" + b"x" * 10_000)
    assert len(facts["machine"]) == 200
