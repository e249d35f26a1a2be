"""What `--hil-edges` takes, and which channel is which line."""

import pytest

from hil.model.edge_sources import map_channels, parse_edge_sources
from hil.model.edges import EDGE_NAME
from hil.model.errors import ConfigurationError


def parse(text):
    (spec,) = parse_edge_sources([text])
    return spec


@pytest.mark.parametrize(
    ("text", "kind", "target", "name"),
    [
        ("run.vcd", "file", "run.vcd", "recording"),
        ("C:\\run.sr", "file", "C:\\run.sr", "recording"),
        ("./sim", "file", "./sim", "recording"),
        ("sigrok:demo", "sigrok", "demo", "sigrok-demo"),
        ("sigrok:fx2lafw:1.3", "sigrok", "fx2lafw:1.3", "sigrok-fx2lafw"),
        ("saleae:", "saleae", "", "saleae"),
        ("saleae:bench:10430", "saleae", "bench:10430", "saleae"),
        ("board:/dev/ttyACM1", "board", "/dev/ttyACM1", "witness"),
        ("board:rfc2217://bench:4000", "board", "rfc2217://bench:4000", "witness"),
        ("sim", "sim", "", "sim"),
        ("pico", "pico", "", "pico"),
    ],
)
def test_the_forms(text, kind, target, name):
    spec = parse(text)
    assert (spec.kind, spec.target, spec.name) == (kind, target, name)
    assert (spec.text, spec.lines, spec.rate_hz) == (text, {}, None)
    assert EDGE_NAME.fullmatch(spec.name)


def test_channels_and_sample_rate_stand_behind_a_question_mark():
    spec = parse("odd?name.csv?ch0=task0&Channel%203=loop&rate=24M")
    assert spec.target == "odd?name.csv"
    assert spec.lines == {"ch0": "task0", "Channel 3": "loop"}
    assert spec.rate_hz == 24e6


def test_what_is_no_channel_of_a_board_belongs_to_its_port():
    spec = parse("board:/dev/ttyACM1?baud=9600&gp2=task0&3=task1")
    assert (spec.target, spec.lines) == ("/dev/ttyACM1?baud=9600", {"gp2": "task0", "3": "task1"})


@pytest.mark.parametrize(
    ("text", "rate"), [("24MHz", 24e6), ("500 kHz", 5e5), ("1.5m", 1.5e6), ("1000000", 1e6)]
)
def test_sample_rates(text, rate):
    assert parse(f"sigrok:demo?rate={text}").rate_hz == rate


def test_instruments_of_one_name_are_numbered():
    specs = parse_edge_sources(["a.vcd", "b.vcd", "sim", "c.csv"])
    assert [s.name for s in specs] == ["recording", "recording-2", "sim", "recording-3"]
    with pytest.raises(ConfigurationError, match="given twice"):
        parse_edge_sources(["a.vcd?ch0=task0", "a.vcd"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "needs a value"),
        ("?ch0=task0", "needs a value"),
        ("a\0.vcd", "needs a value"),
        ("board:", "needs a port"),
        ("sigrok:", "needs a driver"),
        ("sigrok:demo -x", "needs a driver"),
        ("sigrok:--help", "needs a driver"),
        ("sigrok:demo:a b", "needs a driver"),
        ("saleae:bench", "saleae:HOST:PORT"),
        ("saleae:bench:99999", "saleae:HOST:PORT"),
        ("saleae:bench:\u0663", "saleae:HOST:PORT"),
        ("sim:x", "stands alone"),
        ("pico:x.uf2", "stands alone"),
        ("a.vcd?", None),
        ("a.vcd?ch0", "CHANNEL=LINE"),
        ("a.vcd?=task0", "CHANNEL=LINE"),
        ("a.vcd?ch0=", "CHANNEL=LINE"),
        ("a.vcd?ch0=tsk0", "did you mean task0"),
        ("a.vcd?ch0=task99", "unknown line 'task99'"),
        ("a.vcd?ch0=task0&ch1=task0", "task0 is given twice"),
        ("a.vcd?ch0=task0&ch0=task1", "ch0 is given twice"),
        ("a.vcd?rate=fast", "no sample rate"),
        ("a.vcd?rate=0", "no sample rate"),
        ("a.vcd?rate=1e9", "no sample rate"),
        ("a.vcd?rate=999G", "no sample rate"),
        ("sim?rate=1M", "unknown line '1M'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text, words):
    if words is None:
        assert parse(text).lines == {}
        return
    with pytest.raises(ConfigurationError, match=words) as error:
        parse(text)
    assert "\n" not in str(error.value)


CHANNELS = ("D0", "D1", "Channel 2", "task0", "SDA")


def test_channels_are_named_or_numbered():
    given = {"ch0": "task0", "1": "task1", "channel 2": "loop", "sda": "sync"}
    assert map_channels("x", CHANNELS, given, {"D0": "sync"}) == {
        0: "task0", 1: "task1", 2: "loop", 4: "sync",
    }  # fmt: skip


def test_the_wiring_file_says_it_where_the_option_does_not():
    assert map_channels("x", CHANNELS, {}, {"D1": "task1"}) == {1: "task1"}


def test_names_that_are_lines_say_it_themselves():
    assert map_channels("x", CHANNELS, {}, {}) == {3: "task0"}


@pytest.mark.parametrize(
    ("channels", "given", "words"),
    [
        (("D0", "D1"), {}, r"which line, for example \?D0=task0"),
        ((), {}, "no channels"),
        (("task0", "task0"), {}, "which line"),
        (("D0", "D1"), {"ch7": "task0"}, "no channel ch7; it has D0, D1"),
        (("D0", "D1"), {"zebra": "task0"}, "no channel zebra"),
        (("D0", "A0"), {"0": "task0"}, "no channel 0"),
        (("D0", "D1"), {"D0": "task0", "ch0": "task1"}, "D0 is given twice"),
        (("D\x1b0",), {"9": "task0"}, r"it has 'D\\x1b0'"),
    ],
)
def test_channels_that_are_not_there(channels, given, words):
    with pytest.raises(ConfigurationError, match=words):
        map_channels("run.vcd", channels, given, {})
