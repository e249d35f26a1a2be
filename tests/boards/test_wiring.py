import pytest

from hil.agents.bundle import agents_folder
from hil.boards.wiring import find_wiring, load_wiring
from hil.model.board import NO_WIRING
from hil.model.errors import ConfigurationError


def write(tmp_path, text):
    path = tmp_path / "board.toml"
    path.write_text(text)
    return path


def test_pins_and_jumper_are_read(tmp_path):
    wiring = load_wiring(
        write(tmp_path, 'name="x"\noutputs=[1,"LED"]\nloopback=[2,3]\ntimers=[-1]\navoid=[9]\n')
    )
    assert wiring.outputs == (1, "LED")
    assert wiring.loopback == (2, 3)
    assert wiring.capabilities == ("pins", "loopback")
    assert (wiring.sync, wiring.response) == (None, None)


def test_the_pins_for_an_instrument_are_read(tmp_path):
    wiring = load_wiring(write(tmp_path, 'sync=8\nresponse="D9"\n'))
    assert (wiring.sync, wiring.response) == (8, "D9")


def test_the_channels_of_an_instrument_are_read(tmp_path):
    wiring = load_wiring(write(tmp_path, '[edges]\nD0 = "task0"\n"Channel 3" = "loop"\n'))
    assert wiring.edges == {"D0": "task0", "Channel 3": "loop"}


def test_no_wiring_adds_no_capability():
    assert NO_WIRING.capabilities == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("outputs = [", "malformed TOML"),
        ("pin = 3", "unknown key 'pin'"),
        ("outputs = 3", "outputs must be a list"),
        ('outputs = ["a b"]', "not a pin"),
        ("outputs = [true]", "not a pin"),
        ("loopback = [1]", "pair"),
        ('timers = ["1"]', "whole numbers"),
        ("timers = [1000]", "1000: must be whole numbers from -1 to 999"),
        ("timers = [0x" + "f" * 5000 + "]", "more than 40 digits: must be whole numbers"),
        ("timers = [" + "1," * 65 + "]", "64 numbers at most"),
        ("timers = [inf]", "whole numbers"),
        ("outputs = [-1]", "-1 is not a pin"),
        ("outputs = [0x" + "f" * 5000 + "]", "not a pin"),
        ("outputs = [" + "9" * 5000 + "]", r"board\.toml:1: a number of more than 1000 digits"),
        ("sync = 1e400", "1e400 is not a pin"),
        ("clock_jump_us = inf", "clock_jump_us must be"),
        ("clock_jump_us = " + "9" * 400, "clock_jump_us must be"),
        ("x" + ".x" * 5000 + " = 1", "nested too deeply"),
        ("outputs = [4]\navoid = [4]", "avoided"),
        ("sync = 8\navoid = [8]", "avoided"),
        ("sync = 8\nresponse = 8", "response: pin 8 is used for something else too"),
        ("outputs = [8]\nsync = 8", "sync: pin 8 is used"),
        ("response = true", "response: True is not a pin"),
        ('match_machine = "("', "match_machine"),
        ("name = 3", "name must be a text"),
        ("edges = 3", "edges must be a table"),
        ("[edges]\nD0 = 3", r"edges\.D0: the name of a line"),
        ('[edges]\nD0 = "tsk0"', "did you mean task0"),
        ('[edges]\nD0 = "task0"\nD1 = "task0"', "task0 is given twice"),
    ],
)
def test_a_wrong_file_is_one_clear_line(tmp_path, text, said):
    with pytest.raises(ConfigurationError, match=said) as caught:
        load_wiring(write(tmp_path, text))
    assert "\n" not in str(caught.value)
    assert "board.toml" in str(caught.value)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match="can't read"):
        load_wiring(tmp_path / "none.toml")


def test_the_machine_text_chooses_the_wiring(tmp_path):
    write(tmp_path, 'match_machine = "Acme .* with M4"\noutputs=[7]')
    assert find_wiring(tmp_path, "Acme One with M4").outputs == (7,)
    assert find_wiring(tmp_path, "Other with M0") is NO_WIRING


def test_every_shipped_wiring_is_valid():
    files = sorted((agents_folder() / "wiring").glob("*.toml"))
    assert files
    for path in files:
        assert load_wiring(path).name
