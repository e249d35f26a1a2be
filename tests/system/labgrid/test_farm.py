"""Boards of a labgrid farm: with a real coordinator, exporter and ser2net on loopback."""

from __future__ import annotations

import time

import pytest

from hil.boards.attach import AttachLimits
from hil.boards.backends.labgrid import LabgridPlace
from hil.boards.backends.registry import parse_board
from hil.boards.backends.remote import open_address
from hil.boards.connection import Connection
from hil.boards.raw_repl import RawRepl
from hil.model.errors import BoardBusyError, BoardNotFoundError, TransportError

PLACE = "pico-1"


def acquired(farm) -> bool:
    shown = farm.client("-p", PLACE, "show")
    line = next(line for line in shown.splitlines() if "acquired:" in line)
    return "None" not in line


def test_a_place_is_acquired_and_released(farm):
    assert not acquired(farm)
    with LabgridPlace(PLACE) as place:
        assert acquired(farm)
        assert place.port.startswith("rfc2217://127.0.0.1:")
        assert place.has_power
    assert not acquired(farm)


def test_its_board_answers_through_the_exporter(farm):
    with LabgridPlace(PLACE) as place, RawRepl(place.port, opener=open_address) as repl:
        repl.enter()
        assert repl.exec("print(6*7)") == b"42\n"


def test_a_place_that_somebody_has_is_busy(farm):
    farm.client("-p", PLACE, "acquire")
    try:
        with pytest.raises(BoardBusyError, match="elsewhere/somebody"):
            LabgridPlace(PLACE)
        assert acquired(farm)  # a refused run must not give away what it does not hold
    finally:
        farm.client("-p", PLACE, "release")


def test_an_unknown_place_names_the_known_ones(farm):
    with pytest.raises(BoardNotFoundError, match=PLACE):
        LabgridPlace("pico-2")


def test_no_coordinator_is_one_line(monkeypatch):
    pytest.importorskip("labgrid")
    monkeypatch.setenv("LG_COORDINATOR", "127.0.0.1:1")
    with pytest.raises(TransportError) as caught:
        LabgridPlace(PLACE)
    assert "127.0.0.1:1" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_place_is_released_when_the_board_does_not_answer(farm):
    limits = AttachLimits(first_answer_s=0.0, boot_s=0.1)
    connection = Connection(parse_board(f"labgrid:{PLACE}"), limits=limits)
    with pytest.raises(TransportError):
        connection.open()
    assert acquired(farm)
    connection.close()
    assert not acquired(farm)


def test_a_board_that_nothing_else_brings_back_is_switched_off_and_on(farm):
    limits = AttachLimits(first_answer_s=1.0, prompt_s=1.0, reboot_s=0.5)
    connection = Connection(parse_board(f"labgrid:{PLACE}"), limits=limits)
    try:
        connection.open()
        farm.switched.clear()
        connection.repl.start("import micropython\nmicropython.kbd_intr(-1)\nwhile True: pass")
        time.sleep(0.2)
        assert connection.recover() == "power cycle"
        assert farm.switched == ["/1/0", "/1/1"]
        assert connection.repl.exec("print(6*7)") == b"42\n"
    finally:
        connection.close()


def test_a_whole_run(farm, pytester):
    pytester.makepyfile(
        """
        def test_lateness(figures):
            assert figures.all("lateness_p50_us")
        """
    )
    result = pytester.runpytest_subprocess(
        f"--board=labgrid:{PLACE}",
        "--hil-technique=timer_soft,round_robin",
        "--hil-load=idle",
        "--hil-duration-s=1",
    )
    result.assert_outcomes(passed=2)
    assert not acquired(farm)
