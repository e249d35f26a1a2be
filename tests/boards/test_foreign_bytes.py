"""What comes from a link beside the board's answers: log lines, AT commands, an echo."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.boards.foreign_bytes import ECHO, ESP_LOG, MODEM, ForeignBytes

ANSWER = (
    b"\r\nraw REPL; CTRL-B to exit\r\n>R\x01\x80\x00\x01\x01\x04hil 1001\r\n"
    b"hil:cap=WIFI,I E W (x) D\r\nTraceback (most recent call last):\r\n\x04\x04>OK"
)
LINES = (
    b"\x1b[0;32mI (1234) wifi:state: run -> init (0x3c0)\x1b[0m\r\n",
    b"\x1b[0;33mW (99) wifi:<ba-add>idx:0 (ifx:0, aa:bb:cc)\x1b[0m\n",
    b"E (4294967295) task_wdt: Task watchdog got triggered.\r\n",
    b"I (12:34:56.789) phy_init: phy_version 4830\n",
    b"D (1) a: \xc3\xa4\r\n",
)


@st.composite
def mixed_answers(draw):
    """The answer with lines at any positions in it, and cuts at any positions of both."""
    positions = sorted(draw(st.lists(st.integers(0, len(ANSWER)), max_size=4)))
    text, last = b"", 0
    for position in positions:
        text += ANSWER[last:position] + draw(st.sampled_from(LINES))
        last = position
    text += ANSWER[last:]
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12)))
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)], len(positions)


@given(mixed_answers())
def test_lines_anywhere_leave_the_answer_whole(mixed):
    parts, count = mixed
    foreign = ForeignBytes()
    answer, rest = b"", b""
    for part in parts:
        foreign.watch(part)
        whole, rest = foreign.strip(rest + part)
        answer += whole
    assert (answer, rest) == (ANSWER, b"")
    assert foreign.counts == {ESP_LOG: count, MODEM: 0, ECHO: 0}


@given(st.binary(max_size=300))
def test_nothing_is_lost_of_what_is_no_line(data):
    if b"\n" in data and b"(" in data:
        return
    whole, rest = ForeignBytes().strip(data)
    assert whole + rest == data


def test_a_line_without_end_is_given_back():
    endless = b"I (1) wifi: " + b"a" * 10_000
    whole, rest = ForeignBytes().strip(endless)
    assert whole + rest == endless
    assert len(rest) < 600


@pytest.mark.parametrize(
    "data",
    [
        b"AT\r",
        b"\r\n>>> AT+GCAP\r\n",
        b"AT\r\nATI\r",
        b"\rATE0\r",
        b"\rATQ0 V1 E1 S0=0\rAT&F\r",
        b">>> AT^CURC=0\r",
    ],
)
def test_the_commands_of_modem_manager_are_known(data):
    foreign = ForeignBytes()
    for at in range(len(data)):
        foreign.watch(data[at : at + 1])
    assert foreign.counts[MODEM]
    (warning,) = foreign.warnings
    assert "ID_MM_DEVICE_IGNORE" in warning


def test_an_error_that_only_such_a_command_makes_counts_too():
    foreign = ForeignBytes()
    foreign.notice_error("the board raised NameError: name 'ATE0' isn't defined")
    foreign.notice_error("the board raised NameError: name 'ticks' isn't defined")
    assert foreign.counts[MODEM] == 1


@pytest.mark.parametrize(
    "data",
    [
        ANSWER,
        b"AT LAST\r\nWHAT\r\nFORMAT\r",
        b"I am (12) tired: yes\r\n",
        b"x (I) y: z\r\n",
        b"\x01" * 9,
    ],
)
def test_what_is_usual_is_not_told(data):
    foreign = ForeignBytes()
    foreign.watch(data)
    assert foreign.warnings == ()
    assert foreign.strip(data + b"\n")[0] == data + b"\n"


def test_each_kind_is_told_once_with_what_stops_it():
    foreign = ForeignBytes()
    before = dict(foreign.counts)
    for line in LINES * 3:
        foreign.watch(line)
    foreign.watch(b"\x03\x03\x01")
    logs, echo = foreign.warnings
    assert "esp.osdebug(None)" in logs
    assert "`I (1234) wifi:state: run -> init (0x3c0)`" in logs
    assert "\x1b" not in logs
    assert "local echo" in echo
    assert foreign.since(before) == f"{logs}; {echo}"
    assert foreign.since(dict(foreign.counts)) == ""
