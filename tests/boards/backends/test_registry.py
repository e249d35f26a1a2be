import pytest

from hil.boards.backends.registry import parse_board
from hil.model.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "backend", "target"),
    [
        ("/dev/ttyUSB0", "serial", "/dev/ttyUSB0"),
        ("/dev/pts/7", "serial", "/dev/pts/7"),
        ("COM5", "serial", "COM5"),
        ("a0", "serial", "/dev/ttyACM0"),
        ("u12", "serial", "/dev/ttyUSB12"),
        ("c3", "serial", "COM3"),
        ("port:/dev/board", "serial", "/dev/board"),
        ("id:335A34", "serial", "335A34"),
        ("auto", "auto", ""),
        ("socket://bench:4000", "remote", "socket://bench:4000"),
        ("rfc2217://bench:4000", "remote", "rfc2217://bench:4000"),
        ("rfc2217://bench:4000?ign_set_control", "remote", "rfc2217://bench:4000?ign_set_control"),
        ("labgrid:pico-3", "labgrid", "pico-3"),
        ("replay:reports/latest", "replay", "reports/latest"),
    ],
)
def test_every_form_is_understood(text, backend, target):
    spec = parse_board(text)
    assert (spec.backend.name, spec.target) == (backend, target)


@pytest.mark.parametrize(
    ("text", "target", "baudrate"),
    [
        ("/dev/ttyUSB0", "/dev/ttyUSB0", 115200),
        ("/dev/ttyUSB0?baud=9600", "/dev/ttyUSB0", 9600),
        ("u0?baud=921600", "/dev/ttyUSB0", 921600),
        ("id:335A34?baud=57600", "335A34", 57600),
        ("rfc2217://b:1?baud=9600&ign_set_control", "rfc2217://b:1?ign_set_control", 9600),
        ("rfc2217://b:1?ign_set_control&baud=9600", "rfc2217://b:1?ign_set_control", 9600),
    ],
)
def test_a_port_may_carry_its_baud_rate(text, target, baudrate):
    spec = parse_board(text)
    assert (spec.target, spec.baudrate) == (target, baudrate)


@pytest.mark.parametrize(
    "text",
    ["u0?baud=", "u0?baud=fast", "u0?baud=1", "u0?baud=-9600", "u0?baud=99999999999"],
)
def test_a_senseless_baud_rate_is_refused(text):
    with pytest.raises(ConfigurationError, match="baud= needs a number"):
        parse_board(text)


def test_sim_carries_its_knobs():
    assert parse_board("sim:ppm=40,tick_bits=16").knobs.ppm == 40
    assert parse_board("sim").source == "sim"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "ttyUSB0",
        "id:",
        "port:",
        "replay:",
        "labgrid:",
        "sim:nose=1",
        "x0",
        "socket://bench",
        "socket://:4000",
        "socket://bench:99999",
        "socket://bench:port",
        "rfc2217://bench:0",
    ],
)
def test_what_is_no_board_is_refused_in_one_line(text):
    with pytest.raises(ConfigurationError) as caught:
        parse_board(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["/dev/../etc/x", "socket://a:1?c", "port:<script>"])
def test_the_slug_is_a_plain_folder_name(text):
    slug = parse_board(text).slug
    assert slug
    assert all(c.isalnum() or c in "-_" for c in slug)


@pytest.mark.parametrize(
    "text", ["rfc2217://[", "socket://[::1:5", "socket://]:1", f"/dev/ttyUSB0?baud={'9' * 5000}"]
)
def test_what_looks_like_an_address_and_is_none_is_refused(text):
    with pytest.raises(ConfigurationError, match="--board="):
        parse_board(text)
