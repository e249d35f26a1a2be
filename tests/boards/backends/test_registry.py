from pathlib import Path

import pytest

from hil.boards.backend import Backend, BoardSpec, BoardTraits
from hil.boards.backends import registry
from hil.boards.backends.registry import expand_boards, parse_board, recognise
from hil.boards.backends.sim import VirtualBoard
from hil.experiments.session import Session
from hil.model.errors import BoardNotFoundError, ConfigurationError


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
        ("pico", "pico", ""),
        ("pico:build/firmware.uf2?wires=none&ppm=-20.5&pace=1", "pico", "build/firmware.uf2"),
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
    ("text", "target", "baudrate", "slow"),
    [
        ("/dev/ttyUSB0", "/dev/ttyUSB0", 115200, None),
        ("u0?slow=80", "/dev/ttyUSB0", 115200, 80),
        ("/dev/ttyUSB0?baud=9600&slow=20", "/dev/ttyUSB0", 9600, 20),
        ("id:335A34?slow=20&baud=9600", "335A34", 9600, 20),
        ("port:COM7?slow=1000", "COM7", 115200, 1000),
        ("socket://b:1?slow=2", "socket://b:1", 115200, 2),
        ("rfc2217://b:1?a&slow=2&b&baud=300", "rfc2217://b:1?a&b", 300, 2),
    ],
)
def test_a_port_may_say_how_slow_its_board_is(text, target, baudrate, slow):
    spec = parse_board(text)
    assert (spec.target, spec.baudrate, spec.slow) == (target, baudrate, slow)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("u0?slow=0", "slow= needs a number from 1 to 1000"),
        ("u0?slow=1e3", "slow= needs a number from 1 to 1000"),
        ("socket://b:1?slow=", "slow= needs a number from 1 to 1000"),
        ("u0?slow=2&baud=9600&slow=3", "slow= is given twice"),
        ("u0?baud=9600&baud=9600", "baud= is given twice"),
    ],
)
def test_a_senseless_slowness_is_refused(text, said):
    with pytest.raises(ConfigurationError, match=said):
        parse_board(text)


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


class Shelf(Backend):
    """A backend with boards that are always attached."""

    name, forms, source = "shelf", "shelf:NAME", "emulator"
    traits = BoardTraits(plan_speed=3)

    def __init__(self, *names):
        self.names = names

    def parse(self, text):
        return BoardSpec(text, self, text[6:]) if text.startswith("shelf:") else None

    def attached(self):
        return [BoardSpec(f"shelf:{name}", self, name) for name in self.names]

    def recognises(self, facts):
        return facts.get("machine") == "shelf"


def test_auto_asks_every_backend(attached, monkeypatch):
    shelf = Shelf("a", "b")
    monkeypatch.setattr(registry, "BACKENDS", (*registry.BACKENDS, shelf))
    boards = expand_boards([parse_board("auto"), parse_board("sim")])
    assert [board.text for board in boards] == ["shelf:a", "shelf:b", "sim"]
    shelf.names = ()
    with pytest.raises(BoardNotFoundError, match="no USB serial port is attached"):
        expand_boards([parse_board("auto")])


def test_an_unknown_text_is_told_the_forms_of_all_backends():
    with pytest.raises(ConfigurationError) as caught:
        parse_board("ttyUSB0")
    for backend in registry.BACKENDS:
        for form in backend.forms.split(", "):
            assert form in str(caught.value)


def test_a_stored_run_is_no_board():
    spec = parse_board("replay:reports/latest")
    assert (spec.source, spec.slug, spec.stored_run) == ("replay", "replay", Path("reports/latest"))
    assert parse_board("sim").stored_run is None
    with pytest.raises(BoardNotFoundError, match="a stored run"):
        spec.backend.open(spec)


def test_a_board_says_itself_what_it_is(monkeypatch):
    monkeypatch.setattr(registry, "BACKENDS", (*registry.BACKENDS, Shelf()))
    assert recognise({"machine": "shelf"}).traits.plan_speed == 3
    assert recognise({"uid": b"hil-sim\0".hex()}).source == "sim"
    assert recognise({"machine": "Raspberry Pi Pico", "uid": "e66"}) is None


def test_the_embedded_board_is_known_also_behind_its_port(tmp_path, monkeypatch):
    monkeypatch.setenv("HIL_LOCK_DIR", str(tmp_path / "locks"))
    with VirtualBoard() as board, Session(parse_board(f"port:{board.port}")) as session:
        assert session.identity.source == "sim"
        assert session._connection.traits.resets_are_free
        assert session._connection.interrupt_power is None  # its reset button is not wired there


def test_a_port_may_be_any_url_that_is_opened_by_pyserial():
    spec = parse_board("port:loop://?logging=debug")
    assert (spec.backend.name, spec.target) == ("remote", "loop://?logging=debug")


@pytest.mark.parametrize("password", ["pw", "p/w", "p@w", "p?w", "p#w", "p:w", "p%40w"])
@pytest.mark.parametrize("form", ["socket://{}host:4000", "port:rfc2217://{}host:4000?baud=9600"])
def test_user_and_password_of_an_address_are_dropped_for_no_port_sends_them(form, password):
    spec = parse_board(form.format(f"meme:{password}@"))
    assert spec == parse_board(form.format(""))
    assert "meme" not in repr(spec) + spec.slug
